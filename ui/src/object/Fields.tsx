import { Box, Button, chakra, Stack, Table, Text } from "@chakra-ui/react";
import { type ReactNode, useMemo, useState } from "react";
import type { Drift, ObjectDetail } from "@/api/types";
import { Blamed, useBlame } from "@/history/Blamed";
import { type FieldRow, fieldRows } from "@/shared/fields";
import { Name } from "@/shared/links";
import { shownValue } from "@/shared/words";

export function Value({ value, marked = false }: { value: unknown; marked?: boolean }) {
  return (
    <Table.Cell
      fontFamily="mono"
      fontSize="xs"
      whiteSpace="pre-wrap"
      overflowWrap="anywhere"
      verticalAlign="top"
      bg={marked ? "bg.warning" : undefined}
    >
      <chakra.bdi>{shownValue(value)}</chakra.bdi>
    </Table.Cell>
  );
}

/** The path of a field; with *children* in the place of its plain text. */
export function Path({ path, children }: { path: string; children?: ReactNode }) {
  return (
    <Table.Cell asChild verticalAlign="top" fontFamily="mono" fontSize="xs" fontWeight="normal" overflowWrap="anywhere">
      <th scope="row">{children ?? <chakra.bdi>{path || "(whole object)"}</chakra.bdi>}</th>
    </Table.Cell>
  );
}

/** What others changed: the fabric's value of each field, and theirs; in the cluster also who set which. */
export function DriftFields({ drift }: { drift: Drift }) {
  const isManaged = drift.place === "cluster";
  return (
    <Box overflowX="auto">
      <Table.Root size="sm" variant="outline" tableLayout="fixed" minW="560px">
        <Table.Header>
          <Table.Row>
            <Table.ColumnHeader>Field</Table.ColumnHeader>
            <Table.ColumnHeader>The fabric wants</Table.ColumnHeader>
            <Table.ColumnHeader>{isManaged ? "In the cluster now" : "In Git now"}</Table.ColumnHeader>
            {isManaged && <Table.ColumnHeader>Field manager</Table.ColumnHeader>}
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {drift.differences.map((one) => (
            <Table.Row key={one.path}>
              <Path path={one.path} />
              <Value value={one.ours} />
              <Value value={one.theirs} marked />
              {isManaged && (
                <Table.Cell fontSize="xs" verticalAlign="top" overflowWrap="anywhere">
                  {one.by ? <Name>{one.by}</Name> : <chakra.span color="fg.muted">not named</chakra.span>}
                </Table.Cell>
              )}
            </Table.Row>
          ))}
        </Table.Body>
      </Table.Root>
    </Box>
  );
}

/** Every field at the three places, at first only those that differ, where any do; a path tells who set the field. */
export function ThreeWay({ detail }: { detail: ObjectDetail }) {
  const rows = useMemo(() => rowsOfDetail(detail), [detail]);
  const differing = rows.filter((row) => row.differs);
  const [all, setAll] = useState(differing.length === 0);
  const shown = all ? rows : differing;
  const origins = useBlame(detail);
  return (
    <Stack gap={2}>
      <Box display="flex" gap={2} alignItems="center" flexWrap="wrap">
        <Text fontSize="sm" color="fg.muted">
          {differing.length === 0
            ? "The places that have it agree."
            : `${differing.length} of ${rows.length} fields differ.`}
        </Text>
        {differing.length > 0 && (
          <Button size="xs" variant="outline" colorPalette="gray" aria-pressed={all} onClick={() => setAll(!all)}>
            {all ? "Only differences" : "All fields"}
          </Button>
        )}
      </Box>
      <Box overflowX="auto">
        <Table.Root size="sm" variant="outline" tableLayout="fixed" minW="720px">
          <Table.Header>
            <Table.Row>
              <Table.ColumnHeader>Field</Table.ColumnHeader>
              <Table.ColumnHeader>Database</Table.ColumnHeader>
              <Table.ColumnHeader>Git</Table.ColumnHeader>
              <Table.ColumnHeader>Cluster, as last applied</Table.ColumnHeader>
            </Table.Row>
          </Table.Header>
          <Table.Body>
            {shown.map((row) => (
              <Table.Row key={row.path}>
                <Path path={row.path}>
                  <Blamed path={row.path} origins={origins} />
                </Path>
                <Value value={row.database} marked={row.differs} />
                <Value value={row.git} marked={row.differs} />
                <Value value={row.cluster} marked={row.differs} />
              </Table.Row>
            ))}
          </Table.Body>
        </Table.Root>
      </Box>
    </Stack>
  );
}

function rowsOfDetail(detail: ObjectDetail): FieldRow[] {
  const places = {
    database: detail.database?.manifest,
    git: detail.git?.manifest,
    cluster: detail.cluster?.manifest,
  };
  return fieldRows(
    places,
    detail.differences.map((one) => one.path),
  );
}
