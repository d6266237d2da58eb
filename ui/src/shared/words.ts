/** How states look: a word and a colour for each. The colour is never the only sign. */
export type Tone = "green" | "blue" | "orange" | "red" | "gray" | "purple";

export interface Look {
  word: string;
  tone: Tone;
}

const TONES: Record<Tone, readonly string[]> = {
  green: [
    "Healthy",
    "in_sync",
    "in_order",
    "same",
    "success",
    "valid",
    "done",
    "replayed",
    "created",
    "converged",
    "ok",
    "applied",
    "approved",
  ],
  blue: [
    "Progressing",
    "syncing",
    "pending",
    "processing",
    "received",
    "configured",
    "waiting",
    "running",
    "converging",
    "stored",
  ],
  orange: [
    "Degraded",
    "out_of_sync",
    "held",
    "drifted",
    "differs",
    "changed",
    "missing",
    "waits",
    "orphan",
    "unwanted",
    "paused",
    "approval",
    "left",
  ],
  red: [
    "Missing",
    "error",
    "failed",
    "refused",
    "parked",
    "invalid",
    "refused-object",
    "deleted",
    "open",
    "failing",
    "rejected",
  ],
  purple: [
    "suspended",
    "frozen",
    "deleting",
    "skipped",
    "ignored",
    "discarded",
    "unowned",
    "foreign",
    "obstacle",
    "taken_back",
    "rolled_back",
  ],
  gray: ["Unknown", "never_synced", "off", "absent", "unchanged", "unsupported", "closed", "aborted", "superseded"],
};

const BY_STATE: ReadonlyMap<string, Tone> = new Map(
  (Object.entries(TONES) as [Tone, readonly string[]][]).flatMap(([tone, states]) =>
    states.map((state) => [state, tone] as const),
  ),
);

/** `out_of_sync` → "Out of sync" in orange; a state that is not known is gray. */
export function look(state: string): Look {
  return { word: sentence(state), tone: BY_STATE.get(state) ?? "gray" };
}

/** `held-edit` → "Held edit". */
export function sentence(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** `1 fabric`, `2 fabrics`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** `90 min`, `6 h`, `1 d`: the largest unit that leaves no rest. */
export function span(minutes: number): string {
  if (minutes > 0 && minutes % 1440 === 0) return `${minutes / 1440} d`;
  return minutes > 0 && minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}

/** `main@sha1:5394cb7f…` → `main@5394cb7f`; anything else is cut at *most* characters. */
export function shortRevision(revision: string, most = 24): string {
  const found = /^(.*)@sha(?:1|256):([0-9a-f]{7,})$/.exec(revision);
  const text = found ? `${found[1]}@${(found[2] ?? "").slice(0, 8)}` : revision;
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** A value of a field in one line: text as it is, anything else as JSON; a field that is not there is a dash. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
