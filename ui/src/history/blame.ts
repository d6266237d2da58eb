/** Which change gave a field of an object its value. */
import type { FieldOrigin } from "@/api/types";
import { isBelow } from "@/shared/fields";

/** The origin of the field at *path*: a list is one field there, so that its entries share an origin. */
export function originOf(origins: readonly FieldOrigin[], path: string): FieldOrigin | undefined {
  return origins.find((one) => isBelow(path, one.path));
}

/** Who, when and why, in one sentence. */
export function blameLine({ change }: FieldOrigin, time: (at: string) => string): string {
  if (!change) return "Set before what is kept of the history";
  const made = change.generation === null ? "" : `generation ${change.generation}, `;
  const why = change.why ? `: ${change.why}` : "";
  return `Set by ${change.who}, ${made}${time(change.at)}${why}`;
}
