/** Manifests field by field. */

/** The leaves of *value* by path, as the API writes it (`.spec.subnets.a.vlan`, `.spec.links[0].port`), in their order. */
export function leaves(value: unknown, path = ""): Map<string, unknown> {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
    return new Map(path === "" && (typeof value === "object" || value === undefined) ? [] : [[path, value]]);
  }
  const found = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value)) {
    const below = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
    for (const [leaf, leafValue] of leaves(item, below)) found.set(leaf, leafValue);
  }
  return found;
}

const FIRST = ["apiVersion", "kind", "metadata", "spec"];

function sorted(value: unknown, first: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item));
  if (typeof value !== "object" || value === null) return value;
  const rank = (key: string) => (first.includes(key) ? first.indexOf(key) : first.length);
  const entries = Object.entries(value).sort(
    ([one], [other]) => rank(one) - rank(other) || (one < other ? -1 : one > other ? 1 : 0),
  );
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** A manifest in the order in which people write it. The database keeps none, so that it would differ by chance. */
export function ordered(manifest: unknown): unknown {
  return sorted(manifest, FIRST);
}

export interface FieldRow {
  path: string;
  database: unknown;
  git: unknown;
  cluster: unknown;
  /** Whether the places that have the object at all do not agree. */
  differs: boolean;
}

export interface Places {
  database: unknown;
  git: unknown;
  cluster: unknown;
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Every field of the object at the three places. *differing* are the paths that the server calls different: it knows
 * defaults, sorting and covered secrets, so what only looks different is not marked.
 */
export function fieldRows(places: Places, differing: readonly string[]): FieldRow[] {
  const database = leaves(ordered(places.database));
  const git = leaves(ordered(places.git));
  const cluster = leaves(ordered(places.cluster));
  const paths = new Set([...database.keys(), ...git.keys(), ...cluster.keys()]);
  const marked = (path: string) => differing.some((one) => isBelow(path, one) || isBelow(one, path));
  const rows = [...paths].map((path) => ({
    path,
    database: database.get(path),
    git: git.get(path),
    cluster: cluster.get(path),
  }));
  return rows.map((row) => ({
    ...row,
    differs: marked(row.path) && !(same(row.database, row.git) && same(row.git, row.cluster)),
  }));
}

/** Whether *path* is *ancestor* or a field of it. */
export function isBelow(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}.`) || path.startsWith(`${ancestor}[`);
}
