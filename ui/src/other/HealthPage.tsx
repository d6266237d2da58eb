import { Box, Heading, HStack, SimpleGrid, Stack, Table, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { health } from "@/api/queries";
import type { ClusterRow, HealthRow, QueueRow } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { leaves } from "@/shared/fields";
import { Inside, Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { counted, sentence, shownValue } from "@/shared/words";

const SCOPES: readonly { scope: string; title: string }[] = [
  { scope: "repository", title: "Git hosts" },
  { scope: "github", title: "Credentials" },
  { scope: "service", title: "Services" },
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
            {SCOPES.map(({ scope, title }) => (
              <Section key={scope} title={title}>
                <Rows rows={rows.filter((row) => row.scope === scope)} />
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

function Rows({ rows }: { rows: readonly HealthRow[] }) {
  if (rows.length === 0) return <Nothing title="Nobody has looked yet" />;
  return (
    <Table.Root size="sm" variant="outline">
      <Table.Header>
        <Table.Row>
          <Table.ColumnHeader>Name</Table.ColumnHeader>
          <Table.ColumnHeader>Health</Table.ColumnHeader>
          <Table.ColumnHeader>Reasons</Table.ColumnHeader>
          <Table.ColumnHeader>Facts</Table.ColumnHeader>
          <Table.ColumnHeader>Looked at</Table.ColumnHeader>
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
              {[...leaves(row.facts)]
                .map(([name, value]) => `${sentence(name.slice(1))} ${shownValue(value)}`)
                .join(" · ")}
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
  if (rows.length === 0) return <Nothing title="No fabric has a cluster" />;
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
