/** How states look: a word and a colour for each. The colour is never the only sign. */
export type Tone = "green" | "blue" | "orange" | "red" | "gray" | "purple";

export interface Look {
  word: string;
  tone: Tone;
}

const TONES: Record<Tone, readonly string[]> = {
  green: ["Healthy", "in_sync", "in_order", "same", "success", "valid", "done", "replayed", "created", "ok"],
  blue: ["Progressing", "syncing", "pending", "processing", "received", "configured", "waiting", "running"],
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
  ],
  red: ["Missing", "error", "failed", "refused", "parked", "invalid", "refused-object", "deleted", "open", "failing"],
  purple: ["suspended", "deleting", "skipped", "ignored", "discarded", "unowned", "foreign", "obstacle"],
  gray: ["Unknown", "never_synced", "off", "absent", "unchanged", "unsupported", "closed"],
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
