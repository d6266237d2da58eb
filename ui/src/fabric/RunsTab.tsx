import { Heading, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { actions, timeline } from "@/api/queries";
import type { ActionRecord } from "@/api/types";
import { addresses } from "@/shared/addresses";
import type { Column } from "@/shared/DataTable";
import { Inside, Name, RunLink } from "@/shared/links";
import { PagedTable, rowsOf } from "@/shared/PagedTable";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";
import { runsOf } from "./runs";

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
          {(data) => <Runs rows={runsOf(rowsOf(data))} />}
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

function Runs({ rows }: { rows: ReturnType<typeof runsOf> }) {
  if (rows.length === 0) return <Nothing title="No run has done anything for this fabric yet" />;
  return (
    <Stack as="ul" gap={1} listStyleType="none">
      {rows.map((row) => (
        <Stack as="li" key={`${row.dag} ${row.run}`} direction="row" gap={3} wrap="wrap">
          <Time at={row.at} full />
          <Status state={row.status} reason={row.reason} />
          <RunLink dag={row.dag} run={row.run} />
          <Text fontFamily="mono" fontSize="xs" color="fg.muted">
            <Name>{row.run}</Name>
          </Text>
        </Stack>
      ))}
    </Stack>
  );
}

const ACTION_COLUMNS: readonly Column<ActionRecord>[] = [
  { id: "at", header: "When", width: 150, cell: (row) => <Time at={row.at} full /> },
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
