import { HStack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { pullRequests } from "@/api/queries";
import type { PullRequest } from "@/api/types";
import type { Column } from "@/shared/DataTable";
import { Search } from "@/shared/Filters";
import { FabricLink, Name, Outside } from "@/shared/links";
import { Page } from "@/shared/Page";
import { PagedTable } from "@/shared/PagedTable";
import { useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Time } from "@/shared/Time";

const COLUMNS: readonly Column<PullRequest>[] = [
  {
    id: "number",
    header: "Pull request",
    width: 120,
    cell: (row) => <Outside url={row.url}>#{row.number}</Outside>,
  },
  { id: "repository", header: "Repository", width: 160, cell: (row) => <Name>{row.repository}</Name> },
  { id: "author", header: "Author", width: 110, cell: (row) => <Name>{row.author}</Name> },
  {
    id: "branch",
    header: "Branch",
    width: 190,
    cell: (row) => (
      <Text truncate title={`${row.branch} into ${row.base}`}>
        <Name>{row.branch}</Name> → <Name>{row.base}</Name>
      </Text>
    ),
  },
  {
    id: "fabrics",
    header: "Fabrics",
    width: 160,
    cell: (row) => (
      <HStack gap={2} wrap="wrap">
        {row.fabrics.map((fabric) => (
          <FabricLink key={fabric} name={fabric} />
        ))}
      </HStack>
    ),
  },
  { id: "action", header: "Event", width: 100, cell: (row) => row.action },
  { id: "status", header: "Check", width: 110, cell: (row) => <Status state={row.status} /> },
  {
    id: "result",
    header: "Result",
    width: 260,
    cell: (row) => (
      <Text truncate title={row.result}>
        {row.result}
      </Text>
    ),
  },
  { id: "checked", header: "Checked", width: 100, cell: (row) => <Time at={row.checked_at} /> },
];

export function PullRequestsPage() {
  const [params, change] = useParams();
  const repository = params.get("repository") ?? "";
  const query = useInfiniteQuery(pullRequests(repository ? { repository } : {}));
  return (
    <Page
      title="Pull requests"
      name="Pull requests"
      aside={<Search label="Repository" value={repository} change={(text) => change({ repository: text })} />}
    >
      <PagedTable
        label="Pull requests"
        query={query}
        columns={COLUMNS}
        idOf={(row) => `${row.repository}#${row.number}`}
        empty={{
          title: repository ? "No pull request of this repository was announced" : "No pull request was announced yet",
          hint: "A Git host announces them by a webhook; see docs/github.md.",
        }}
      />
    </Page>
  );
}
