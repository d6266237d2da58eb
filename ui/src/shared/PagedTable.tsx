import type { RowData } from "@tanstack/react-table";
import { type ReactNode, useMemo } from "react";
import type { Page } from "@/api/types";
import { type Column, DataTable, type Selection } from "./DataTable";
import { Nothing, Read } from "./states";

interface PagedQuery<Row> {
  data: { pages: Page<Row>[] } | undefined;
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

interface Props<Row extends RowData> {
  label: string;
  query: PagedQuery<Row>;
  columns: readonly Column<Row>[];
  idOf: (row: Row) => string;
  nameOf?: (row: Row) => string;
  sort?: string;
  onSort?: (order: string) => void;
  selection?: Selection | undefined;
  maxHeight?: string;
  /** Shown when there are no rows. */
  empty: { title: string; hint?: ReactNode };
}

/** All rows that were read, of all pages. */
export function rowsOf<Row>(data: { pages: Page<Row>[] } | undefined): Row[] {
  return data?.pages.flatMap((page) => page.items) ?? [];
}

/** A list of the API as a table, with its loading, empty and error states. */
export function PagedTable<Row extends RowData>({ query, empty, ...table }: Props<Row>) {
  const rows = useMemo(() => rowsOf(query.data), [query.data]);
  return (
    <Read query={query} what={table.label}>
      {(data) => {
        if (rows.length === 0) return <Nothing title={empty.title}>{empty.hint}</Nothing>;
        return (
          <DataTable
            {...table}
            rows={rows}
            total={data.pages[0]?.total}
            more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => query.fetchNextPage() }}
          />
        );
      }}
    </Read>
  );
}
