import { chakra, HStack, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { trace } from "@/api/queries";
import type { Trace } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { Inside, Name } from "@/shared/links";
import { Failure } from "@/shared/states";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";
import { through } from "./origin";

type Stage = Trace["stages"][number];

/** The last change on its way: changed → committed → applied → converged, each with its time or what it waits for. */
export function TraceLine({ fabric }: { fabric: string }) {
  const query = useQuery(trace(fabric));
  if (query.error) return <Failure error={query.error} retry={() => query.refetch()} />;
  const last = query.data?.[0];
  if (!last) return <Text color="fg.muted">Last change: …</Text>;
  const { change, stages } = last;
  const shown = { from: null, to: String(change.generation) };
  return (
    <Stack as="section" aria-label="The last change" gap={1} fontSize="sm">
      <Text overflowWrap="anywhere">
        <Inside to={`${addresses.fabric(fabric, "history")}?to=${shown.to}`}>Last change</Inside>: generation{" "}
        {change.generation} by <Name>{change.who}</Name> ({through(change.via)})
        {change.why && (
          <>
            {": "}
            <Name>{change.why}</Name>
          </>
        )}
      </Text>
      <HStack as="ol" gap={2} wrap="wrap" listStyleType="none" aria-label="How far it has come">
        {stages.map((stage, at) => (
          <HStack as="li" key={stage.name} gap={2}>
            {at > 0 && (
              <chakra.span color="fg.muted" aria-hidden>
                <ArrowRight size={14} />
              </chakra.span>
            )}
            <Reached stage={stage} />
          </HStack>
        ))}
      </HStack>
    </Stack>
  );
}

function Reached({ stage: { name, at, by, waits_for: waitsFor, note } }: { stage: Stage }) {
  if (at) {
    return (
      <Text title={by || undefined}>
        <strong>{sentence(name)}</strong> <Time at={at} full />
      </Text>
    );
  }
  return (
    <Text color="fg.muted" overflowWrap="anywhere">
      {sentence(name)}: {note || (waitsFor ? `waits for ${waitsFor}` : "not yet")}
    </Text>
  );
}
