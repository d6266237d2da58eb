import { describe, expect, it } from "vitest";
import type { Link, Node, PathAnswer, Topology } from "@/api/types";
import { linesOf, nearest } from "@/topology/geometry";
import { ofLink, ofNode, ofVpc, ofWays } from "@/topology/highlight";
import { apart, layout } from "@/topology/layout";
import { nodeClass } from "@/topology/looks";

const node = (id: string, layer: Node["layer"], more: Partial<Node> = {}): Node => ({
  id,
  ref: id.replace("/", "/default/"),
  name: id.split("/")[1] ?? "",
  layer,
  role: "",
  description: "",
  groups: [],
  state: "in_order",
  health: null,
  converged: null,
  ...more,
});
const link = (id: string, one: string, other: string): Link => ({
  id,
  connection: `Connection/default/${id}`,
  type: "fabric",
  ends: [
    { node: one, port: "E1/1" },
    { node: other, port: "E1/2" },
  ],
  state: "in_order",
});
const network = (nodes: Node[], links: Link[]): Topology => ({
  fabric: "gen",
  nodes,
  links,
  vpcs: [],
  servers_by_vpc: {},
});

/** As large as the pages promise to draw. */
function large(spines: number, leaves: number, servers: number): Topology {
  const nodes = [
    ...Array.from({ length: spines }, (_, at) => node(`Switch/spine-${at}`, "spine")),
    ...Array.from({ length: leaves }, (_, at) => node(`Switch/leaf-${at}`, "leaf")),
    ...Array.from({ length: servers }, (_, at) => node(`Server/server-${at}`, "server")),
  ];
  const up = Array.from({ length: spines * leaves }, (_, at) =>
    link(`up-${at}`, `Switch/spine-${at % spines}`, `Switch/leaf-${Math.floor(at / spines)}`),
  );
  const down = Array.from({ length: servers }, (_, at) =>
    link(`down-${at}`, `Switch/leaf-${at % leaves}`, `Server/server-${at}`),
  );
  return network(nodes, [...up, ...down]);
}

const isOver = (one: { x: number; y: number; width: number; height: number }, other: typeof one) =>
  Math.abs(one.x - other.x) < (one.width + other.width) / 2 &&
  Math.abs(one.y - other.y) < (one.height + other.height) / 2;

describe("the picture of a network", () => {
  it("has each layer in a row of its own, from externals to servers", () => {
    const layers = ["external", "gateway", "spine", "leaf", "server"] as const;
    const nodes = layers.map((layer) => node(`Switch/${layer}`, layer));
    const links = [link("a", "Switch/external", "Switch/leaf"), link("b", "Switch/leaf", "Switch/server")];
    const { placed } = layout(network(nodes, links));
    const rows = layers.map((layer) => placed.get(`Switch/${layer}`)?.y ?? 0);
    expect(rows).toEqual([...rows].sort((one, other) => one - other));
    expect(new Set(rows).size).toBe(5);
  });
  it("puts devices that are connected alike in the order of their names", () => {
    const spines = ["10", "9", "1"].map((name) => node(`Switch/${name}`, "spine"));
    const links = spines.map((spine) => link(spine.id, spine.id, "Switch/leaf"));
    const { placed } = layout(network([...spines, node("Switch/leaf", "leaf")], links));
    const row = [...placed.values()].filter((one) => one.node.layer === "spine").sort((one, other) => one.x - other.x);
    expect(row.map((one) => one.node.name)).toEqual(["1", "9", "10"]);
  });
  it("keeps a mesh of leaves in one row", () => {
    const leaves = ["a", "b", "c"].map((name) => node(`Switch/${name}`, "leaf"));
    const { placed } = layout(network(leaves, [link("1", "Switch/a", "Switch/b"), link("2", "Switch/b", "Switch/c")]));
    expect(new Set([...placed.values()].map((one) => one.y)).size).toBe(1);
  });
  it("of 100 switches and 1,000 servers puts nothing on top of anything else", () => {
    const { placed, width, height } = layout(large(8, 92, 1_000));
    const all = [...placed.values()].sort((one, other) => one.x - other.x);
    expect(all).toHaveLength(1_100);
    const overlaps = all.flatMap((one, at) => {
      const beside = all.slice(at + 1).filter((other) => other.x - one.x < 250);
      return beside.filter((other) => isOver(one, other)).map((other) => `${one.node.id} and ${other.node.id}`);
    });
    expect(overlaps).toEqual([]);
    expect(all.filter(({ x, y }) => x < 0 || x > width || y < 0 || y > height)).toEqual([]);
  });
  it("draws links that lead nowhere not at all", () => {
    const found = layout(network([node("Switch/a", "leaf")], [link("1", "Switch/a", "Switch/gone")]));
    expect(found.links).toEqual([]);
  });
  it("has a place for a server that is connected to nothing", () => {
    const { placed, width } = layout(network([node("Switch/a", "leaf"), node("Server/x", "server")], []));
    expect(placed.get("Server/x")?.x).toBeLessThan(width);
  });
});

