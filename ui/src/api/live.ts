/**
 * New state within two seconds, by one conditional request for everything a page shows: `/changes` answers 304 while
 * nothing changed, else the names of what did, and only that is read again.
 */
import { type InfiniteData, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, read } from "./client";
import type { FleetRow, Page } from "./types";

export const EVERY = 2_000;
/** While the server does not answer, it is asked less and less often. */
const SLOWEST = 30_000;
/** Most fabrics that one request for rows may name. */
const MOST_ROWS = 500;

export interface Changes {
  complete: boolean;
  fabrics: string[];
  topics: string[];
}

type FleetPages = InfiniteData<Page<FleetRow>, string | undefined>;

/** The rows with those of *fresh* in their places; what is *asked* for and not fresh is gone, or no longer fits the filter. */
export function withFreshRows(data: FleetPages, asked: readonly string[], fresh: readonly FleetRow[]): FleetPages {
  const byName = new Map(fresh.map((row) => [row.name, row]));
  const gone = new Set(asked.filter((name) => !byName.has(name)));
  const pages = data.pages.map((page) => ({
    ...page,
    items: page.items.filter((row) => !gone.has(row.name)).map((row) => byName.get(row.name) ?? row),
  }));
  const lost = data.pages.reduce((sum, page, at) => sum + page.items.length - (pages[at]?.items.length ?? 0), 0);
  return { ...data, pages: pages.map((page) => ({ ...page, total: page.total == null ? null : page.total - lost })) };
}

/** The shown fabrics among *changed*, and whether others changed, which may now belong into the list. */
export function shownAmong(data: FleetPages, changed: readonly string[]): { shown: string[]; others: boolean } {
  const names = new Set(data.pages.flatMap((page) => page.items.map((row) => row.name)));
  const shown = changed.filter((name) => names.has(name));
  return { shown, others: shown.length < changed.length };
}

async function refreshFleet(client: QueryClient, changed: string[]): Promise<void> {
  for (const query of client.getQueryCache().findAll({ queryKey: ["fleet", "list"], type: "active" })) {
    const data = query.state.data as FleetPages | undefined;
    if (!data) continue;
    const { shown, others } = shownAmong(data, changed);
    const few = data.pages.length <= 1;
    if ((others && few) || shown.length > MOST_ROWS) {
      await client.invalidateQueries({ queryKey: query.queryKey, exact: true });
    } else if (shown.length > 0) {
      const asked = query.queryKey[2] as object;
      const fresh = await read(
        api().GET("/fleet", { params: { query: { ...asked, fabric: shown, limit: MOST_ROWS } } }),
      );
      client.setQueryData<FleetPages>(query.queryKey, (now) => now && withFreshRows(now, shown, fresh.items));
    }
  }
}

/** Reads again what changed. */
export async function apply(client: QueryClient, changes: Changes): Promise<void> {
  if (!changes.complete) {
    await client.invalidateQueries();
    return;
  }
  const changed = new Set(changes.fabrics);
  await client.invalidateQueries({
    predicate: ({ queryKey: [first, second] }) =>
      (first === "fabric" && changed.has(String(second))) ||
      (first === "fleet" && second !== "list" && changed.size > 0) ||
      changes.topics.includes(String(first)),
  });
  if (changed.size > 0) await refreshFleet(client, changes.fabrics);
}

/** Asks once; the new ETag, and what changed since *tag* (null: nothing). */
async function ask(tag: string | null): Promise<{ tag: string | null; changes: Changes | null }> {
  const headers: Record<string, string> = tag ? { "If-None-Match": tag } : {};
  const { data, response } = await api().GET("/changes", { headers, cache: "no-store" });
  if (response.status === 304) return { tag, changes: null };
  if (!response.ok || !data) throw new Error(`${response.status}`);
  return { tag: response.headers.get("ETag"), changes: tag ? data : null };
}

/** Keeps what the page shows up to date for as long as the page is looked at. */
export function useLive(every = EVERY): void {
  const client = useQueryClient();
  useEffect(() => {
    let tag: string | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wait = every;
    let stopped = false;
    const look = async () => {
      try {
        if (!document.hidden) {
          const answer = await ask(tag);
          tag = answer.tag;
          if (answer.changes) await apply(client, answer.changes);
          wait = every;
        }
      } catch {
        // What is shown has its own error; here it only means: ask less often until the server answers again.
        wait = Math.min(wait * 2, SLOWEST);
      }
      if (!stopped) timer = setTimeout(look, wait);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [client, every]);
}
