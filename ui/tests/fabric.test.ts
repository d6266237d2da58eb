import { describe, expect, it } from "vitest";
import type { ObjectRow, Problem, SyncEvent } from "@/api/types";
import { changeLine, countsLine } from "@/fabric/changes";
import { runsOf } from "@/fabric/runs";
import { toggled, treeRows } from "@/fabric/tree";
import { hoursFromNow } from "@/fleet/FabricActions";
import { obstacle, planOf, type Subject } from "@/fleet/plans";
import { among, withParams } from "@/shared/params";
import { remediesOf } from "@/shared/remedies";

const object = (ref: string, refersTo: string[] = []) => {
  const [kind = "", namespace = "", name = ""] = ref.split("/");
  return { ref, kind, namespace, name, refers_to: refersTo } as ObjectRow;
};
const shape = { closed: new Set<string>(), open: new Set<string>(), counts: new Map<string, number>() };

describe("the tree of objects", () => {
  const objects = [
    object("VPC/default/a"),
    object("VPCAttachment/default/x", ["VPC/default/a", "Connection/default/gone"]),
  ];
  it("has a row for each kind before its objects", () => {
    expect(treeRows(objects, shape).map((row) => row.id)).toEqual([
      "VPC",
      "VPC/default/a",
      "VPCAttachment",
      "VPCAttachment/default/x",
    ]);
  });
  it("hides the objects of a closed kind", () => {
    expect(treeRows(objects, { ...shape, closed: new Set(["VPC"]) })).toHaveLength(3);
  });
  it("shows what an open object refers to, also what does not exist", () => {
    const rows = treeRows(objects, { ...shape, open: new Set(["VPCAttachment/default/x"]) });
    expect(rows.slice(-2).map((row) => row.type)).toEqual(["object", "lost"]);
  });
  it("ends where objects refer to each other", () => {
    const circle = [object("A/n/a", ["B/n/b"]), object("B/n/b", ["A/n/a"])];
    const open = new Set(["A/n/a", "A/n/a > B/n/b", "A/n/a > B/n/b > A/n/a"]);
    expect(treeRows(circle, { ...shape, open }).map((row) => row.type)).toEqual([
      "kind",
      "object",
      "object",
      "lost",
      "kind",
      "object",
    ]);
  });
  it("opens and closes", () => {
    expect([...toggled(new Set(["a"]), "a")]).toEqual([]);
    expect([...toggled(new Set(["a"]), "b")]).toEqual(["a", "b"]);
  });
});

describe("change sets", () => {
  it("are counted in words", () => {
    expect(countsLine({ unchanged: 3, created: 1, deleted: 0 })).toBe("1 created, 3 unchanged");
    expect(countsLine({})).toBe("nothing changed");
  });
  it("are read line by line; what is no change stays text", () => {
    expect(changeLine("VPC/default/a configured (spec.x (y))")).toEqual({
      subject: "VPC/default/a",
      action: "configured",
      reason: "spec.x (y)",
    });
    expect(changeLine("something else")).toEqual({ subject: "something else", action: "", reason: "" });
  });
});

describe("runs", () => {
  it("are listed once each, and syncs without a run not at all", () => {
    const event = (run: string | null, status = "success") =>
      ({ dag_id: "d", run_id: run, at: "t", status, reason: "" }) as SyncEvent;
    expect(runsOf([event("1", "error"), event("1"), event(null)])).toEqual([
      { dag: "d", run: "1", at: "t", status: "error", reason: "" },
    ]);
  });
});

const subject = (more: Partial<Subject> = {}): Subject => ({
  name: "gen",
  generation: 3,
  followsGit: false,
  git: 2,
  cluster: 3,
  suspended: null,
  frozen: null,
  held: 0,
  ...more,
});

describe("the plan of an action", () => {
  it("says what is behind, what is held, and what is left alone", () => {
    const plan = planOf("sync-git", [subject({ held: 2 }), subject({ suspended: "CHG-17" }), subject({ git: null })]);
    expect(plan.map(({ what }) => what)).toEqual([
      "writes generation 3; Git has 2; leaves alone what is held (2)",
      "skipped: suspended (CHG-17)",
      "skipped: its sync to Git is off",
    ]);
  });
  it("says that a frozen fabric waits, and what lifts a freeze", () => {
    const frozen = subject({ frozen: "audit" });
    expect(planOf("sync-git", [frozen])[0]).toMatchObject({ acts: false, what: "waits: frozen (audit)" });
    expect(planOf("unfreeze", [frozen, subject()]).map(({ acts }) => acts)).toEqual([true, false]);
    expect(obstacle("unfreeze", [subject()])).toBe("is not frozen");
  });
  it("that would do nothing at all is no button", () => {
    expect(obstacle("resume", [subject()])).toBe("is not suspended");
    expect(obstacle("resume", [subject(), subject({ suspended: "x" })])).toBe("");
    expect(
      obstacle(
        "suspend",
        Array.from({ length: 501 }, () => subject()),
      ),
    ).toBe("At most 500 fabrics at once");
  });
  it("takes hours for an end, and nothing for none", () => {
    expect(hoursFromNow("1.5", 0)).toBe("1970-01-01T01:30:00.000Z");
    for (const text of ["", " ", "0", "-1", "x", "Infinity"]) expect(hoursFromNow(text, 0)).toBeNull();
  });
});

describe("a problem", () => {
  const problem = (more: Partial<Problem>) =>
    ({ fabric: "gen", target: "git", kind: "held-edit", subject: "", actions: [], ...more }) as Problem;
  it("offers what the API names, in its order, and nothing that it does not know", () => {
    const remedies = remediesOf(
      problem({ subject: "a.yaml", actions: ["adopt-git", "edit", "revert-git", "brand-new"] }),
    );
    expect(remedies.map(({ action }) => action)).toEqual(["adopt-git", "revert-git"]);
    expect(remedies[0]?.body("")).toEqual({ fabric: "gen", objects: ["a.yaml"] });
  });
  it("that is a dead letter is meant by its number, else by fabric and place", () => {
    expect(remediesOf(problem({ subject: "17", actions: ["replay"] }))[0]?.body("")).toEqual({ ids: [17] });
    expect(remediesOf(problem({ actions: ["discard"] }))[0]?.body("no")).toEqual({
      fabrics: ["gen"],
      target: "git",
      reason: "no",
    });
  });
  it("of a large deletion allows it, and no other does", () => {
    const body = (kind: Problem["kind"]) => remediesOf(problem({ kind, actions: ["sync-cluster"] }))[0]?.body("");
    expect(body("large-prune")).toMatchObject({ allow_large_prune: true });
    expect(body("failing")).toMatchObject({ allow_large_prune: false });
  });
});

describe("filters in the URL", () => {
  it("are changed one by one, and go when they are empty", () => {
    const params = new URLSearchParams("search=a&state=held&state=parked&sort=name");
    expect(withParams(params, { state: ["drifted"], search: "" }).toString()).toBe("sort=name&state=drifted");
  });
  it("count only when the API knows them", () => {
    expect(among(new URLSearchParams("sort=name;drop&state=held"), "state", ["parked", "held"])).toEqual(["held"]);
    expect(among(new URLSearchParams("sort=name;drop"), "sort", ["name"])).toEqual([]);
  });
});
