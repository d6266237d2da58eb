/**
 * Where everything is drawn: externals, gateways, spines and leaves in layers, ordered by dagre so that few links
 * cross; servers in columns below their leaves. Hundreds of servers as further nodes would keep dagre busy for seconds,
 * and teach it nothing: a server stands below the leaf that it is connected to.
 */
import { layout as dagreLayout, graphlib } from "@dagrejs/dagre";
import type { Link, Node, Topology } from "@/api/types";

export const DEVICE = { width: 104, height: 36 };
export const SERVER = { width: 84, height: 20 };
const GAP = { x: 16, layer: 84, servers: 40, row: 5, block: 14 };
/** Servers below each other before a second column begins. */
const COLUMN = 20;

const LAYERS = ["external", "gateway", "spine", "leaf"] as const;

export interface Placed {
  node: Node;
  /** The middle. */
  x: number;
  y: number;
  width: number;
  height: number;
  /** Servers: where the line that leads past their column runs. */
  busX?: number;
}

export interface Picture {
  placed: ReadonlyMap<string, Placed>;
  links: readonly Link[];
  width: number;
  height: number;
}

/** Both ends of a link, by the ids of their nodes; null for one that does not have two known ends. */
export function endsOf(link: Link, known: { has(id: string): boolean }): [string, string] | null {
  const [one, other] = link.ends;
  if (!one || !other || !known.has(one.node) || !known.has(other.node)) return null;
  return [one.node, other.node];
}

export function layout(topology: Topology): Picture {
  const nodes = new Map(topology.nodes.map((node) => [node.id, node]));
  const links = topology.links.filter((link) => endsOf(link, nodes));
  const blocks = blocksOf(topology.nodes, links, nodes);
  const placed = placeDevices(topology.nodes, links, nodes, widthsBelow(blocks));
  placeServers(blocks, placed);
  const all = [...placed.values()];
  const left = Math.min(0, ...all.map((one) => one.x - one.width / 2));
  const top = Math.min(0, ...all.map((one) => one.y - one.height / 2));
  const shifted = new Map(
    [...placed].map(([id, one]) => [
      id,
      { ...one, x: one.x - left, y: one.y - top, ...(one.busX !== undefined && { busX: one.busX - left }) },
    ]),
  );
  const width = Math.max(1, ...[...shifted.values()].map((one) => one.x + one.width / 2));
  const height = Math.max(1, ...[...shifted.values()].map((one) => one.y + one.height / 2));
  return { placed: shifted, links, width, height };
}

interface Block {
  /** The leaves that all its servers are connected to; none for servers that are not connected. */
  leaves: readonly string[];
  servers: Node[];
}

const columns = (block: Block) => Math.ceil(block.servers.length / COLUMN);
const blockWidth = (block: Block) => columns(block) * (SERVER.width + GAP.block);

/** Servers by the set of devices that they are connected to. */
function blocksOf(nodes: readonly Node[], links: readonly Link[], known: ReadonlyMap<string, Node>): Block[] {
  const above = new Map<string, Set<string>>();
  for (const link of links) {
    const ends = endsOf(link, known);
    if (!ends) continue;
    for (const [server, device] of [ends, [ends[1], ends[0]] as const]) {
      if (known.get(server)?.layer !== "server" || known.get(device)?.layer === "server") continue;
      above.set(server, (above.get(server) ?? new Set()).add(device));
    }
  }
  const blocks = new Map<string, Block>();
  for (const node of nodes) {
    if (node.layer !== "server") continue;
    const leaves = [...(above.get(node.id) ?? [])].sort();
    const key = leaves.join(" ");
    const block = blocks.get(key) ?? { leaves, servers: [] };
    block.servers.push(node);
    blocks.set(key, block);
  }
  return [...blocks.values()];
}

/** How much room each device needs for the servers below it. */
function widthsBelow(blocks: readonly Block[]): Map<string, number> {
  const widths = new Map<string, number>();
  for (const block of blocks) {
    for (const leaf of block.leaves) {
      widths.set(leaf, (widths.get(leaf) ?? 0) + blockWidth(block) / block.leaves.length);
    }
  }
  return widths;
}

