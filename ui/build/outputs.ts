/** Where the bundles go, and how large they may be. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

export const UI = path.resolve(import.meta.dirname, "..");
export const STATIC = path.resolve(UI, "../plugins/hedgehog/airflow/web/static");
export const BUNDLES = ["pages.js", "card.js"] as const;
export const LICENCES = "LICENCES.txt";
/** A page that somebody opens over a slow line must not wait for code. */
export const LARGEST_BUNDLE = 200 * 1024;

export function gzippedSize(file: string): number {
  return gzipSync(readFileSync(file), { level: 9 }).length;
}
