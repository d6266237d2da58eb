import { Button, Field, HStack, Input, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { GitCompare } from "lucide-react";
import { type FormEvent, useMemo, useState } from "react";
import { history } from "@/api/queries";
import type { ChangeRow } from "@/api/types";
import { parseRef } from "@/shared/addresses";
import type { Column } from "@/shared/DataTable";
import { Search } from "@/shared/Filters";
import { Name, Subject } from "@/shared/links";
import { PagedTable } from "@/shared/PagedTable";
import { type Change, useParams } from "@/shared/params";
import { Time } from "@/shared/Time";
import { Comparison } from "./Comparison";
import { ends, MOMENT_HINT, through, touched } from "./origin";
import { RollbackButton } from "./RollbackButton";

/** Who changed what is wanted, through what, and why. `?by=` and `?object=` filter; `?from=&to=` compares two moments. */
export function HistoryTab({ fabric, followsGit }: { fabric: string; followsGit: boolean }) {
  const [params, change] = useParams();
  const by = params.get("by") ?? "";
  const object = params.get("object") ?? "";
  const from = params.get("from");
  const to = params.get("to");
  const query = useInfiniteQuery(history(fabric, { ...(by && { by }), ...(object && { object }) }));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const columns = useMemo(() => {
    const back = { fabric, object: parseRef(object) ? object : "", followsGit };
    return columnsOf(back, change);
  }, [fabric, object, followsGit, change]);
  const two = ends(chosen);
  return (
    <Stack gap={3}>
      <HStack justify="space-between" align="end" wrap="wrap" gap={3}>
        <HStack gap={2} wrap="wrap">
          <Search label="Changed by" value={by} width="180px" change={(text) => change({ by: text })} />
          <Search
            label="Object (Kind/namespace/name)"
            value={object}
            change={(text) => change({ object: text.trim() })}
          />
          {two && (
            <Button size="sm" onClick={() => change(two)}>
              <GitCompare size={14} aria-hidden />
              Compare the two
            </Button>
          )}
        </HStack>
        <Ends key={`${from} ${to}`} from={from} to={to} change={change} />
      </HStack>
      {to && <Comparison fabric={fabric} from={from} to={to} close={() => change({ from: null, to: null })} />}
      <PagedTable
        label={`History of ${fabric}`}
        query={query}
        columns={columns}
        idOf={(row) => String(row.generation ?? `-${row.id}`)}
        nameOf={(row) => `generation ${row.generation}`}
        selection={{ ids: chosen, change: setChosen }}
        empty={
          by || object
            ? { title: "No change fits these filters" }
            : { title: "Nothing was changed since it was created" }
        }
      />
    </Stack>
  );
}

interface EndsProps {
  from: string | null;
  to: string | null;
  change: (change: Change) => void;
}

/** Any two moments, by generation, time or commit. */
function Ends({ from, to, change }: EndsProps) {
  const [first, setFirst] = useState(from ?? "");
  const [second, setSecond] = useState(to ?? "now");
  const compare = (event: FormEvent) => {
    event.preventDefault();
    change({ from: first.trim(), to: second.trim() || "now" });
  };
  return (
    <form onSubmit={compare} aria-label="Compare two moments">
      <HStack gap={2} align="end">
        <Moment label="From" value={first} change={setFirst} placeholder="12, 2d, 5394cb7f" />
        <Moment label="To" value={second} change={setSecond} placeholder="now" />
        <Button type="submit" size="sm" variant="outline" disabled={first.trim() === ""}>
          Compare
        </Button>
      </HStack>
    </form>
  );
}

interface MomentProps {
  label: string;
  value: string;
  change: (value: string) => void;
  placeholder: string;
}

function Moment({ label, value, change, placeholder }: MomentProps) {
  return (
    <Field.Root width="150px">
      <Field.Label fontSize="xs">{label}</Field.Label>
      <Input
        size="sm"
        maxLength={64}
        value={value}
        placeholder={placeholder}
        title={MOMENT_HINT}
        onChange={(event) => change(event.target.value)}
      />
    </Field.Root>
  );
}

function Touched({ fabric, row }: { fabric: string; row: ChangeRow }) {
  const text = touched(row.counts, row.objects);
  const [only, ...more] = row.objects;
  if (only && more.length === 0) {
    return (
      <Text truncate title={text}>
        <Subject fabric={fabric} subject={only} /> {text.slice(only.length + 1)}
      </Text>
    );
  }
  return (
    <Text truncate title={row.objects.join("\n")}>
      {text}
    </Text>
  );
}

/** What a row is rolled back with: the object that the list is of, else all of the fabric. */
interface Back {
  fabric: string;
  object: string;
  followsGit: boolean;
}

function columnsOf(back: Back, change: (change: Change) => void): Column<ChangeRow>[] {
  const { fabric } = back;
  const show = (row: ChangeRow) => change({ from: null, to: String(row.generation) });
  return [
    { id: "at", header: "When", width: 175, cell: (row) => <Time at={row.at} full /> },
    { id: "generation", header: "Generation", width: 90, cell: (row) => row.generation ?? "–" },
    { id: "who", header: "Who", width: 150, cell: (row) => <Name>{row.who}</Name> },
    { id: "via", header: "Through", width: 110, cell: (row) => through(row.via) },
    { id: "what", header: "Changed", width: 250, cell: (row) => <Touched fabric={fabric} row={row} /> },
    {
      id: "why",
      header: "Why",
      width: 230,
      cell: (row) => (
        <Text truncate title={row.why}>
          <Name>{row.why}</Name>
        </Text>
      ),
    },
    {
      id: "commit",
      header: "Commit",
      width: 90,
      cell: (row) => (
        <Text fontFamily="mono" fontSize="xs" title={row.commit_id ?? undefined}>
          {row.commit_id?.slice(0, 8) ?? "–"}
        </Text>
      ),
    },
    {
      id: "do",
      header: "Actions",
      width: 150,
      cell: (row) =>
        row.generation !== null && (
          <HStack gap={1}>
            <Button
              size="2xs"
              variant="outline"
              colorPalette="gray"
              aria-label={`Show what generation ${row.generation} changed`}
              onClick={() => show(row)}
            >
              Show
            </Button>
            <RollbackButton {...back} to={row.generation} />
          </HStack>
        ),
    },
  ];
}
