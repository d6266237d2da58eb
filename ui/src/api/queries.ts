/**
 * What pages read, each with the key under which it is kept. A key begins with what makes it stale: `fleet`, a fabric
 * (`["fabric", name, …]`), or a topic of `/changes`.
 */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, read } from "./client";
import type { Page, Query, Target } from "./types";

type Paged<Given> = Omit<Given, "cursor">;

/** Reads page after page, each with the cursor of the one before. */
function pages<Item>(key: readonly unknown[], ask: (cursor: string | undefined) => Promise<Page<Item>>) {
  return infiniteQueryOptions({
    queryKey: key,
    queryFn: ({ pageParam }) => ask(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<Item>) => last.next_cursor ?? undefined,
  });
}

export const fleet = (query: Paged<Query<"/fleet">>) =>
  pages(["fleet", "list", query], (cursor) =>
    read(api().GET("/fleet", { params: { query: cursor ? { ...query, cursor } : query } })),
  );

export const fleetCounters = (query: Query<"/fleet/counters">) =>
  queryOptions({
    queryKey: ["fleet", "counters", query],
    queryFn: () => read(api().GET("/fleet/counters", { params: { query } })),
  });

export const permissions = () =>
  queryOptions({ queryKey: ["me"], queryFn: () => read(api().GET("/me")), staleTime: 60_000 });

export const fabric = (name: string) =>
  queryOptions({
    queryKey: ["fabric", name, "head"],
    queryFn: () => read(api().GET("/fabrics/{fabric}", { params: { path: { fabric: name } } })),
  });

export const objects = (name: string, query: Paged<Query<"/fabrics/{fabric}/objects">>) =>
  pages(["fabric", name, "objects", query], (cursor) =>
    read(
      api().GET("/fabrics/{fabric}/objects", {
        params: { path: { fabric: name }, query: cursor ? { ...query, cursor } : query },
      }),
    ),
  );

export interface ObjectPath {
  fabric: string;
  kind: string;
  namespace: string;
  name: string;
}

export const object = (path: ObjectPath) =>
  queryOptions({
    queryKey: ["fabric", path.fabric, "object", path.kind, path.namespace, path.name],
    queryFn: () => read(api().GET("/fabrics/{fabric}/objects/{kind}/{namespace}/{name}", { params: { path } })),
  });

export const timeline = (name: string, target: Target | undefined) =>
  pages(["fabric", name, "timeline", target ?? ""], (cursor) =>
    read(
      api().GET("/fabrics/{fabric}/timeline", {
        params: { path: { fabric: name }, query: { ...(target && { target }), ...(cursor && { cursor }) } },
      }),
    ),
  );

export const history = (name: string, query: Omit<Paged<Query<"/history">>, "fabric">) =>
  pages(["fabric", name, "history", query], (cursor) =>
    read(api().GET("/history", { params: { query: { ...query, fabric: name, ...(cursor && { cursor }) } } })),
  );

/** What differs between two moments; without *from*, what the change of *to* did. */
export const comparison = (name: string, from: string | null, to: string) =>
  queryOptions({
    queryKey: ["fabric", name, "diff", from, to],
    queryFn: () =>
      read(
        api().GET("/fabrics/{fabric}/diff", {
          params: { path: { fabric: name }, query: { to, ...(from !== null && { from }) } },
        }),
      ),
  });

export const blame = (path: ObjectPath) =>
  queryOptions({
    queryKey: ["fabric", path.fabric, "blame", path.kind, path.namespace, path.name],
    queryFn: () => read(api().GET("/fabrics/{fabric}/objects/{kind}/{namespace}/{name}/blame", { params: { path } })),
  });

export const trace = (name: string) =>
  queryOptions({
    queryKey: ["fabric", name, "trace"],
    queryFn: () => read(api().GET("/trace/{subject}", { params: { path: { subject: name } } })),
  });

export const addressRanges = (name: string) =>
  queryOptions({
    queryKey: ["fabric", name, "addresses"],
    queryFn: () => read(api().GET("/fabrics/{fabric}/addresses", { params: { path: { fabric: name } } })),
  });

export const topology = (name: string) =>
  queryOptions({
    queryKey: ["fabric", name, "topology"],
    queryFn: () => read(api().GET("/fabrics/{fabric}/topology", { params: { path: { fabric: name } } })),
  });

