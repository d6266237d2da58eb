import { Button, Table } from "@chakra-ui/react";
import { ArrowDown, ArrowUp } from "lucide-react";

interface Sortable {
  header: string;
  sort?: string;
}

interface Props {
  column: Sortable;
  sort: string | undefined;
  onSort: ((order: string) => void) | undefined;
}

/** A column's head; one that sorts is a button, and tells screen readers the order. */
export function SortHeader({ column, sort, onSort }: Props) {
  if (!column.sort || !onSort) {
    return (
      <Table.ColumnHeader scope="col" color="fg.muted">
        {column.header}
      </Table.ColumnHeader>
    );
  }
  const up = sort === column.sort;
  const down = sort === `-${column.sort}`;
  const next = up ? `-${column.sort}` : column.sort;
  return (
    <Table.ColumnHeader scope="col" aria-sort={up ? "ascending" : down ? "descending" : "none"}>
      <Button
        variant="plain"
        size="xs"
        px={0}
        h="auto"
        color={up || down ? "fg" : "fg.muted"}
        fontWeight="medium"
        fontSize="sm"
        onClick={() => onSort(next)}
      >
        {column.header}
        {up && <ArrowUp size={12} aria-hidden />}
        {down && <ArrowDown size={12} aria-hidden />}
      </Button>
    </Table.ColumnHeader>
  );
}
