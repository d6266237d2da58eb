import { Heading, HStack, Stack, Text } from "@chakra-ui/react";
import type { StartedRollout } from "@/api/types";
import { countsLine } from "@/fabric/changes";
import { PlanView } from "@/plan/PlanView";
import { type Column, DataTable } from "@/shared/DataTable";
import { FabricLink, Name } from "@/shared/links";
import { Status } from "@/shared/Status";
import { counted, sentence } from "@/shared/words";

/** What a rollout would do: to which fabrics in which wave, to which objects, and to the first fabric field by field. */
export function PlannedRollout({ planned }: { planned: StartedRollout }) {
  const { fabrics, waves, changes, example, digest } = planned;
  return (
    <Stack gap={4} as="section" aria-label="The plan">
      <Text role="status">
        {counted(fabrics.length, "fabric")} in {counted(waves, "wave")}, content {digest}
      </Text>
      <DataTable label="Fabrics by wave" columns={FABRICS} rows={fabrics} idOf={(row) => row.fabric} maxHeight="40vh" />
      <Stack gap={1}>
        <Heading as="h2" size="sm">
          What happens
        </Heading>
        {changes.length === 0 && <Text>Every fabric has the change already.</Text>}
        {changes.slice(0, MOST).map((one) => (
          <HStack key={`${one.object} ${one.action}`} gap={2} wrap="wrap">
            <Status state={one.action} label={sentence(one.action)} />
            <Name>{one.object}</Name>
            <Text color="fg.muted">in {counted(one.fabrics, "fabric")}</Text>
          </HStack>
        ))}
        {changes.length > MOST && <Text color="fg.muted">and {changes.length - MOST} more</Text>}
      </Stack>
      <Stack gap={2}>
        <Heading as="h2" size="sm">
          For example in <Name>{example.fabric}</Name>
        </Heading>
        <PlanView plan={example} map />
      </Stack>
    </Stack>
  );
}

const MOST = 50;

const FABRICS: readonly Column<StartedRollout["fabrics"][number]>[] = [
  { id: "wave", header: "Wave", width: 80, cell: (row) => row.wave },
  { id: "fabric", header: "Fabric", width: 240, cell: (row) => <FabricLink name={row.fabric} /> },
  { id: "counts", header: "Objects", width: 320, cell: (row) => countsLine(row.counts) },
];
