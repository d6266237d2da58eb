/**
 * Where everything is drawn: externals, gateways, spines and leaves in layers, ordered by dagre so that few links
 * cross; servers in columns below their leaves. Hundreds of servers as further nodes would keep dagre busy for seconds,
 * and teach it nothing: a server stands below the leaf that it is connected to. Many leaves are folded into several
 * rows, each with its servers, so that the picture has about the shape of a screen.
 */
import { layout as dagreLayout, graphlib } from "@dagrejs/dagre";
import type { Link, Node, Topology } from "@/api/types";

export const DEVICE = { width: 104, height: 36 };
export const SERVER = { width: 84, height: 20 };
const GAP = { x: 16, layer: 84, servers: 40, row: 5, block: 14, band: 56 };
/** Servers below each other before a second column begins. */
const COLUMN = 20;

/** Width by height of a screen, about. */
const SHAPE = 2.2;
/** Fewer leaves than this are not folded. */
const FEWEST = 8;

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
  const rows = orderedRows(topology.nodes, links, nodes);
  const leaves = besidePartners(rows.get("leaf") ?? [], blocks, links);
  rows.delete("leaf");
  const placed = new Map<string, Placed>();
  let top = 0;
  for (const row of rows.values()) {
    placeRow(row, () => DEVICE.width, top, placed);
    top += DEVICE.height + GAP.layer;
  }
  for (const band of bandsOf(leaves, blocks, top)) top = placeBand(band, top, placed) + GAP.band;
  return framed(placed, links);
}

/** Everything moved to positive places, with the size of the whole. */
function framed(placed: ReadonlyMap<string, Placed>, links: readonly Link[]): Picture {
  const all = [...placed.values()];
  const left = all.reduce((least, one) => Math.min(least, one.x - one.width / 2), 0);
  const moved = all.map((one) => ({
    ...one,
    x: one.x - left,
    ...(one.busX !== undefined && { busX: one.busX - left }),
  }));
  return {
    placed: new Map(moved.map((one) => [one.node.id, one])),
    links,
    width: moved.reduce((most, one) => Math.max(most, one.x + one.width / 2), 1),
    height: moved.reduce((most, one) => Math.max(most, one.y + one.height / 2), 1),
  };
}

interface Block {
  /** The leaves that all its servers are connected to; none for servers that are not connected. */
  leaves: readonly string[];
  servers: Node[];
}

const blockWidth = (block: Block) => Math.ceil(block.servers.length / COLUMN) * (SERVER.width + GAP.block);
const blockHeight = (block: Block) => Math.min(block.servers.length, COLUMN) * (SERVER.height + GAP.row);

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
  const servers = nodes.filter((node) => node.layer === "server");
  const groups = Map.groupBy(servers, (node) => [...(above.get(node.id) ?? [])].sort().join(" "));
  return [...groups].map(([key, members]) => ({ leaves: key === "" ? [] : key.split(" "), servers: members }));
}

type Layer = (typeof LAYERS)[number];

