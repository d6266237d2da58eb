import { Box, chakra, HStack, IconButton, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useMemo, useState } from "react";
import { objects } from "@/api/queries";
import type { Fabric, ObjectState } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { type Column, DataTable } from "@/shared/DataTable";
import { Chips, Search } from "@/shared/Filters";
import { Inside, Name, Subject } from "@/shared/links";
import { rowsOf } from "@/shared/PagedTable";
import { among, type Change, useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { counted, look } from "@/shared/words";
import { type TreeRow, toggled, treeRows } from "./tree";

const NOT_IN_ORDER: readonly ObjectState[] = ["refused", "failed", "held", "drifted", "pending", "deleting"];
const PAGE = 500;
const NO_COUNTS: ReadonlyMap<string, number> = new Map();

/** The objects by kind; each opens to what it refers to. */
export function ObjectsTab({ fabric }: { fabric: Fabric }) {
  const [params, change] = useParams();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const kinds = fabric.kinds.map((one) => one.kind);
  const kind = among(params, "kind", kinds)[0];
  const states = among(params, "state", NOT_IN_ORDER);
  const search = params.get("search") ?? "";
  const query = useInfiniteQuery(objects(fabric.name, { search, state: states, limit: PAGE, ...(kind && { kind }) }));
  const filtered = states.length > 0 || search !== "";
  const counts = useMemo(
    () => (filtered ? NO_COUNTS : new Map(fabric.kinds.map((one) => [one.kind, one.objects]))),
    [fabric.kinds, filtered],
  );
  const read = useMemo(() => rowsOf(query.data), [query.data]);
  const rows = useMemo(() => treeRows(read, { closed, open, counts }), [read, closed, open, counts]);
  const columns = useMemo(
    () =>
      treeColumns(fabric.name, (row) =>
        row.type === "kind" ? setClosed((now) => toggled(now, row.id)) : setOpen((now) => toggled(now, row.id)),
      ),
    [fabric.name],
  );

  return (
    <Stack gap={3}>
      <Filters fabric={fabric} kind={kind} states={states} search={search} change={change} />
      <Read query={query} what="objects">
        {(data) =>
          rows.length === 0 ? (
            <Nothing title={filtered || kind ? "No object fits these filters" : "This fabric has no objects"} />
          ) : (
            <DataTable
              label={`Objects of ${fabric.name}`}
              columns={columns}
              rows={rows}
              idOf={(row) => row.id}
              total={data.pages[0]?.total}
              more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => query.fetchNextPage() }}
            />
          )
        }
      </Read>
    </Stack>
  );
}

interface FiltersProps {
  fabric: Fabric;
  kind: string | undefined;
  states: readonly ObjectState[];
  search: string;
  change: (change: Change) => void;
}

function Filters({ fabric, kind, states, search, change }: FiltersProps) {
  const stateOptions = NOT_IN_ORDER.map((value) => ({ value, word: look(value).word }));
  const allOff = states.length === NOT_IN_ORDER.length;
  return (
    <>
      <HStack gap={4} wrap="wrap">
        <Search label="Search objects" value={search} change={(text) => change({ search: text })} />
        <Chips
          label="Only"
          options={[{ value: "all", word: "Not in order" }]}
          chosen={allOff ? ["all"] : []}
          change={(next) => change({ state: next.length > 0 ? NOT_IN_ORDER : null })}
        />
        {!allOff && (
          <Chips label="State" options={stateOptions} chosen={states} change={(next) => change({ state: next })} />
        )}
      </HStack>
      <Chips
        label="Kind"
        options={fabric.kinds.map((one) => ({ value: one.kind, word: one.kind, count: one.objects }))}
        chosen={kind ? [kind] : []}
        change={(next) => change({ kind: next.at(-1) ?? null })}
      />
    </>
  );
}

interface OpenerProps {
  what: string;
  isOpen: boolean;
  toggle: () => void;
}

function Opener({ what, isOpen, toggle }: OpenerProps) {
  return (
    <IconButton
      size="2xs"
      variant="ghost"
      colorPalette="gray"
      aria-expanded={isOpen}
      aria-label={`${isOpen ? "Hide" : "Show"} ${what}`}
      onClick={toggle}
    >
      {isOpen ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
    </IconButton>
  );
}

function NameCell({ fabric, row, toggle }: { fabric: string; row: TreeRow; toggle: () => void }) {
  if (row.type === "kind") {
    return (
      <HStack gap={1}>
        <Opener what={`objects of kind ${row.kind}`} isOpen={row.isOpen} toggle={toggle} />
        <Text fontWeight="semibold">{row.kind}</Text>
        <Text color="fg.muted">{counted(row.count, "object")}</Text>
      </HStack>
    );
  }
  if (row.type === "lost") {
    return (
      <Box ps={`${row.depth * 24 + 28}px`}>
        <Subject fabric={fabric} subject={row.ref} />
      </Box>
    );
  }
  const { object, depth, isOpen } = row;
  return (
    <HStack gap={1} ps={`${depth * 24}px`}>
      {object.refers_to.length > 0 ? (
        <Opener what={`what ${object.name} refers to`} isOpen={isOpen} toggle={toggle} />
      ) : (
        <Box w="24px" flexShrink={0} />
      )}
      {depth > 1 && <Text color="fg.muted">{object.kind}</Text>}
      <Inside to={addresses.object(fabric, object.kind, object.namespace, object.name)}>
        <Name>{object.name}</Name>
      </Inside>
      {object.namespace !== "default" && <chakra.span color="fg.muted">{object.namespace}</chakra.span>}
    </HStack>
  );
}

function treeColumns(fabric: string, toggle: (row: TreeRow) => void): Column<TreeRow>[] {
  return [
    {
      id: "name",
      header: "Object",
      width: 340,
      cell: (row) => <NameCell fabric={fabric} row={row} toggle={() => toggle(row)} />,
    },
    {
      id: "state",
      header: "State",
      width: 120,
      cell: (row) => row.type === "object" && <Status state={row.object.state} reason={row.object.reason} />,
    },
    {
      id: "git",
      header: "Git",
      width: 100,
      cell: (row) => row.type === "object" && <Status state={row.object.git} />,
    },
    {
      id: "cluster",
      header: "Cluster",
      width: 100,
      cell: (row) => row.type === "object" && <Status state={row.object.cluster} />,
    },
    {
      id: "changed",
      header: "Last change",
      width: 110,
      cell: (row) => row.type === "object" && <Time at={row.object.changed_at} />,
    },
    {
      id: "reason",
      header: "Reason",
      width: 300,
      cell: (row) =>
        row.type === "object" && (
          <Text truncate title={row.object.reason}>
            {row.object.reason}
          </Text>
        ),
    },
  ];
}
