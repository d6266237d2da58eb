/** What an action would do to each fabric, as far as the page knows without asking Git or a cluster. */
import type { Fabric, FleetRow } from "@/api/types";

/** What a plan needs to know of a fabric. */
export interface Subject {
  name: string;
  generation: number;
  followsGit: boolean;
  /** The generation that the place has reached; null: its sync is off. */
  git: number | null;
  cluster: number | null;
  suspended: string | null;
  frozen: string | null;
  /** How many files or objects wait for a decision: a sync leaves them alone. */
  held: number;
}

export interface PlanLine {
  name: string;
  /** Whether anything happens to it at all. */
  acts: boolean;
  what: string;
}

export function subjectOfRow(row: FleetRow): Subject {
  return {
    name: row.name,
    generation: row.generation,
    followsGit: row.source_of_truth === "git",
    git: row.git?.generation ?? null,
    cluster: row.cluster?.generation ?? null,
    suspended: row.suspended?.reason ?? null,
    frozen: row.frozen?.reason ?? null,
    held: row.held,
  };
}

export function subjectOfFabric(fabric: Fabric): Subject {
  const reached = (place: "git" | "cluster") => {
    const step = fabric.steps.find((one) => one.place === place);
    return step?.enabled ? (step.generation ?? 0) : null;
  };
  return {
    name: fabric.name,
    generation: fabric.generation,
    followsGit: fabric.source_of_truth === "git",
    git: reached("git"),
    cluster: reached("cluster"),
    suspended: fabric.suspended?.reason ?? null,
    frozen: fabric.frozen?.reason ?? null,
    held: fabric.held,
  };
}

export type BulkAction = "sync-git" | "sync-cluster" | "pull" | "suspend" | "resume" | "freeze" | "unfreeze";

function sync(subject: Subject, has: number | null, place: string): Omit<PlanLine, "name"> {
  if (has === null) return { acts: false, what: `skipped: its sync to ${place} is off` };
  if (subject.suspended !== null) return { acts: false, what: `skipped: suspended (${subject.suspended})` };
  if (subject.frozen !== null) return { acts: false, what: `waits: frozen (${subject.frozen})` };
  const held = subject.held > 0 ? `; leaves alone what is held (${subject.held})` : "";
  if (has < subject.generation) {
    return { acts: true, what: `writes generation ${subject.generation}; ${place} has ${has}${held}` };
  }
  return { acts: true, what: `compares; ${place} already has generation ${has}${held}` };
}

function line(action: BulkAction, subject: Subject): Omit<PlanLine, "name"> {
  switch (action) {
    case "sync-git":
      return sync(subject, subject.git, "Git");
    case "sync-cluster":
      return sync(subject, subject.cluster, "the cluster");
    case "pull":
      return subject.followsGit
        ? { acts: true, what: "takes over what was pushed to its directory" }
        : { acts: false, what: "skipped: the database is its source of truth" };
    case "suspend":
      return subject.suspended === null
        ? { acts: true, what: "nothing is written to Git or the cluster until it is resumed" }
        : { acts: true, what: `is suspended already (${subject.suspended}); gets the new reason` };
    case "resume":
      return subject.suspended === null
        ? { acts: false, what: "is not suspended" }
        : { acts: true, what: "its syncs are due at once" };
    case "freeze":
      return subject.frozen === null
        ? { acts: true, what: "nothing is written to Git or the cluster; it is watched and planned as before" }
        : { acts: true, what: `is frozen already (${subject.frozen}); gets a freeze of its own, too` };
    case "unfreeze":
      return subject.frozen === null
        ? { acts: false, what: "is not frozen" }
        : { acts: true, what: "its own freeze is lifted; one that it shares with others stays (page Freezes)" };
  }
}

export function planOf(action: BulkAction, subjects: readonly Subject[]): PlanLine[] {
  return subjects.map((subject) => ({ name: subject.name, ...line(action, subject) }));
}

/** The most fabrics that one request may name. */
export const MOST = 500;

/** Why *action* cannot be done with *subjects*; empty: it can. */
export function obstacle(action: BulkAction, subjects: readonly Subject[]): string {
  if (subjects.length > MOST) return `At most ${MOST} fabrics at once`;
  return planOf(action, subjects).some(({ acts }) => acts) ? "" : (planOf(action, subjects)[0]?.what ?? "");
}
