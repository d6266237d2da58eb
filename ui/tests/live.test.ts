import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { apply, shownAmong, withFreshRows } from "@/api/live";
import type { FleetRow } from "@/api/types";

const row = (name: string, drift = 0) => ({ name, drift }) as FleetRow;
const pages = (...names: string[][]) => ({
  pages: names.map((page) => ({ items: page.map((name) => row(name)), next_cursor: null, total: names.flat().length })),
  pageParams: [undefined],
});

describe("rows of the fleet", () => {
  it("are replaced where they stand", () => {
    const fresh = withFreshRows(pages(["a", "b"], ["c"]), ["c"], [row("c", 3)]);
    expect(fresh.pages.map((page) => page.items)).toEqual([[row("a"), row("b")], [row("c", 3)]]);
  });
  it("go when they are deleted or no longer fit the filter, and are no longer counted", () => {
    const fresh = withFreshRows(pages(["a", "b"], ["c"]), ["b"], []);
    expect(fresh.pages.map((page) => [page.items.length, page.total])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });
  it("that are not shown may now belong into the list", () => {
    expect(shownAmong(pages(["a"]), ["a"])).toEqual({ shown: ["a"], others: false });
    expect(shownAmong(pages(["a"]), ["a", "z"])).toEqual({ shown: ["a"], others: true });
  });
});

describe("what changed", () => {
  const client = () => {
    const made = new QueryClient();
    for (const key of [
      ["fabric", "a", "head"],
      ["fabric", "b", "head"],
      ["fleet", "counters", {}],
      ["health"],
      ["me"],
    ]) {
      made.setQueryData(key, {});
    }
    return made;
  };
  const stale = (of: QueryClient) =>
    of
      .getQueryCache()
      .findAll()
      .filter((query) => query.state.isInvalidated)
      .map((query) => query.queryKey.slice(0, 2).join(" "));

  it("alone is read again", async () => {
    const one = client();
    await apply(one, { complete: true, fabrics: ["a"], topics: ["health"] });
    expect(stale(one)).toEqual(["fabric a", "fleet counters", "health"]);
  });
  it("is everything when the server does not know", async () => {
    const one = client();
    await apply(one, { complete: false, fabrics: [], topics: [] });
    expect(stale(one)).toHaveLength(5);
  });
  it("is nothing when only a topic that is not shown changed", async () => {
    const one = client();
    await apply(one, { complete: true, fabrics: [], topics: ["deliveries"] });
    expect(stale(one)).toEqual([]);
  });
});
