/** What a plan concerns: counts for a sentence, and what stands out in the drawing of the network. */
import type { BlastRadius, Topology } from "@/api/types";
import { counted } from "@/shared/words";
import type { Highlight } from "@/topology/highlight";

const GROUPS: readonly { name: keyof BlastRadius; one: string; many: string }[] = [
  { name: "switches", one: "switch", many: "switches" },
  { name: "ports", one: "port", many: "ports" },
  { name: "servers", one: "server", many: "servers" },
  { name: "gateways", one: "gateway", many: "gateways" },
  { name: "vpcs", one: "VPC", many: "VPCs" },
  { name: "peerings", one: "peering", many: "peerings" },
  { name: "externals", one: "external", many: "externals" },
];

export interface Group {
  name: string;
  /** `3 switches`. */
  title: string;
  members: readonly string[];
}

/** The groups that have anything, each with its names. */
export function groupsOf(blast: BlastRadius): Group[] {
  return GROUPS.flatMap(({ name, one, many }) => {
    const members = blast[name];
    return members.length > 0 ? [{ name, title: counted(members.length, one, many), members }] : [];
  });
}

const KINDS: readonly { group: keyof BlastRadius; kind: string }[] = [
  { group: "switches", kind: "Switch" },
  { group: "servers", kind: "Server" },
  { group: "gateways", kind: "Gateway" },
  { group: "externals", kind: "External" },
];

/** The devices that a plan concerns, and the links at the ports that it concerns. */
export function ofBlast(topology: Topology, blast: BlastRadius): Highlight {
  const wanted = new Set(KINDS.flatMap(({ group, kind }) => blast[group].map((name) => `${kind}/${name}`)));
  const ports = new Set(blast.ports);
  const nodes = topology.nodes.filter((node) => wanted.has(node.id)).map((node) => node.id);
  const names = new Map(topology.nodes.map((node) => [node.id, node.name]));
  const links = topology.links.filter((link) =>
    link.ends.some((end) => ports.has(`${names.get(end.node)}/${end.port}`)),
  );
  return { nodes: new Set(nodes), links: new Set(links.map((link) => link.id)) };
}

/** What any of some plans concerns. */
export function together(radii: readonly BlastRadius[]): BlastRadius {
  const all = GROUPS.map(({ name }) => [name, [...new Set(radii.flatMap((one) => one[name]))].sort()]);
  return Object.fromEntries(all) as BlastRadius;
}
