import { Box, Table } from "@chakra-ui/react";
import { Path, Value } from "@/object/Fields";

interface FieldTableProps {
  label: string;
  rows: readonly { path: string; before?: unknown; after?: unknown }[];
}

/** Fields with their values before and after. */
export function FieldTable({ label, rows }: FieldTableProps) {
  return (
    <Box overflowX="auto" tabIndex={0} role="region" aria-label={label}>
      <Table.Root size="sm" variant="outline" tableLayout="fixed" minW="560px" aria-label={label}>
        <Table.Header>
          <Table.Row>
            <Table.ColumnHeader>Field</Table.ColumnHeader>
            <Table.ColumnHeader>Before</Table.ColumnHeader>
            <Table.ColumnHeader>After</Table.ColumnHeader>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {rows.map((row) => (
            <Table.Row key={row.path}>
              <Path path={row.path} />
              <Value value={row.before} />
              <Value value={row.after} marked />
            </Table.Row>
          ))}
        </Table.Body>
      </Table.Root>
    </Box>
  );
}
