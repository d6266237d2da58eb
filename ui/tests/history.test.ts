import { describe, expect, it } from "vitest";
import type { FieldOrigin, Link, Node, RecordedChange, Topology } from "@/api/types";
import { blameLine, originOf } from "@/history/blame";
import { ends, through, touched } from "@/history/origin";
import { groupsOf, ofBlast, together } from "@/plan/radius";
import { span } from "@/shared/words";

const change = {
  id: 3,
  generation: 12,
  who: "ann",
  via: "cli",
  why: "CHG-7",
  at: "2026-11-27T00:00:00Z",
} as RecordedChange;
const origin = (path: string, of: RecordedChange | null = change): FieldOrigin => ({ path, value: 1, change: of });

describe("what a change touched", () => {
  it("is the object itself when it was one", () => {
    expect(touched({ created: 0, configured: 1, deleted: 0 }, ["VPC/default/a"])).toBe("VPC/default/a configured");
  });
  it("is counted when it was more", () => {
    expect(touched({ created: 2, configured: 0, deleted: 1 }, ["VPC/default/a"])).toBe("2 created, 1 deleted");
  });
  it("may be nothing", () => {
    expect(touched({ created: 0 }, [])).toBe("nothing");
  });
});

describe("through what a change came", () => {
  it("is said in words, and a way that is not known as it is", () => {
    expect([through("cli"), through("constructor"), through("fax")]).toEqual(["Command", "constructor", "fax"]);
  });
});

describe("a span of minutes", () => {
  it("is said in the largest unit that leaves no rest", () => {
    expect([90, 360, 1440, 0].map(span)).toEqual(["90 min", "6 h", "1 d", "0 min"]);
  });
});

describe("the blast radius", () => {
  const nothing = { switches: [], ports: [], servers: [], gateways: [], vpcs: [], peerings: [], externals: [] };
  const one = { ...nothing, switches: ["leaf-1"], ports: ["leaf-1/E1/5"], vpcs: ["a"] };
  it("is counted in words, without what it does not concern", () => {
    expect(groupsOf(one).map(({ title }) => title)).toEqual(["1 switch", "1 port", "1 VPC"]);
    expect(groupsOf(nothing)).toEqual([]);
  });
  it("of several plans names each thing once", () => {
    expect(together([one, { ...nothing, switches: ["leaf-2", "leaf-1"] }]).switches).toEqual(["leaf-1", "leaf-2"]);
  });
  it("marks its devices, and the links at its ports", () => {
    const node = (id: string) => ({ id, name: id.split("/")[1] }) as Node;
    const link = (id: string, port: string) =>
      ({
        id,
        ends: [
          { node: "Switch/leaf-1", port },
          { node: "Server/s", port: "e1" },
        ],
      }) as unknown as Link;
    const topology = {
      nodes: [node("Switch/leaf-1"), node("Server/s")],
      links: [link("near", "E1/5"), link("other", "E1/6")],
    } as unknown as Topology;
    const found = ofBlast(topology, one);
    expect([[...found.nodes], [...found.links]]).toEqual([["Switch/leaf-1"], ["near"]]);
  });
});

describe("the ends of a comparison", () => {
  it("are the two selected generations by number, the older first", () => {
    expect(ends(["12", "9"])).toEqual({ from: "9", to: "12" });
  });
  it("need two", () => {
    expect([ends([]), ends(["1"]), ends(["1", "2", "3"])]).toEqual([null, null, null]);
  });
});

describe("the origin of a field", () => {
  const origins = [origin(".spec.vlan"), origin(".spec.links"), origin(".spec.link", null)];
  it("of an entry of a list is that of the list", () => {
    expect(originOf(origins, ".spec.links[0].port")?.path).toBe(".spec.links");
  });
  it("is not that of a field whose name begins alike", () => {
    expect(originOf(origins, ".spec.vlans")).toBeUndefined();
  });
  it("is a sentence with who, when and why", () => {
    expect(blameLine(origin(".a"), () => "an hour ago")).toBe("Set by ann, generation 12, an hour ago: CHG-7");
    expect(blameLine(origin(".a", null), () => "")).toContain("before what is kept");
  });
});
