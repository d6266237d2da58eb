import { HStack, Stack, Text } from "@chakra-ui/react";
import { useMemo } from "react";
import type { DryRun } from "@/api/types";
import { Blast } from "@/plan/Blast";
import { type Column, DataTable } from "@/shared/DataTable";
import { RunLink, Subject } from "@/shared/links";
import { Status } from "@/shared/Status";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";
import { countsLine } from "./changes";

type Planned = DryRun["changes"][number];

interface Props {
  fabric: string;
  /** The fabric's generation now: a dry run of an earlier one says nothing about the next sync. */
  generation: number;
  run: DryRun | undefined;
}

/** What a dry run found: the plan of the next sync. */
export function DryRunView({ fabric, generation, run }: Props) {
  const columns = useMemo(() => columnsOf(fabric), [fabric]);
  if (!run) return <Text color="fg.muted">No dry run yet.</Text>;
  const outdated = run.generation < generation;
  return (
    <Stack gap={2}>
      <HStack gap={3} wrap="wrap" fontSize="sm">
        <Status state={run.status} />
        <Text>
          <Time at={run.at} />, generation {run.generation}
        </Text>
        <RunLink dag={run.dag_id} run={run.run_id} />
      </HStack>
      {outdated && <Text>The fabric has changed since (generation {generation}): ask again.</Text>}
      {run.reason && <Text overflowWrap="anywhere">{run.reason}</Text>}
      <Text>{countsLine(run.counts)}</Text>
      {run.changes.length > 0 && <Blast blast={run.blast_radius} />}
      {run.changes.length > 0 && (
        <DataTable
          label="Plan"
          columns={columns}
          rows={run.changes}
          idOf={(change) => change.subject}
          maxHeight="50vh"
        />
      )}
    </Stack>
  );
}

function columnsOf(fabric: string): Column<Planned>[] {
  return [
    {
      id: "action",
      header: "Would be",
      width: 120,
      cell: (row) => <Status state={row.action} label={sentence(row.action)} />,
    },
    {
      id: "subject",
      header: "Object or file",
      width: 300,
      cell: (row) => <Subject fabric={fabric} subject={row.subject} />,
    },
    {
      id: "reason",
      header: "Reason",
      width: 220,
      cell: (row) => (
        <Text truncate title={row.reason}>
          {row.reason}
        </Text>
      ),
    },
  ];
}
