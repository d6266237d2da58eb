/** Rollouts in numbers and words. */
import type { Rollout, RolloutDetail } from "@/api/types";
import { counted, span } from "@/shared/words";

/** The states in which a rollout is done with a fabric. */
const OVER = ["done", "skipped", "taken_back"];

/** Fabrics by state in the order of their way; a state without any is left out. */
const ORDER = ["failed", "pending", "stored", "converged", "done", "skipped", "taken_back"] as const;

export interface Wave {
  number: number;
  total: number;
  /** Fabrics that it is done with. */
  over: number;
  failed: number;
  counts: Record<string, number>;
}

/** The waves of a rollout, each with how far it is. */
export function wavesOf(fabrics: RolloutDetail["fabrics"]): Wave[] {
  const found = new Map<number, Wave>();
  for (const { wave: number, state } of fabrics) {
    const wave = found.get(number) ?? { number, total: 0, over: 0, failed: 0, counts: {} };
    wave.total += 1;
    wave.over += OVER.includes(state) ? 1 : 0;
    wave.failed += state === "failed" ? 1 : 0;
    wave.counts[state] = (wave.counts[state] ?? 0) + 1;
    found.set(number, wave);
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

/** `1 failed, 3 done`. */
export function statesLine(counts: Record<string, number>): string {
  const parts = ORDER.filter((state) => counts[state]).map((state) => `${counts[state]} ${state.replace("_", " ")}`);
  return parts.join(", ") || "no fabrics";
}

/** `Each fabric soaks 15 min and has 30 min to converge; the second wave waits for approval; a failure pauses it.` */
export function policyLine(rollout: Rollout): string {
  const soak = rollout.soak_seconds > 0 ? `soaks ${seconds(rollout.soak_seconds)} and ` : "";
  const approve = {
    none: "",
    canary: " the second wave waits for approval;",
    wave: " every further wave waits for approval;",
  }[rollout.approve];
  const failure = rollout.on_failure === "hold" ? "a failure pauses it" : "a failure takes all of it back";
  return `Each fabric ${soak}has ${seconds(rollout.timeout_seconds)} to converge;${approve} ${failure}.`;
}

function seconds(count: number): string {
  return count % 60 === 0 ? span(count / 60) : `${count} s`;
}

/** `wave 2 of 4, 12 of 200 fabrics done`. */
export function progressLine(rollout: Rollout): string {
  const done = `${rollout.counts.done ?? 0} of ${counted(rollout.total, "fabric")} done`;
  return rollout.wave === null ? done : `wave ${rollout.wave} of ${rollout.waves}, ${done}`;
}

/** The sizes or names that somebody typed, separated by commas or spaces. */
export const listed = (text: string) => text.split(/[\s,]+/).filter((one) => one !== "");

/** Minutes that somebody typed, as whole seconds; *otherwise* for anything that is not a number of them. */
export function secondsOf(minutes: string, otherwise: number): number {
  const count = Number(minutes);
  return minutes.trim() !== "" && Number.isFinite(count) && count >= 0 ? Math.round(count * 60) : otherwise;
}