/** Externals, gateways, spines and leaves, each layer in a row; dagre decides who stands beside whom. */
function placeDevices(
  nodes: readonly Node[],
  links: readonly Link[],
  known: ReadonlyMap<string, Node>,
  below: ReadonlyMap<string, number>,
): Map<string, Placed> {
  const devices = nodes.filter((node) => node.layer !== "server");
  const rows = LAYERS.filter((layer) => devices.some((node) => node.layer === layer));
  const rank = (id: string) => rows.indexOf(known.get(id)?.layer as (typeof LAYERS)[number]);
  const graph = new graphlib.Graph();
  graph.setGraph({ nodesep: GAP.x, ranksep: GAP.layer, ranker: "longest-path" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of devices) {
    graph.setNode(node.id, { width: Math.max(DEVICE.width, below.get(node.id) ?? 0), height: DEVICE.height });
  }
  for (const link of links) {
    const ends = endsOf(link, known);
    if (!ends || ends.some((id) => rank(id) < 0)) continue;
    const [high, low] = rank(ends[0]) < rank(ends[1]) ? ends : [ends[1], ends[0]];
    // A link within a layer says nothing about layers.
    if (rank(high) < rank(low)) graph.setEdge(high, low, { minlen: rank(low) - rank(high) });
  }
  dagreLayout(graph);
  const placed = new Map<string, Placed>();
  for (const [at, layer] of rows.entries()) {
    const row = devices.filter((node) => node.layer === layer).map((node) => ({ node, ...graph.node(node.id) }));
    row.sort((one, other) => one.x - other.x);
    const centres = apart(row.map((one) => ({ centre: one.x, width: one.width })));
    row.forEach(({ node }, index) => {
      const y = at * (DEVICE.height + GAP.layer) + DEVICE.height / 2;
      placed.set(node.id, { node, x: centres[index] ?? 0, y, ...DEVICE });
    });
  }
  return placed;
}

/** Centres as near to the wished ones as their widths allow, in the same order, around the same middle. */
export function apart(wishes: readonly { centre: number; width: number }[], gap = GAP.x): number[] {
  const centres: number[] = [];
  let free = Number.NEGATIVE_INFINITY;
  for (const { centre, width } of wishes) {
    const placedAt = Math.max(centre, free + width / 2);
    centres.push(placedAt);
    free = placedAt + width / 2 + gap;
  }
  const pushed = wishes.reduce((sum, wish, at) => sum + ((centres[at] ?? 0) - wish.centre), 0);
  const shift = wishes.length > 0 ? pushed / wishes.length : 0;
  return centres.map((centre) => centre - shift);
}

/** Servers in columns below the middle of their leaves. */
function placeServers(blocks: readonly Block[], placed: Map<string, Placed>): void {
  const bottom = Math.max(0, ...[...placed.values()].map((one) => one.y + one.height / 2));
  const middle = (block: Block) => {
    const xs = block.leaves.flatMap((leaf) => placed.get(leaf)?.x ?? []);
    return xs.length > 0 ? xs.reduce((sum, x) => sum + x, 0) / xs.length : Number.MAX_SAFE_INTEGER;
  };
  const right = Math.max(0, ...[...placed.values()].map((one) => one.x + one.width / 2));
  const wishes = blocks
    .map((block) => ({ block, centre: Math.min(middle(block), right + blockWidth(block)), width: blockWidth(block) }))
    .sort((one, other) => one.centre - other.centre);
  const centres = apart(wishes);
  wishes.forEach(({ block }, index) => {
    const left = (centres[index] ?? 0) - blockWidth(block) / 2;
    block.servers.forEach((node, at) => {
      const column = Math.floor(at / COLUMN);
      const busX = left + column * (SERVER.width + GAP.block) + GAP.block / 2;
      const y = bottom + GAP.servers + (at % COLUMN) * (SERVER.height + GAP.row) + SERVER.height / 2;
      placed.set(node.id, { node, x: busX + GAP.block / 2 + SERVER.width / 2, y, ...SERVER, busX });
    });
  });
}
