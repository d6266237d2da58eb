/** What stands out: what is selected with its neighbours, a way between two servers, or the servers of a VPC. */
import type { PathAnswer, Topology } from "@/api/types";

export interface Highlight {
  nodes: ReadonlySet<string>;
  links: ReadonlySet<string>;
}

export const NOTHING: Highlight = { nodes: new Set(), links: new Set() };

export function ofNode(topology: Topology, id: string): Highlight {
  const links = topology.links.filter((link) => link.ends.some((end) => end.node === id));
  return {
    nodes: new Set([id, ...links.flatMap((link) => link.ends.map((end) => end.node))]),
    links: new Set(links.map((link) => link.id)),
  };
}

export function ofLink(topology: Topology, id: string): Highlight {
  const link = topology.links.find((one) => one.id === id);
  return link ? { nodes: new Set(link.ends.map((end) => end.node)), links: new Set([id]) } : NOTHING;
}

export function ofVpc(topology: Topology, vpc: string): Highlight {
  return { nodes: new Set(topology.servers_by_vpc[vpc] ?? []), links: new Set() };
}

/** The devices of all ways, and the links of their connections. */
export function ofWays(topology: Topology, answer: PathAnswer): Highlight {
  const refs = new Set(answer.ways.flatMap((way) => way.hops.map((hop) => hop.ref)));
  const switches = answer.ways.flatMap((way) => way.switches);
  const nodes = topology.nodes.filter((node) => refs.has(node.ref)).map((node) => node.id);
  const links = topology.links.filter((link) => refs.has(link.connection)).map((link) => link.id);
  return { nodes: new Set([...nodes, ...switches]), links: new Set(links) };
}
