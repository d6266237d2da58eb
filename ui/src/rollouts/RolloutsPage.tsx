import { Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useMay } from "@/api/actions";
import { rollouts } from "@/api/queries";
import type { Rollout } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { type Column, DataTable } from "@/shared/DataTable";
import { Chips } from "@/shared/Filters";
import { Inside, Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { among, useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { progressLine } from "./waves";

const SHOW = [{ value: "open", word: "Not over" }] as const;

/** Rollouts, the newest first, each with how far it is. `?show=open` leaves out those that are over. */
export function RolloutsPage() {
  const may = useMay();
  const [params, change] = useParams();
  const show = among(params, "show", ["open"] as const);
  const query = useQuery(rollouts({ open: show.length > 0, limit: 500 }));
  return (
    <Page
      title="Rollouts"
      name="Rollouts"
      aside={may("start-rollout") && <Inside to={addresses.newRollout}>New rollout</Inside>}
    >
      <Stack gap={3}>
        <Chips label="Show" options={SHOW} chosen={show} change={(next) => change({ show: next })} />
        <Read query={query} what="rollouts">
          {(rows) =>
            rows.length === 0 ? (
              <Nothing title={show.length > 0 ? "No rollout is under way" : "There are no rollouts"}>
                A rollout gives one change to many fabrics, wave by wave.
              </Nothing>
            ) : (
              <DataTable label="Rollouts" columns={COLUMNS} rows={rows} idOf={(row) => String(row.number)} />
            )
          }
        </Read>
      </Stack>
    </Page>
  );
}

function Cut({ text }: { text: string }) {
  return (
    <Text truncate title={text}>
      <Name>{text}</Name>
    </Text>
  );
}

const COLUMNS: readonly Column<Rollout>[] = [
  { id: "number", header: "Number", width: 85, cell: (row) => row.number },
  {
    id: "name",
    header: "Rollout",
    width: 180,
    cell: (row) => (
      <Inside to={addresses.rollout(row.number)}>
        <Name>{row.name}</Name>
      </Inside>
    ),
  },
  { id: "state", header: "State", width: 120, cell: (row) => <Status state={row.state} reason={row.reason} /> },
  { id: "progress", header: "Progress", width: 230, cell: progressLine },
  { id: "fabrics", header: "Fabrics", width: 160, cell: (row) => <Cut text={row.selector || "all fabrics"} /> },
  { id: "reason", header: "Why it is so", width: 240, cell: (row) => <Cut text={row.reason} /> },
  { id: "why", header: "Reason", width: 200, cell: (row) => <Cut text={row.why} /> },
  { id: "by", header: "Begun by", width: 130, cell: (row) => <Name>{row.started_by}</Name> },
  { id: "at", header: "Begun", width: 110, cell: (row) => <Time at={row.started_at} /> },
];
