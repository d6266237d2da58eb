/** Links as lines, and which one is under the pointer. */
import type { Link } from "@/api/types";
import type { Picture, Placed } from "./layout";
import { endsOf } from "./layout";

export interface Point {
  x: number;
  y: number;
}

/** Room between parallel links of the same two devices. */
const PARALLEL = 7;

const round = (value: number) => Math.round(value * 10) / 10;

/** The corners of each link, from its upper to its lower end. Parallel links run side by side. */
export function linesOf({ links, placed }: Picture): Map<string, Point[]> {
  const groups = Map.groupBy(links, (link) =>
    link.ends
      .map((end) => end.node)
      .sort()
      .join(" "),
  );
  const lines = new Map<string, Point[]>();
  for (const group of groups.values()) {
    group.forEach((link, at) => {
      const ends = endsOf(link, placed)?.map((id) => placed.get(id));
      if (!ends?.[0] || !ends[1]) return;
      lines.set(link.id, line(ends[0], ends[1], (at - (group.length - 1) / 2) * PARALLEL));
    });
  }
  return lines;
}

function line(one: Placed, other: Placed, offset: number): Point[] {
  const [high, low] = one.y <= other.y ? [one, other] : [other, one];
  if (high.y === low.y) return arc(high, low, offset);
  const from = { x: round(high.x + offset), y: round(high.y + high.height / 2) };
  if (low.busX !== undefined && high.busX === undefined) {
    const bend = low.y - low.height / 2;
    return [
      from,
      { x: round(low.busX), y: round(Math.min(bend, from.y + 30)) },
      { x: round(low.busX), y: round(low.y) },
      { x: round(low.x - low.width / 2), y: round(low.y) },
    ];
  }
  return [from, { x: round(low.x + offset), y: round(low.y - low.height / 2) }];
}

/** Between two devices of one layer: below them, so that it does not run through those between. */
function arc(one: Placed, other: Placed, offset: number): Point[] {
  const [left, right] = one.x <= other.x ? [one, other] : [other, one];
  const y = left.y + left.height / 2;
  const depth = y + 14 + Math.abs(offset);
  return [
    { x: round(left.x + 20 + offset), y: round(y) },
    { x: round(left.x + 20 + offset), y: round(depth) },
    { x: round(right.x - 20 + offset), y: round(depth) },
    { x: round(right.x - 20 + offset), y: round(y) },
  ];
}

/** Points as the `d` of a path. */
export function pathOf(points: readonly Point[]): string {
  return points.map(({ x, y }, at) => `${at === 0 ? "M" : "L"}${x} ${y}`).join("");
}

function distance(point: Point, from: Point, to: Point): number {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = dx * dx + dy * dy;
  const along =
    length === 0 ? 0 : Math.min(1, Math.max(0, ((point.x - from.x) * dx + (point.y - from.y) * dy) / length));
  return Math.hypot(point.x - from.x - along * dx, point.y - from.y - along * dy);
}

/** The link nearest to *point*, if one is within *reach*. */
export function nearest(lines: ReadonlyMap<string, readonly Point[]>, point: Point, reach: number): string | null {
  let best: string | null = null;
  let least = reach;
  for (const [id, points] of lines) {
    for (let at = 1; at < points.length; at++) {
      const [from, to] = [points[at - 1], points[at]];
      if (!from || !to) continue;
      const away = distance(point, from, to);
      if (away < least) {
        least = away;
        best = id;
      }
    }
  }
  return best;
}

/** Links by how they are drawn: one path for each look, so that thousands of links are a handful of elements. */
export function linkLooks(links: readonly Link[]): Map<string, Link[]> {
  return Map.groupBy(links, (link) => (link.state === "in_order" ? "in_order" : link.state));
}