describe("things in a row", () => {
  it("are moved apart as little as needed, around the same middle", () => {
    expect(
      apart(
        [
          { centre: 0, width: 10 },
          { centre: 0, width: 10 },
        ],
        2,
      ),
    ).toEqual([-6, 6]);
    expect(
      apart(
        [
          { centre: 0, width: 10 },
          { centre: 50, width: 10 },
        ],
        2,
      ),
    ).toEqual([0, 50]);
  });
});

describe("links", () => {
  const topology = network(
    [node("Switch/a", "spine"), node("Switch/b", "leaf")],
    [link("1", "Switch/a", "Switch/b"), link("2", "Switch/b", "Switch/a")],
  );
  const lines = linesOf(layout(topology));
  it("of the same two devices run side by side", () => {
    const [one, other] = [lines.get("1")?.[0], lines.get("2")?.[0]];
    expect(Math.abs((one?.x ?? 0) - (other?.x ?? 0))).toBe(7);
  });
  it("are found under the pointer, and only within reach", () => {
    const at = lines.get("1")?.[0] ?? { x: 0, y: 0 };
    expect(nearest(lines, { x: at.x - 1, y: at.y + 5 }, 6)).toBe("1");
    expect(nearest(lines, { x: at.x - 100, y: at.y }, 6)).toBeNull();
  });
});

describe("what stands out", () => {
  const topology: Topology = {
    ...network(
      [node("Switch/a", "leaf"), node("Server/x", "server"), node("Server/y", "server")],
      [link("1", "Switch/a", "Server/x")],
    ),
    servers_by_vpc: { v: ["Server/y"] },
  };
  it("is a device with its neighbours, a link with its ends, or the servers of a VPC", () => {
    expect([...ofNode(topology, "Switch/a").nodes]).toEqual(["Switch/a", "Server/x"]);
    expect([...ofLink(topology, "1").nodes]).toEqual(["Switch/a", "Server/x"]);
    expect([...ofVpc(topology, "v").nodes]).toEqual(["Server/y"]);
    expect(ofLink(topology, "gone").nodes.size).toBe(0);
  });
  it("is the way between two servers", () => {
    const hops = ["Server/default/x", "Connection/default/1"].map((ref) => ({
      kind: "",
      ref,
      detail: "",
      state: "in_order" as const,
    }));
    const answer: PathAnswer = {
      source: "x",
      destination: "y",
      reachable: true,
      reason: "",
      ways: [{ hops, switches: ["Switch/a"] }],
    };
    expect([...ofWays(topology, answer).nodes].sort()).toEqual(["Server/x", "Switch/a"]);
    expect([...ofWays(topology, answer).links]).toEqual(["1"]);
  });
});

describe("the colour of a device", () => {
  it.each([
    [{ health: "Healthy", converged: true }, "healthy"],
    [{ health: "Healthy", converged: false }, "progressing"],
    [{ health: "Degraded", converged: true }, "trouble"],
    [{ health: "Healthy", converged: true, state: "drifted" as const }, "trouble"],
    [{}, "unknown"],
  ])("of %j is %s", (more, expected) => {
    expect(nodeClass(node("Switch/a", "leaf", more))).toBe(expected);
  });
});
