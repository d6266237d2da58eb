/** A network as large as the pages promise to draw: `?switches=` and `?servers=` say otherwise. */
import type { Link, Node, Topology } from "@/api/types";

const params = new URLSearchParams(location.search);
const SPINES = Number(params.get("spines") ?? 2);
const LEAVES = Number(params.get("leaves") ?? 6);
const SERVERS = Number(params.get("servers") ?? 30);

function node(kind: string, name: string, layer: Node["layer"], more: Partial<Node> = {}): Node {
  return {
    id: `${kind}/${name}`,
    ref: `${kind}/default/${name}`,
    name,
    layer,
    role: "",
    description: "",
    groups: [],
    state: "in_order",
    health: null,
    converged: null,
    ...more,
  };
}

let ports = 0;
function link(type: string, one: string, other: string, state: Link["state"] = "in_order"): Link {
  ports += 1;
  return {
    id: `${type}-${ports}`,
    connection: `Connection/default/${one.split("/")[1]}--${type}--${other.split("/")[1]}`,
    type,
    ends: [
      { node: one, port: `E1/${ports % 48}` },
      { node: other, port: `enp2s${ports % 2}` },
    ],
    state,
  };
}

const spines = Array.from({ length: SPINES }, (_, at) =>
  node("Switch", `spine-${at + 1}`, "spine", { role: "spine", health: "Healthy", converged: true }),
);
const leaves = Array.from({ length: LEAVES }, (_, at) =>
  node("Switch", `leaf-${at + 1}`, "leaf", {
    role: "server-leaf",
    health: at === 3 ? "Degraded" : "Healthy",
    converged: at !== 2,
    groups: at < 2 ? ["mclag-1"] : [],
  }),
);
const servers = Array.from({ length: SERVERS }, (_, at) =>
  node("Server", `server-${String(at + 1).padStart(2, "0")}`, "server"),
);
const gateways = [node("Gateway", "gateway-1", "gateway", { health: "Healthy", converged: true })];
const externals = [node("External", "internet", "external")];
const id = (list: Node[], at: number) => list[at % list.length]?.id ?? "";

export const topology: Topology = {
  fabric: "gen-00000",
  nodes: [...externals, ...gateways, ...spines, ...leaves, ...servers],
  links: [
    ...spines.flatMap((spine) =>
      leaves.map((leaf, at) => link("fabric", spine.id, leaf.id, at === 4 ? "pending" : "in_order")),
    ),
    ...spines.map((spine) => link("gateway", gateways[0]?.id ?? "", spine.id)),
    link("external", externals[0]?.id ?? "", id(leaves, leaves.length - 1)),
    link("mclag-domain", id(leaves, 0), id(leaves, 1)),
    link("mclag-domain", id(leaves, 0), id(leaves, 1)),
    ...servers.flatMap((server, at) => [
      link("mclag", id(leaves, at), server.id, at === 7 ? "refused" : "in_order"),
      ...(at % LEAVES < 2 ? [link("mclag", id(leaves, at % LEAVES === 0 ? 1 : 0), server.id)] : []),
    ]),
  ],
  vpcs: ["vpc-1", "vpc-2"],
  servers_by_vpc: {
    "vpc-1": servers.slice(0, 5).map(({ id }) => id),
    "vpc-2": servers.slice(5, 9).map(({ id }) => id),
  },
};
