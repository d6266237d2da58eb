import { describe, expect, it } from "vitest";
import { folded, lineDiff } from "@/shared/diff";
import { fieldRows, leaves, ordered } from "@/shared/fields";
import { counted, look, sentence, shortRevision, shownValue } from "@/shared/words";
import { lineRange } from "@/shared/YamlEditor";
import { toYaml } from "@/shared/yaml";

describe("YAML", () => {
  it("keeps the order of keys and indents lists", () => {
    expect(toYaml({ b: 1, a: { list: [{ port: "E1/1", on: true }, "x"], none: {}, empty: [] } })).toBe(
      'b: 1\na:\n  list:\n    - port: E1/1\n      "on": true\n    - x\n  none: {}\n  empty: []\n',
    );
  });
  it.each([
    "yes",
    "null",
    "1",
    "1.5",
    "0x10",
    "",
    " x",
    "a: b",
    "#c",
    "- d",
    "<b>",
    "a\nb",
    "2026-11-27",
    "*x",
    "10.0.1.0/24",
  ])("quotes %j, which would be read as something else", (text) => {
    expect(toYaml({ key: text })).toBe(`key: ${JSON.stringify(text)}\n`);
  });
});

describe("a diff", () => {
  it("numbers the lines of both sides", () => {
    expect(lineDiff("a\nb\n", "a\nc\n")).toEqual([
      { type: "same", text: "a", before: 1, after: 1 },
      { type: "removed", text: "b", before: 2, after: null },
      { type: "added", text: "c", before: null, after: 2 },
    ]);
  });
  it("folds what is far from a change, and says how much", () => {
    const before = Array.from({ length: 20 }, (_, at) => `line ${at}`).join("\n");
    const shown = folded(lineDiff(`${before}\n`, `${before}\nnew\n`));
    expect(shown.map(({ type }) => type)).toEqual(["fold", "same", "same", "same", "added"]);
    expect(shown[0]?.text).toBe("17 unchanged lines");
  });
});

describe("fields", () => {
  it("stand in the order in which people write them, whatever the order in the database", () => {
    const manifest = { spec: { b: [{ d: 1, c: 2 }], a: 1 }, kind: "VPC", status: {}, apiVersion: "v1" };
    expect(toYaml(ordered(manifest))).toBe(
      "apiVersion: v1\nkind: VPC\nspec:\n  a: 1\n  b:\n    - c: 2\n      d: 1\nstatus: {}\n",
    );
  });
  it("are named by their path", () => {
    const found = leaves({ spec: { links: [{ port: "E1" }], none: {} } });
    expect([...found]).toEqual([
      [".spec.links[0].port", "E1"],
      [".spec.none", {}],
    ]);
  });
  it("are marked only where the server says that they differ", () => {
    const places = { database: { a: 1, b: 1 }, git: { a: 1, b: 2 }, cluster: { a: 2, b: 2 } };
    const rows = fieldRows(places, [".b"]);
    expect(rows.map(({ path, differs }) => [path, differs])).toEqual([
      [".a", false],
      [".b", true],
    ]);
  });
  it("below a path that differs are marked, a longer name is not", () => {
    const rows = fieldRows(
      { database: { vlan: { a: 1 }, vlans: 1 }, git: undefined, cluster: { vlan: { a: 2 }, vlans: 2 } },
      [".vlan"],
    );
    expect(rows.map(({ path, differs }) => [path, differs])).toEqual([
      [".vlan.a", true],
      [".vlans", false],
    ]);
  });
});

describe("words", () => {
  it("say states", () => {
    expect(look("out_of_sync")).toEqual({ word: "Out of sync", tone: "orange" });
    expect(look("brand-new")).toEqual({ word: "Brand new", tone: "gray" });
    expect(sentence("held-edit")).toBe("Held edit");
  });
  it("count", () => {
    expect([counted(1, "fabric"), counted(10_000, "fabric")]).toEqual(["1 fabric", "10,000 fabrics"]);
  });
  it("shorten revisions", () => {
    expect(shortRevision("main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738")).toBe("main@5394cb7f");
    expect(shortRevision("x".repeat(40))).toHaveLength(24);
  });
  it("show what is not there as a dash, and an empty text as such", () => {
    expect([shownValue(null), shownValue(undefined), shownValue(""), shownValue(0), shownValue([1])]).toEqual([
      "–",
      "–",
      "",
      "0",
      "[1]",
    ]);
  });
});

describe("a line of a text", () => {
  it("is found from its number, whatever the number", () => {
    const text = "ab\ncd\n";
    expect([lineRange(text, 1), lineRange(text, 2), lineRange(text, 99), lineRange(text, 0)]).toEqual([
      [0, 2],
      [3, 5],
      [6, 6],
      [0, 2],
    ]);
  });
});
