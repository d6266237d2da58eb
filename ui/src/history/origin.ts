/** Where a change came from, in words. */

const THROUGH: ReadonlyMap<string, string> = new Map([
  ["cli", "Command"],
  ["api", "Pages or API"],
  ["run", "DAG run"],
  ["git", "Git"],
  ["cluster", "Cluster"],
  ["restore", "Restore"],
  ["sql", "SQL"],
  ["rollout", "Rollout"],
  ["migration", "Upgrade"],
]);

/** `cli` → "Command": through what somebody made a change. */
export function through(via: string): string {
  return THROUGH.get(via) ?? via;
}

/** `VPC/default/a configured`, or `2 created, 1 deleted` where it was more than one object. */
export function touched(counts: Record<string, number>, objects: readonly string[]): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  const [only, ...more] = some;
  if (!only) return "nothing";
  if (more.length === 0 && only[1] === 1 && objects[0]) return `${objects[0]} ${only[0]}`;
  return some.map(([action, count]) => `${count} ${action}`).join(", ");
}

/** What a person may type for a moment of a fabric, as the API takes it. */
export const MOMENT_HINT = "a generation (12), a time (2026-05-01T18:00, or 2d for two days ago), a commit, or now";

/** The two ends of a comparison, the older first, of the generations that were selected; null unless there are two. */
export function ends(generations: Iterable<string>): { from: string; to: string } | null {
  const [one, other, ...more] = [...generations].map(Number).sort((a, b) => a - b);
  if (one === undefined || other === undefined || more.length > 0) return null;
  return { from: String(one), to: String(other) };
}