export const path = (name: string, source: string, destination: string) =>
  queryOptions({
    queryKey: ["fabric", name, "path", source, destination],
    queryFn: () =>
      read(api().GET("/fabrics/{fabric}/path", { params: { path: { fabric: name }, query: { source, destination } } })),
  });

export const dryRuns = (name: string) =>
  queryOptions({
    queryKey: ["fabric", name, "dry-runs"],
    queryFn: () => read(api().GET("/fabrics/{fabric}/dry-runs", { params: { path: { fabric: name } } })),
  });

export const drift = (name: string) =>
  pages(["fabric", name, "drift"], (cursor) =>
    read(api().GET("/drift", { params: { query: { fabric: name, ...(cursor && { cursor }) } } })),
  );

export const problems = (query: Paged<Query<"/problems">>) =>
  pages(query.fabric ? ["fabric", query.fabric, "problems", query] : ["fleet", "problems", query], (cursor) =>
    read(api().GET("/problems", { params: { query: cursor ? { ...query, cursor } : query } })),
  );

export const actions = (query: Paged<Query<"/actions">>) =>
  pages(query.fabric ? ["fabric", query.fabric, "actions"] : ["fleet", "actions"], (cursor) =>
    read(api().GET("/actions", { params: { query: cursor ? { ...query, cursor } : query } })),
  );

/** Freezes and windows begin and end by the clock, which `/changes` does not tell. */
const BY_THE_CLOCK = 30_000;

export const freezes = () =>
  queryOptions({
    queryKey: ["fleet", "freezes"],
    queryFn: () => read(api().GET("/freezes")),
    refetchInterval: BY_THE_CLOCK,
  });

export const windows = () =>
  queryOptions({
    queryKey: ["fleet", "windows"],
    queryFn: () => read(api().GET("/windows")),
    refetchInterval: BY_THE_CLOCK,
  });

export const proposals = (query: Query<"/proposals">) =>
  queryOptions({
    queryKey: ["fleet", "proposals", query],
    queryFn: () => read(api().GET("/proposals", { params: { query } })),
  });

export const proposal = (id: number) =>
  queryOptions({
    queryKey: ["fleet", "proposal", id],
    queryFn: () => read(api().GET("/proposals/{proposal}", { params: { path: { proposal: id } } })),
  });

export const rollouts = (query: Query<"/rollouts">) =>
  queryOptions({
    queryKey: ["rollouts", "list", query],
    queryFn: () => read(api().GET("/rollouts", { params: { query } })),
  });

/** A rollout by its number or name. */
export const rollout = (name: string) =>
  queryOptions({
    queryKey: ["rollouts", "one", name],
    queryFn: () => read(api().GET("/rollouts/{rollout}", { params: { path: { rollout: name } } })),
  });

export const deadLetters = (query: Paged<Query<"/dead-letters">>) =>
  pages(["fleet", "dead-letters", query], (cursor) =>
    read(api().GET("/dead-letters", { params: { query: cursor ? { ...query, cursor } : query } })),
  );

export const deadLetter = (letter: number) =>
  queryOptions({
    queryKey: ["fleet", "dead-letter", letter],
    queryFn: () => read(api().GET("/dead-letters/{letter}", { params: { path: { letter } } })),
  });

/** Rules never change while a page is open. */
export const rule = (id: string) =>
  queryOptions({
    queryKey: ["rule", id],
    queryFn: () => read(api().GET("/rules/{rule}", { params: { path: { rule: id } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const health = () =>
  queryOptions({ queryKey: ["health"], queryFn: () => read(api().GET("/health")), refetchInterval: 30_000 });

export const deliveries = (query: Paged<Query<"/deliveries">>) =>
  pages(["deliveries", "list", query], (cursor) =>
    read(api().GET("/deliveries", { params: { query: cursor ? { ...query, cursor } : query } })),
  );

export const deliverySummary = () =>
  queryOptions({
    queryKey: ["deliveries", "summary"],
    queryFn: () => read(api().GET("/deliveries/summary")),
  });

export const pullRequests = (query: Paged<Query<"/pull-requests">>) =>
  pages(["deliveries", "pull-requests", query], (cursor) =>
    read(api().GET("/pull-requests", { params: { query: cursor ? { ...query, cursor } : query } })),
  );
