import { Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { proposals } from "@/api/queries";
import type { Proposal } from "@/api/types";
import { through } from "@/history/origin";
import { addresses } from "@/shared/addresses";
import { type Column, DataTable } from "@/shared/DataTable";
import { Chips } from "@/shared/Filters";
import { FabricLink, Inside, Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { among, useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";

const STATES = ["waiting", "approved", "applied", "rejected", "superseded"] as const;
const OPTIONS = STATES.map((value) => ({ value, word: sentence(value) }));

/** Changes that wait for approval; `?status=` shows what became of others. */
export function ProposalsPage() {
  const [params, change] = useParams();
  const chosen = among(params, "status", STATES);
  const query = useQuery(proposals({ status: chosen, limit: 500 }));
  return (
    <Page title="Proposals" name="Proposals">
      <Stack gap={3}>
        <Chips label="Show" options={OPTIONS} chosen={chosen} change={(next) => change({ status: next })} />
        <Read query={query} what="proposals">
          {(rows) =>
            rows.length === 0 ? (
              <Nothing title={chosen.length > 0 ? "No proposal is in such a state" : "Nothing waits for approval"}>
                Which changes need approval is decided with hedgehog approval require.
              </Nothing>
            ) : (
              <DataTable label="Proposals" columns={COLUMNS} rows={rows} idOf={(row) => String(row.id)} />
            )
          }
        </Read>
      </Stack>
    </Page>
  );
}

const COLUMNS: readonly Column<Proposal>[] = [
  {
    id: "id",
    header: "Proposal",
    width: 90,
    cell: (row) => <Inside to={addresses.proposal(row.id)}>{`#${row.id}`}</Inside>,
  },
  { id: "status", header: "State", width: 120, cell: (row) => <Status state={row.status} reason={row.decision} /> },
  { id: "fabric", header: "Fabric", width: 160, cell: (row) => <FabricLink name={row.fabric} /> },
  { id: "author", header: "Author", width: 150, cell: (row) => <Name>{row.author}</Name> },
  { id: "via", header: "Through", width: 110, cell: (row) => through(row.via) },
  {
    id: "reason",
    header: "Reason",
    width: 240,
    cell: (row) => (
      <Text truncate title={row.reason}>
        <Name>{row.reason}</Name>
      </Text>
    ),
  },
  {
    id: "needs",
    header: "Needs approval by",
    width: 260,
    cell: (row) => (
      <Text truncate title={row.needs_approval.join("\n")}>
        {row.needs_approval.join("; ")}
      </Text>
    ),
  },
  { id: "at", header: "Since", width: 110, cell: (row) => <Time at={row.created_at} /> },
  { id: "by", header: "Decided by", width: 130, cell: (row) => <Name>{row.decided_by ?? "–"}</Name> },
];
