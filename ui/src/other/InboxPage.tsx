import { HStack, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { deliveries, deliverySummary } from "@/api/queries";
import type { Delivery } from "@/api/types";
import { CopyButton } from "@/shared/CopyButton";
import type { Column } from "@/shared/DataTable";
import { Chips, Search } from "@/shared/Filters";
import { Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { PagedTable } from "@/shared/PagedTable";
import { among, useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Time } from "@/shared/Time";
import { counted, sentence } from "@/shared/words";

const STATUSES = ["received", "processing", "done", "failed", "ignored"] as const;

const COLUMNS: readonly Column<Delivery>[] = [
  { id: "at", header: "Received", width: 175, cell: (row) => <Time at={row.received_at} full /> },
  { id: "repository", header: "Repository", width: 170, cell: (row) => <Name>{row.repository}</Name> },
  {
    id: "event",
    header: "Event",
    width: 150,
    cell: (row) => (row.action ? `${row.event} (${row.action})` : row.event),
  },
  {
    id: "what",
    header: "What",
    width: 180,
    cell: (row) => <Name>{row.number === null ? row.branch : `#${row.number} ${row.branch}`}</Name>,
  },
  {
    id: "commit",
    header: "Commit",
    width: 120,
    cell: (row) => {
      const commit = row.after || row.head;
      return (
        commit && (
          <HStack gap={1}>
            <Text fontFamily="mono" fontSize="xs" title={commit}>
              {commit.slice(0, 8)}
            </Text>
            <CopyButton text={commit} what="the commit" />
          </HStack>
        )
      );
    },
  },
  { id: "status", header: "Status", width: 110, cell: (row) => <Status state={row.status} reason={row.reason} /> },
  {
    id: "attempts",
    header: "Attempts",
    width: 170,
    cell: (row) => (
      <>
        {row.attempts}
        {row.next_attempt_at && (
          <>
            , next <Time at={row.next_attempt_at} />
          </>
        )}
      </>
    ),
  },
  {
    id: "reason",
    header: "Reason",
    width: 240,
    cell: (row) => (
      <Text truncate title={row.reason}>
        {row.reason}
      </Text>
    ),
  },
];

/** What Git hosts sent, and what was refused. */
export function InboxPage() {
  const [params, change] = useParams();
  const status = among(params, "status", STATUSES);
  const repository = params.get("repository") ?? "";
  const query = useInfiniteQuery(deliveries({ status, ...(repository && { repository }) }));
  const summary = useQuery(deliverySummary());
  const refusals = Object.entries(summary.data?.refusals ?? {}).filter(([, count]) => count > 0);
  return (
    <Page
      title="Inbox"
      name="Inbox"
      aside={<Search label="Repository" value={repository} change={(text) => change({ repository: text })} />}
    >
      <Stack gap={3}>
        <Chips
          label="Status"
          options={STATUSES.map((value) => ({
            value,
            word: sentence(value),
            count: summary.data ? (summary.data.deliveries[value] ?? 0) : undefined,
          }))}
          chosen={status}
          change={(next) => change({ status: next })}
        />
        {refusals.length > 0 && (
          <Text fontSize="sm">
            Refused:{" "}
            {refusals.map(([reason, count]) => `${counted(count, "delivery", "deliveries")} (${reason})`).join(", ")}
          </Text>
        )}
        <PagedTable
          label="Deliveries"
          query={query}
          columns={COLUMNS}
          idOf={(row) => String(row.id)}
          empty={{
            title:
              status.length > 0 || repository ? "No delivery fits these filters" : "No Git host has sent anything yet",
            hint: "docs/webhooks.md says how to set up a webhook; without one, repositories are polled.",
          }}
        />
      </Stack>
    </Page>
  );
}
