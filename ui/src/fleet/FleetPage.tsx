import { Box, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useMay } from "@/api/actions";
import { fleetCounters } from "@/api/queries";
import { addresses } from "@/shared/addresses";
import { Chips, Search } from "@/shared/Filters";
import { Inside } from "@/shared/links";
import { Page } from "@/shared/Page";
import { PagedTable, rowsOf } from "@/shared/PagedTable";
import { useParams } from "@/shared/params";
import { counted } from "@/shared/words";
import { BulkBar } from "./BulkBar";
import { COLUMNS } from "./columns";
import { filtersOf, firstRows } from "./filters";
import { STATES } from "./states";

/** What the URL says to show, and how to change it. */
function useFilters() {
  const [params, change] = useParams();
  return { ...filtersOf(params), change };
}

/** Every fabric in a row: filtered, sorted and counted by the server, kept in the URL, live. */
export function FleetPage() {
  const filters = useFilters();
  const { search, select, states, sort, scope, change } = filters;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const query = useInfiniteQuery(firstRows(filters));
  const counters = useQuery(fleetCounters(scope));
  const rows = useMemo(() => rowsOf(query.data), [query.data]);
  const selected = useMemo(() => rows.filter((row) => chosen.has(row.name)), [rows, chosen]);
  const options = STATES.map((state) => ({ ...state, count: counters.data?.states[state.value] }));
  return (
    <Page
      title="Fleet"
      name="Fleet"
      aside={
        <>
          <Search
            label="Labels, as in site=fra,tier!=lab"
            value={select}
            change={(text) => change({ select: text.trim() })}
          />
          <Search label="Search fabrics" value={search} change={(text) => change({ search: text })} />
        </>
      }
    >
      <Stack gap={3}>
        <Chips
          label="Show"
          options={options.filter(({ value, count }) => count !== 0 || states.includes(value))}
          chosen={states}
          change={(next) => change({ state: next })}
        />
        <Box display="flex" justifyContent="space-between" alignItems="center" minH="34px" gap={3} flexWrap="wrap">
          <Summary filters={filters} shown={query.data?.pages[0]?.total} all={counters.data?.total} />
          <BulkBar rows={selected} done={() => setChosen(new Set())} />
        </Box>
        <PagedTable
          label="Fabrics"
          query={query}
          columns={COLUMNS}
          idOf={(row) => row.name}
          sort={sort}
          onSort={(order) => change({ sort: order })}
          selection={{ ids: chosen, change: setChosen }}
          empty={filters.isFiltered ? NONE_FITS : NONE_AT_ALL}
        />
      </Stack>
    </Page>
  );
}

const NONE_FITS = { title: "No fabric fits these filters", hint: <Inside to={addresses.fleet}>Show all</Inside> };
const NONE_AT_ALL = {
  title: "There are no fabrics yet",
  hint: "Import one: hedgehog fabric import fabric.yaml wiring.yaml",
};

interface SummaryProps {
  filters: ReturnType<typeof useFilters>;
  shown: number | null | undefined;
  all: number | undefined;
}

/** How many fabrics there are with these filters, and the way back to all. */
function Summary({ filters: { repository, cluster, select, isFiltered }, shown, all }: SummaryProps) {
  const may = useMay();
  const count = shown ?? (isFiltered ? null : all);
  return (
    <Text color="fg.muted" fontSize="sm" role="status">
      {count != null && counted(count, "fabric")}
      {isFiltered && all !== undefined && ` of ${all.toLocaleString("en")}`}
      {repository && ` in repository ${repository}`}
      {cluster && ` on cluster ${cluster}`}
      {isFiltered && (
        <>
          {" · "}
          <Inside to={addresses.fleet}>Show all</Inside>
        </>
      )}
      {select && may("start-rollout") && (
        <>
          {" · "}
          <Inside to={`${addresses.newRollout}?${new URLSearchParams({ select })}`}>Roll a change out to them</Inside>
        </>
      )}
    </Text>
  );
}
