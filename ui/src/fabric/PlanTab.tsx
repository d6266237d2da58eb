import { Heading, HStack, SimpleGrid, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { Eye } from "lucide-react";
import { useMemo } from "react";
import { dryRuns } from "@/api/queries";
import type { DryRun, Fabric, Target } from "@/api/types";
import { BlastMap } from "@/plan/BlastMap";
import { groupsOf, together } from "@/plan/radius";
import { ActionButton } from "@/shared/ActionButton";
import { Read } from "@/shared/states";
import { DryRunView } from "./DryRunView";

const PLACES: readonly { target: Target; place: "git" | "cluster"; title: string }[] = [
  { target: "git", place: "git", title: "To Git" },
  { target: "kubernetes", place: "cluster", title: "To the cluster" },
];

/** What the next sync would write, delete and hold at each place: a dry run, started when somebody asks. */
export function PlanTab({ fabric }: { fabric: Fabric }) {
  const query = useQuery(dryRuns(fabric.name));
  return (
    <Read query={query} what="dry runs">
      {(runs) => (
        <Stack gap={6}>
          <SimpleGrid columns={{ base: 1, xl: 2 }} gap={6}>
            {PLACES.map(({ target, place, title }) => (
              <Stack as="section" key={target} gap={3} aria-label={title}>
                <HStack justify="space-between">
                  <Heading as="h2" size="sm">
                    {title}
                  </Heading>
                  <Ask fabric={fabric} place={place} />
                </HStack>
                <DryRunView
                  fabric={fabric.name}
                  generation={fabric.generation}
                  run={runs.find((one) => one.target === target)}
                />
              </Stack>
            ))}
          </SimpleGrid>
          <Concerned fabric={fabric} runs={runs} />
        </Stack>
      )}
    </Read>
  );
}

/** What the plans at both places concern together, in the network. */
function Concerned({ fabric, runs }: { fabric: Fabric; runs: readonly DryRun[] }) {
  const blast = useMemo(() => together(runs.map((run) => run.blast_radius)), [runs]);
  if (groupsOf(blast).length === 0) return null;
  return (
    <Stack as="section" gap={2} aria-label="In the network">
      <Heading as="h2" size="sm">
        In the network
      </Heading>
      <BlastMap fabric={fabric.name} blast={blast} />
    </Stack>
  );
}

function Ask({ fabric, place }: { fabric: Fabric; place: "git" | "cluster" }) {
  const step = fabric.steps.find((one) => one.place === place);
  return (
    <ActionButton
      name={`dry-run-${place}`}
      label="Dry run"
      icon={<Eye size={14} aria-hidden />}
      title={`Find out what the next sync of ${fabric.name} would do?`}
      obstacle={step?.enabled ? "" : "This sync is off"}
      plan={() => <Text>A run reads {place === "git" ? "Git" : "the cluster"} and compares. It writes nothing.</Text>}
      body={() => ({ fabric: fabric.name })}
    />
  );
}
