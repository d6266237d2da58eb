/** The objects of a fabric as the rows of a tree: kinds, their objects, and below an object what it refers to. */
import type { ObjectRow } from "@/api/types";

export type TreeRow =
  | { type: "kind"; id: string; kind: string; count: number; isOpen: boolean }
  | { type: "object"; id: string; object: ObjectRow; depth: number; isOpen: boolean }
  | { type: "lost"; id: string; ref: string; depth: number };

interface Shape {
  /** Kinds whose objects are hidden. */
  closed: ReadonlySet<string>;
  /** Rows below which references are shown, by row id. */
  open: ReadonlySet<string>;
  /** How many objects of a kind there are in all; those not yet read count, too. */
  counts: ReadonlyMap<string, number>;
}

/** The rows from top to bottom. An object that refers to itself by a detour is shown once on each way. */
export function treeRows(objects: readonly ObjectRow[], { closed, open, counts }: Shape): TreeRow[] {
  const byRef = new Map(objects.map((object) => [object.ref, object]));
  const rows: TreeRow[] = [];
  const add = (object: ObjectRow, id: string, depth: number, above: readonly string[]) => {
    const isOpen = open.has(id);
    rows.push({ type: "object", id, object, depth, isOpen });
    if (!isOpen) return;
    for (const ref of object.refers_to) {
      const below = byRef.get(ref);
      const belowId = `${id} > ${ref}`;
      if (below && !above.includes(ref)) add(below, belowId, depth + 1, [...above, object.ref]);
      else rows.push({ type: "lost", id: belowId, ref, depth: depth + 1 });
    }
  };
  let kind = "";
  for (const object of objects) {
    if (object.kind !== kind) {
      kind = object.kind;
      const read = objects.filter((one) => one.kind === object.kind).length;
      rows.push({ type: "kind", id: kind, kind, count: counts.get(kind) ?? read, isOpen: !closed.has(kind) });
    }
    if (!closed.has(kind)) add(object, object.ref, 1, []);
  }
  return rows;
}

/** The set with *one* in it, or without it if it was. */
export function toggled(set: ReadonlySet<string>, one: string): Set<string> {
  const next = new Set(set);
  if (!next.delete(one)) next.add(one);
  return next;
}
