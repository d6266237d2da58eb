/** Times as Airflow's pages show them: in the time zone that the user chose there. */
import { useSyncExternalStore } from "react";

/** Where Airflow keeps the chosen time zone, as JSON; without it, the browser's applies. */
const KEY = "timezone";

/** By zone. Making one takes longer than hundreds of uses. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

const BROWSER = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function browserZone(): string {
  return BROWSER;
}

/** Raises RangeError for what is not a time zone. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  FORMATS.set(zone, made);
  return made;
}

function isZone(value: unknown): value is string {
  if (typeof value !== "string" || value === "") return false;
  try {
    formatOf(value);
    return true;
  } catch {
    return false;
  }
}

/** The zone in what Airflow stored; anything that is not a zone counts as not chosen. */
export function zoneOf(stored: string | null): string {
  if (stored === null) return browserZone();
  try {
    const value: unknown = JSON.parse(stored);
    return isZone(value) ? value : browserZone();
  } catch {
    return isZone(stored) ? stored : browserZone();
  }
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("storage", changed); // from other tabs
  window.addEventListener("local-storage", changed); // Airflow's own, in this tab
  return () => {
    window.removeEventListener("storage", changed);
    window.removeEventListener("local-storage", changed);
  };
}

export function useZone(): string {
  return zoneOf(useSyncExternalStore(subscribe, () => localStorage.getItem(KEY)));
}

/** `2026-11-27 00:42:07`, as everywhere in Airflow. */
export function absolute(iso: string, zone: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const parts = formatOf(zone).formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}:${part("second")}`;
}

/** How often the times on a page move on. */
const TICK = 10_000;

const UNITS: readonly [string, number][] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
];

/** `3 min ago`, `in 2 h`: the largest whole unit. What is as near as two clocks may differ is `now`. */
export function relative(iso: string, now: number): string {
  const seconds = Math.round((now - new Date(iso).getTime()) / 1000);
  if (Number.isNaN(seconds)) return iso;
  if (Math.abs(seconds) < TICK / 1000) return "now";
  const distance = Math.abs(seconds);
  const [unit, size] = UNITS.find(([, least]) => distance >= least) ?? ["s", 1];
  const count = `${Math.floor(distance / size)} ${unit}`;
  return seconds > 0 ? `${count} ago` : `in ${count}`;
}

/** `0.4 s`, `1 min 5 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

let now = Date.now();
const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** One clock for all times on a page. */
function onTick(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const one of listeners) one();
  }, TICK);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

export function useNow(): number {
  return useSyncExternalStore(onTick, () => now);
}
