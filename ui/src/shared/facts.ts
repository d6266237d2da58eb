/** What was measured, in a few words: `seconds: 0.862` → `0.86 s`, `bytes: 12252863` → `12 MB`. */
import { leaves } from "./fields";
import { absolute, duration } from "./times";
import { sentence, shownValue } from "./words";

const UNITS = ["B", "kB", "MB", "GB", "TB"];
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/;
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

export function size(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}

/** One fact; null for one that says nothing. */
function fact(name: string, value: unknown, zone: string): string | null {
  if (value === null || value === "") return null;
  if (name === "seconds" && typeof value === "number") return duration(value);
  if (name === "bytes" && typeof value === "number") return size(value);
  const label = sentence(name.replaceAll(".", " "));
  if (typeof value === "string" && MOMENT.test(value)) return `${label} ${absolute(value, zone)}`;
  if (typeof value === "string" && COMMIT.test(value)) return `${label} ${value.slice(0, 8)}`;
  return `${label} ${shownValue(value)}`;
}

/** All facts in one line, with times in *zone*. */
export function factLine(facts: Record<string, unknown>, zone: string): string {
  const shown = [...leaves(facts)].map(([path, value]) => fact(path.slice(1), value, zone));
  return shown.filter((one) => one !== null).join(" · ");
}
