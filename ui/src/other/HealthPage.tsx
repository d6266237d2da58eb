import { Box, Heading, HStack, SimpleGrid, Stack, Table, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { health } from "@/api/queries";
import type { ClusterRow, HealthRow, QueueRow } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { factLine } from "@/shared/facts";
import { Inside, Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { Status } from "@/shared/Status";
import { Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { useZone } from "@/shared/times";
import { counted, sentence } from "@/shared/words";

const SCOPES: readonly { scope: string; title: string; empty: string }[] = [
  { scope: "repository", title: "Git hosts", empty: "No repository was checked yet" },
  { scope: "github", title: "Credentials", empty: "There is no credential of a Git host's API to check" },
  { scope: "service", title: "Services", empty: "No service was checked yet" },
];

/** Git hosts, credentials, services, clusters and queues, each as it was last looked at. */
export function HealthPage() {
  const query = useQuery(health());
  return (
    <Page title="Health" name="Health">
      <Read query={query} what="health">
        {({ rows, clusters, queues }) => (
          <Stack gap={6}>
            <Section title="Queues">
              <Queues rows={queues} />
            </Section>
            {SCOPES.map(({ scope, title, empty }) => (
              <Section key={scope} title={title}>
                <Rows rows={rows.filter((row) => row.scope === scope)} empty={empty} />
              </Section>
            ))}
            <Section title="Clusters">
              <Clusters rows={clusters} />
            </Section>
          </Stack>
        )}
      </Read>
    </Page>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack as="section" gap={2} aria-label={title}>
      <Heading as="h2" size="sm">
        {title}
      </Heading>
      {children}
    </Stack>
  );
}

function Queues({ rows }: { rows: readonly QueueRow[] }) {
  return (
    <SimpleGrid minChildWidth="200px" gap={3}>
      {rows.map((queue) => (
        <Box key={queue.name} borderWidth="1px" borderRadius="md" p={3} fontSize="sm">
          <Text fontWeight="semibold">{sentence(queue.name)}</Text>
          <Text>
            {queue.due} due, {queue.running} running
            {queue.parked > 0 && `, ${queue.parked} parked`}
          </Text>
          {queue.oldest_due_at && (
            <Text color="fg.muted">
              oldest due <Time at={queue.oldest_due_at} />
            </Text>
          )}
        </Box>
      ))}
    </SimpleGrid>
  );
}

function Rows({ rows, empty }: { rows: readonly HealthRow[]; empty: string }) {
  const zone = useZone();
  if (rows.length === 0) return <Text color="fg.muted">{empty}</Text>;
  return (
    <Table.Root size="sm" variant="outline" tableLayout="fixed" minW="720px">
      <Table.Header>
        <Table.Row>
          <Table.ColumnHeader width="26%">Name</Table.ColumnHeader>
          <Table.ColumnHeader width="120px">Health</Table.ColumnHeader>
          <Table.ColumnHeader>Reasons</Table.ColumnHeader>
          <Table.ColumnHeader width="36%">Facts</Table.ColumnHeader>
          <Table.ColumnHeader width="110px">Looked at</Table.ColumnHeader>
        </Table.Row>
      </Table.Header>
      <Table.Body>
        {rows.map((row) => (
          <Table.Row key={`${row.scope} ${row.name}`}>
            <Table.Cell>
              <Name>{row.name}</Name>
            </Table.Cell>
            <Table.Cell>
              <Status state={row.health} />
            </Table.Cell>
            <Table.Cell overflowWrap="anywhere">{row.reasons.join("; ")}</Table.Cell>
            <Table.Cell color="fg.muted" overflowWrap="anywhere">
              {factLine(row.facts, zone)}
            </Table.Cell>
            <Table.Cell>
              <Time at={row.checked_at} />
            </Table.Cell>
          </Table.Row>
        ))}
      </Table.Body>
    </Table.Root>
  );
}

function Clusters({ rows }: { rows: readonly ClusterRow[] }) {
  if (rows.length === 0) return <Text color="fg.muted">No fabric has a cluster</Text>;
  return (
    <Table.Root size="sm" variant="outline">
      <Table.Header>
        <Table.Row>
          <Table.ColumnHeader>Connection</Table.ColumnHeader>
          <Table.ColumnHeader>Fabrics</Table.ColumnHeader>
          <Table.ColumnHeader>Their health</Table.ColumnHeader>
          <Table.ColumnHeader>Not asked for a while</Table.ColumnHeader>
        </Table.Row>
      </Table.Header>
      <Table.Body>
        {rows.map((row) => (
          <Table.Row key={row.connection_id}>
            <Table.Cell>
              <Name>{row.connection_id}</Name>
            </Table.Cell>
            <Table.Cell>
              <Inside to={`${addresses.fleet}?cluster=${encodeURIComponent(row.connection_id)}`}>
                {counted(row.fabrics, "fabric")}
              </Inside>
            </Table.Cell>
            <Table.Cell>
              <HStack gap={1} wrap="wrap">
                {Object.entries(row.health).map(([state, count]) => (
                  <Status key={state} state={state} label={`${state} ${count}`} />
                ))}
              </HStack>
            </Table.Cell>
            <Table.Cell overflowWrap="anywhere">{row.left_in_peace.join("; ") || "–"}</Table.Cell>
          </Table.Row>
        ))}
      </Table.Body>
    </Table.Root>
  );
}
