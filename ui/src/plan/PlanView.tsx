import { Heading, List, Stack, Text } from "@chakra-ui/react";
import { useMemo } from "react";
import type { ChangePlan } from "@/api/types";
import { countsLine } from "@/fabric/changes";
import { Differences } from "@/history/Comparison";
import { Name } from "@/shared/links";
import { Status } from "@/shared/Status";
import { Blast } from "./Blast";
import { BlastMap } from "./BlastMap";

type Part = ChangePlan["parts"][number];

const PLACES: ReadonlyMap<string, string> = new Map([
  ["database", "Objects of the fabric"],
  ["git", "In Git"],
  ["kubernetes", "In the cluster"],
]);

interface Props {
  plan: ChangePlan;
  /** Draws what it concerns in the network as well. */
  map?: boolean;
}

/** A plan: what happens at each place, field by field, what is held or lost, and what all of it concerns. */
export function PlanView({ plan, map = false }: Props) {
  return (
    <Stack gap={4}>
      <Text color="fg.muted">
        A change of <Name>{plan.fabric}</Name>, made from generation {plan.generation}
      </Text>
      {plan.parts.map((part) => (
        <PartView key={part.place} fabric={plan.fabric} part={part} />
      ))}
      <Blast blast={plan.blast_radius} />
      {map && <BlastMap fabric={plan.fabric} blast={plan.blast_radius} />}
    </Stack>
  );
}

function PartView({ fabric, part }: { fabric: string; part: Part }) {
  const objects = useMemo(
    () =>
      part.changes.map(({ object, action, differences, reason }) => ({
        object,
        action,
        fields: differences,
        note: reason,
      })),
    [part],
  );
  const title = PLACES.get(part.place) ?? part.place;
  return (
    <Stack as="section" gap={2} aria-label={title}>
      <Heading as="h3" size="xs">
        {title}: {countsLine({ ...part.counts, unchanged: part.unchanged })}
      </Heading>
      {part.unverified && <Text overflowWrap="anywhere">{part.unverified}</Text>}
      {part.warnings.map((warning) => (
        <Text key={warning} overflowWrap="anywhere">
          {warning}
        </Text>
      ))}
      <Held part={part} />
      {objects.length > 0 && <Differences fabric={fabric} objects={objects} />}
    </Stack>
  );
}

/** What is refused or left alone, and the changes by others that would be overwritten. */
function Held({ part }: { part: Part }) {
  if (part.held.length + part.drift.length === 0) return null;
  return (
    <List.Root gap={1} variant="plain" aria-label="Held, and overwritten">
      {part.held.map((one) => (
        <List.Item key={one.subject} overflowWrap="anywhere">
          <Status state={one.refused ? "refused" : "held"} /> <Name>{one.subject}</Name>: {one.reason}
        </List.Item>
      ))}
      {part.drift.map((one) => (
        <List.Item key={one.subject} overflowWrap="anywhere">
          <Status state="drifted" label="Overwritten" /> <Name>{one.subject}</Name>: {one.summary}
        </List.Item>
      ))}
    </List.Root>
  );
}

/** Whether a cluster would refuse any of it. */
export const isRefused = (plan: ChangePlan) => plan.parts.some((part) => part.held.some((one) => one.refused));
