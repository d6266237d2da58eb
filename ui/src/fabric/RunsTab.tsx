import { Heading, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { actions, timeline } from "@/api/queries";
import type { ActionRecord } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { type Column, DataTable } from "@/shared/DataTable";
import { Inside, Name, RunLink } from "@/shared/links";
import { PagedTable, rowsOf } from "@/shared/PagedTable";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";
import { type Run, runsOf } from "./runs";

/** The runs of Airflow that did something for this fabric, and what people did with buttons and the API. */
export function RunsTab({ fabric }: { fabric: string }) {
  const syncs = useInfiniteQuery(timeline(fabric, undefined));
  const done = useInfiniteQuery(actions({ fabric }));
  return (
    <Stack gap={6}>
      <Stack as="section" gap={2} aria-label="Runs">
        <Heading as="h2" size="sm">
          Runs
        </Heading>
        <Read query={syncs} what="runs">
          {(data) => (
            <Runs
              fabric={fabric}
              rows={runsOf(rowsOf(data))}
              more={{ has: syncs.hasNextPage, loading: syncs.isFetchingNextPage, load: () => syncs.fetchNextPage() }}
            />
          )}
        </Read>
        <Text fontSize="sm" color="fg.muted">
          All runs in Airflow:{" "}
          {["hedgehog_git_sync", "hedgehog_kubernetes_sync", "hedgehog_repository_changes"].map((dag, at) => (
            <span key={dag}>
              {at > 0 && ", "}
              <Inside to={addresses.dag(dag)}>{dag}</Inside>
            </span>
          ))}
        </Text>
      </Stack>
      <Stack as="section" gap={2} aria-label="Actions">
        <Heading as="h2" size="sm">
          What people did
        </Heading>
        <PagedTable
          label={`Actions on ${fabric}`}
          query={done}
          columns={ACTION_COLUMNS}
          idOf={(row) => String(row.id)}
          maxHeight="360px"
          empty={{ title: "Nobody did anything with this fabric yet" }}
        />
      </Stack>
    </Stack>
  );
}

interface RunsProps {
  fabric: string;
  rows: Run[];
  more: { has: boolean; loading: boolean; load: () => void };
}

function Runs({ fabric, rows, more }: RunsProps) {
  if (rows.length === 0) return <Nothing title="No run has done anything for this fabric yet" />;
  return (
    <DataTable
      label={`Runs for ${fabric}`}
      columns={RUN_COLUMNS}
      rows={rows}
      idOf={(row) => `${row.dag} ${row.run}`}
      more={more}
      maxHeight="420px"
    />
  );
}

const RUN_COLUMNS: readonly Column<Run>[] = [
  { id: "at", header: "When", width: 175, cell: (row) => <Time at={row.at} full /> },
  { id: "status", header: "Outcome", width: 110, cell: (row) => <Status state={row.status} reason={row.reason} /> },
  { id: "dag", header: "DAG", width: 150, cell: (row) => <RunLink dag={row.dag} run={row.run} /> },
  { id: "run", header: "Run", width: 320, cell: (row) => <Name>{row.run}</Name> },
  { id: "reason", header: "Reason", width: 280, cell: (row) => <Name>{row.reason}</Name> },
];

const ACTION_COLUMNS: readonly Column<ActionRecord>[] = [
  { id: "at", header: "When", width: 175, cell: (row) => <Time at={row.at} full /> },
  { id: "actor", header: "Who", width: 120, cell: (row) => <Name>{row.actor}</Name> },
  { id: "action", header: "Did", width: 130, cell: (row) => sentence(row.action) },
  {
    id: "subjects",
    header: "With",
    width: 260,
    cell: (row) => (
      <Text truncate title={row.subjects.join("\n")}>
        {row.subjects.join(", ")}
      </Text>
    ),
  },
  { id: "reason", header: "Reason", width: 220, cell: (row) => <Name>{row.reason}</Name> },
  { id: "run", header: "Run", width: 140, cell: (row) => <RunLink dag={row.dag_id} run={row.run_id} /> },
];