/** The devices of each layer in the order in which dagre found the fewest crossings. */
function orderedRows(
  nodes: readonly Node[],
  links: readonly Link[],
  known: ReadonlyMap<string, Node>,
): Map<Layer, Node[]> {
  const devices = nodes.filter((node) => node.layer !== "server");
  const present = LAYERS.filter((layer) => devices.some((node) => node.layer === layer));
  const rank = (id: string) => present.indexOf(known.get(id)?.layer as Layer);
  const graph = new graphlib.Graph();
  graph.setGraph({ nodesep: GAP.x, ranksep: GAP.layer, ranker: "longest-path" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of devices) graph.setNode(node.id, { ...DEVICE });
  for (const link of links) {
    const ends = endsOf(link, known);
    if (!ends || ends.some((id) => rank(id) < 0)) continue;
    const [high, low] = rank(ends[0]) < rank(ends[1]) ? ends : [ends[1], ends[0]];
    // A link within a layer says nothing about layers.
    if (rank(high) < rank(low)) graph.setEdge(high, low, { minlen: rank(low) - rank(high) });
  }
  dagreLayout(graph);
  const x = (node: Node): number => graph.node(node.id).x;
  const neighbours = (node: Node) => [...(graph.neighbors(node.id) ?? [])].sort().join(" ");
  return new Map(
    present.map((layer) => {
      const row = devices.filter((node) => node.layer === layer).sort((one, other) => x(one) - x(other));
      return [layer, byName(row, neighbours)];
    }),
  );
}

const NAMES = new Intl.Collator("en", { numeric: true });

/** The row with devices that have the same neighbours, whose order makes no difference, in the order of their names. */
function byName(row: readonly Node[], neighbours: (node: Node) => string): Node[] {
  const groups = new Map(
    [...Map.groupBy(row, neighbours)].map(([key, group]) => [
      key,
      group.sort((one, other) => NAMES.compare(one.name, other.name)),
    ]),
  );
  return row.flatMap((node) => groups.get(neighbours(node))?.shift() ?? []);
}

/** The leaves with those that share servers, or are linked to each other, side by side. */
function besidePartners(leaves: readonly Node[], blocks: readonly Block[], links: readonly Link[]): Node[] {
  const byId = new Map(leaves.map((leaf) => [leaf.id, leaf]));
  const shared = [...blocks.map((block) => block.leaves), ...links.map((link) => link.ends.map((end) => end.node))];
  const partners = new Map<string, string[]>();
  for (const group of shared) {
    const known = group.filter((id) => byId.has(id));
    if (known.length < 2) continue;
    for (const id of known) partners.set(id, [...(partners.get(id) ?? []), ...known]);
  }
  const ordered = new Map<string, Node>();
  for (const leaf of leaves) {
    for (const id of [leaf.id, ...(partners.get(leaf.id) ?? [])]) {
      const node = byId.get(id);
      if (node && !ordered.has(id)) ordered.set(id, node);
    }
  }
  return [...ordered.values()];
}

interface Band {
  leaves: readonly Node[];
  blocks: readonly Block[];
  widthOf: (leaf: Node) => number;
}

/** The leaves in as many rows as give the picture about the shape of a screen. */
function bandsOf(leaves: readonly Node[], blocks: readonly Block[], above: number): Band[] {
  const widths = new Map<string, number>();
  for (const block of blocks) {
    for (const leaf of block.leaves) {
      widths.set(leaf, (widths.get(leaf) ?? 0) + blockWidth(block) / block.leaves.length);
    }
  }
  const widthOf = (leaf: Node) => Math.max(DEVICE.width, widths.get(leaf.id) ?? 0);
  const total = leaves.reduce((sum, leaf) => sum + widthOf(leaf) + GAP.x, 0);
  const tallest = blocks.reduce((most, block) => Math.max(most, blockHeight(block)), 0);
  const band = DEVICE.height + GAP.servers + tallest + GAP.band;
  let count = 1;
  while (count < leaves.length / FEWEST && total / count / (above + count * band) > SHAPE) count += 1;
  const size = Math.max(1, Math.ceil(leaves.length / count));
  const rows = Array.from({ length: Math.max(1, Math.ceil(leaves.length / size)) }, (_, at) =>
    leaves.slice(at * size, (at + 1) * size),
  );
  const bandOf = new Map(rows.flatMap((row, at) => row.map((leaf) => [leaf.id, at] as const)));
  const place = (block: Block) => bandOf.get(block.leaves.find((leaf) => bandOf.has(leaf)) ?? "") ?? rows.length - 1;
  return rows.map((row, at) => ({ leaves: row, blocks: blocks.filter((block) => place(block) === at), widthOf }));
}

/** A row of devices around the middle of the picture. */
function placeRow(
  row: readonly Node[],
  widthOf: (node: Node) => number,
  top: number,
  placed: Map<string, Placed>,
): void {
  let left = -row.reduce((sum, node) => sum + widthOf(node) + GAP.x, -GAP.x) / 2;
  for (const node of row) {
    placed.set(node.id, { node, x: left + widthOf(node) / 2, y: top + DEVICE.height / 2, ...DEVICE });
    left += widthOf(node) + GAP.x;
  }
}

/** A row of leaves, and below each its servers; answers where the band ends. */
function placeBand({ leaves, blocks, widthOf }: Band, top: number, placed: Map<string, Placed>): number {
  placeRow(leaves, widthOf, top, placed);
  const end = leaves.reduce((most, leaf) => Math.max(most, (placed.get(leaf.id)?.x ?? 0) + widthOf(leaf)), 0);
  const wishes = blocks
    .map((block) => {
      const above = block.leaves.flatMap((leaf) => placed.get(leaf)?.x ?? []);
      const centre = above.length > 0 ? above.reduce((sum, x) => sum + x, 0) / above.length : end;
      return { block, centre, width: blockWidth(block) };
    })
    .sort((one, other) => one.centre - other.centre);
  const centres = apart(wishes);
  const first = top + (leaves.length > 0 ? DEVICE.height + GAP.servers : 0);
  for (const [at, { block, width }] of wishes.entries())
    placeBlock(block, (centres[at] ?? 0) - width / 2, first, placed);
  return first + blocks.reduce((most, block) => Math.max(most, blockHeight(block)), 0);
}

/** The servers of a block in columns. */
function placeBlock(block: Block, left: number, top: number, placed: Map<string, Placed>): void {
  for (const [at, node] of block.servers.entries()) {
    const busX = left + Math.floor(at / COLUMN) * (SERVER.width + GAP.block) + GAP.block / 2;
    const y = top + (at % COLUMN) * (SERVER.height + GAP.row) + SERVER.height / 2;
    placed.set(node.id, { node, x: busX + GAP.block / 2 + SERVER.width / 2, y, ...SERVER, busX });
  }
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
