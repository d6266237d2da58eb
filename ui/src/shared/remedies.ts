/** From a problem to the buttons that end it: which action of the API, with which body. */
import type { ActionName, BodyOf } from "@/api/actions";
import type { Problem } from "@/api/types";

type Decision = "adopt-git" | "adopt-cluster" | "revert-git" | "revert-cluster";

/** One action with its body; the reason comes from the user. */
export type Remedy = {
  [Name in ActionName]: {
    action: Name;
    label: string;
    body: (reason: string) => BodyOf<Name>;
    asksForReason?: boolean;
  };
}[ActionName];

const DECISIONS: Record<Decision, string> = {
  "adopt-git": "Adopt",
  "adopt-cluster": "Adopt",
  "revert-git": "Revert",
  "revert-cluster": "Revert",
};

/** The number of a dead letter among subjects; null for objects and paths. */
export function letterOf(subject: string): number | null {
  return /^\d+$/.test(subject) ? Number(subject) : null;
}

function letters({ fabric, subject, target }: Problem) {
  const id = letterOf(subject);
  return id === null ? { fabrics: [fabric], target } : { ids: [id] };
}

function remedy(action: string, problem: Problem): Remedy | null {
  const fabrics = [problem.fabric];
  const objects = problem.subject ? [problem.subject] : [];
  const prune = problem.kind === "large-prune";
  switch (action) {
    case "sync-git":
      return { action, label: "Sync to Git", body: () => ({ fabrics, force: true }) };
    case "sync-cluster":
      return {
        action,
        label: prune ? "Delete them" : "Sync to cluster",
        body: () => ({ fabrics, force: true, allow_large_prune: prune }),
      };
    case "pull":
      return { action, label: "Pull", body: () => ({ fabrics }) };
    case "resume":
      return { action, label: "Resume", body: () => ({ fabrics }) };
    case "adopt-git":
    case "adopt-cluster":
    case "revert-git":
    case "revert-cluster":
      return { action, label: DECISIONS[action], body: () => ({ fabric: problem.fabric, objects }) };
    case "replay":
      return { action, label: "Replay", body: () => letters(problem) };
    case "discard":
      return { action, label: "Discard", asksForReason: true, body: (reason) => ({ ...letters(problem), reason }) };
    default:
      return null;
  }
}

/** The buttons for a problem, the most likely first. What is done on another page (edit, validate) has no button here. */
export function remediesOf(problem: Problem): Remedy[] {
  return problem.actions.flatMap((action) => remedy(action, problem) ?? []);
}
