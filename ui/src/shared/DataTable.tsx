/**
 * A table of any length: only the rows in view are in the document, and further pages are read as they come into view.
 * Rows and cells are those of a real table, so that screen readers can walk it; `aria-rowcount` tells how long it is.
 */
import { Box, Table, Text } from "@chakra-ui/react";
import {
  createColumnHelper,
  FlexRender,
  type RowData,
  type Row as RowOf,
  type RowSelectionState,
  rowSelectionFeature,
  rowSortingFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, type Ref, useEffect, useMemo, useRef } from "react";
import { SelectAll, SelectRow } from "./Selection";
import { SortHeader } from "./SortHeader";

const features = tableFeatures({ rowSortingFeature, rowSelectionFeature });
/** Of a row of one line: with another estimate all are drawn again once they are measured. */
const ROW_HEIGHT = 34;
/** What a page has above and below its table. */
const FRAME = 320;
const SELECT_WIDTH = 40;
/** Hundreds of cells: plain elements, styled by their parent, are drawn several times faster than components. */
const BODY = {
  "& tr": { bg: "bg" },
  "& tr[data-chosen]": { bg: "bg.info" },
  "& td": {
    px: 2,
    py: 1.5,
    borderBottomWidth: "1px",
    overflow: "hidden",
    textOverflow: "ellipsis",
    textAlign: "start",
  },
};

export interface Column<Row> {
  id: string;
  header: string;
  /** In pixels; what is left over is shared out. */
  width: number;
  /** The name of this order in the API; without it the column does not sort. */
  sort?: string;
  cell: (row: Row) => ReactNode;
}

export interface Selection {
  ids: ReadonlySet<string>;
  change: (ids: Set<string>) => void;
}

interface Props<Row extends RowData> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  idOf: (row: Row) => string;
  /** How a row is called where it is selected. */
  nameOf?: (row: Row) => string;
  /** How many rows there are with those not yet read. */
  total?: number | null | undefined;
  more?: { has: boolean; loading: boolean; load: () => void };
  /** The order in the API's words, `-name` for the other way round. */
  sort?: string;
  onSort?: (order: string) => void;
  selection?: Selection | undefined;
  maxHeight?: string;
}

export function DataTable<Row extends RowData>(props: Props<Row>) {
  const { label, columns, rows, idOf, nameOf = idOf, total, more, selection } = props;
  const { maxHeight = `calc(100vh - ${FRAME}px)` } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const table = useModel(props);
  const model = table.getRowModel().rows;
  const virtualizer = useVirtualizer<HTMLDivElement, HTMLTableRowElement>({
    count: model.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    initialRect: { width: 0, height: Math.max(0, (globalThis.innerHeight ?? 0) - FRAME) },
    getItemKey: (index) => model[index]?.id ?? index,
    overscan: 5,
    useFlushSync: false,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more?.has && !more.loading && last >= model.length - 20) more.load();
  }, [last, model.length, more]);

  const width = columns.reduce((sum, column) => sum + column.width, selection ? SELECT_WIDTH : 0);
  const span = columns.length + (selection ? 1 : 0);
  return (
    <Box
      ref={scroller}
      role="region"
      aria-label={label}
      tabIndex={0}
      overflow="auto"
      maxH={maxHeight}
      minH="120px"
      borderWidth="1px"
      borderRadius="md"
    >
      <Table.Root
        size="sm"
        stickyHeader
        minW={`${width}px`}
        tableLayout="fixed"
        aria-rowcount={(total ?? rows.length) + 1}
        aria-label={label}
      >
        <Columns columns={columns} selection={selection} width={width} />
        <Head {...props} />
        <Body {...{ table, virtualizer, columns, selection, nameOf, span }} />
      </Table.Root>
      {more?.has && (
        <Text role="status" color="fg.muted" fontSize="sm" p={2}>
          Loading more …
        </Text>
      )}
    </Box>
  );
}

function Columns<Row>({
  columns,
  selection,
  width,
}: {
  columns: readonly Column<Row>[];
  selection: Selection | undefined;
  width: number;
}) {
  return (
    <colgroup>
      {selection && <col style={{ width: SELECT_WIDTH }} />}
      {columns.map((column) => (
        <col key={column.id} style={{ width: `${(100 * column.width) / width}%` }} />
      ))}
    </colgroup>
  );
}

function Head<Row extends RowData>({ columns, rows, idOf, selection, sort, onSort }: Props<Row>) {
  return (
    <Table.Header>
      <Table.Row aria-rowindex={1} bg="bg.subtle">
        {selection && <SelectAll ids={rows.map(idOf)} selection={selection} />}
        {columns.map((column) => (
          <SortHeader key={column.id} column={column} sort={onSort ? sort : undefined} onSort={onSort} />
        ))}
      </Table.Row>
    </Table.Header>
  );
}

interface BodyProps<Row extends RowData> {
  table: ReturnType<typeof useModel<Row>>;
  virtualizer: Virtualizer<HTMLDivElement, HTMLTableRowElement>;
  columns: readonly Column<Row>[];
  selection: Selection | undefined;
  nameOf: (row: Row) => string;
  span: number;
}

/** The rows in view, between the places of those that are not. */
function Body<Row extends RowData>({ table, virtualizer, columns, selection, nameOf, span }: BodyProps<Row>) {
  const model = table.getRowModel().rows;
  const items = virtualizer.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <Table.Body css={BODY}>
      <Spacer height={above} span={span} />
      {items.map((item) => {
        const row = model[item.index];
        if (!row) return null;
        return (
          <Line
            key={row.id}
            row={row}
            columns={columns}
            index={item.index}
            measure={virtualizer.measureElement}
            name={selection && nameOf(row.original)}
            chosen={selection?.ids.has(row.id)}
          />
        );
      })}
      <Spacer height={below} span={span} />
    </Table.Body>
  );
}

interface LineProps<Row extends RowData> {
  row: RowOf<typeof features, Row>;
  /** Those of which the row has cells. */
  columns: readonly Column<Row>[];
  index: number;
  measure: Ref<HTMLTableRowElement>;
  /** How the row is called where it is selected; without one it cannot be. */
  name: string | undefined;
  chosen: boolean | undefined;
}

/** One row. It is drawn again when its data, its columns or its selection changed, not with the page around it. */
const Line = memo(function Line<Row extends RowData>({ row, index, measure, name, chosen = false }: LineProps<Row>) {
  return (
    <tr ref={measure} data-index={index} data-chosen={chosen ? "" : undefined} aria-rowindex={index + 2}>
      {name !== undefined && (
        <td>
          <SelectRow name={name} isSelected={chosen} toggle={() => row.toggleSelected()} />
        </td>
      )}
      {row.getAllCells().map((cell) => (
        <td key={cell.id}>
          <FlexRender cell={cell} />
        </td>
      ))}
    </tr>
  );
}) as <Row extends RowData>(props: LineProps<Row>) => ReactNode;

/** Keeps the place of the rows that are not in the document. */
function Spacer({ height, span }: { height: number; span: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td colSpan={span} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}

/** The table's model: columns, row ids and selection. Filters and order are the server's. */
function useModel<Row extends RowData>({ columns, rows, idOf, selection }: Props<Row>) {
  const helper = useMemo(() => createColumnHelper<typeof features, Row>(), []);
  const definitions = useMemo(
    () =>
      helper.columns(
        columns.map((column) =>
          helper.display({ id: column.id, header: column.header, cell: ({ row }) => column.cell(row.original) }),
        ),
      ),
    [columns, helper],
  );
  const rowSelection = useMemo<RowSelectionState>(
    () => Object.fromEntries([...(selection?.ids ?? [])].map((id) => [id, true as const])),
    [selection?.ids],
  );
  return useTable({
    features,
    columns: definitions,
    data: rows as Row[],
    getRowId: idOf,
    manualSorting: true,
    state: { rowSelection },
    onRowSelectionChange: (update) => {
      const next = typeof update === "function" ? update(rowSelection) : update;
      selection?.change(new Set(Object.keys(next)));
    },
  });
}
