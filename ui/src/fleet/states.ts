/** The states that fabrics are counted and filtered by, in the order of the counters. */
import type { FleetState } from "@/api/types";

export const STATES: readonly { value: FleetState; word: string }[] = [
  { value: "needs_somebody", word: "Needs somebody" },
  { value: "healthy", word: "Healthy" },
  { value: "progressing", word: "Progressing" },
  { value: "degraded", word: "Degraded" },
  { value: "missing", word: "Missing" },
  { value: "unknown", word: "Unknown" },
  { value: "in_sync", word: "In sync" },
  { value: "not_in_sync", word: "Not in sync" },
  { value: "syncing", word: "Syncing" },
  { value: "waiting", word: "Waiting" },
  { value: "failing", word: "Failing" },
  { value: "drifted", word: "Drifted" },
  { value: "held", word: "Held" },
  { value: "refused", word: "Refused" },
  { value: "parked", word: "Parked" },
  { value: "suspended", word: "Suspended" },
  { value: "frozen", word: "Frozen" },
];

export const ORDERS = [
  "name",
  "-name",
  "health",
  "-health",
  "git",
  "-git",
  "cluster",
  "-cluster",
  "changed",
  "-changed",
  "drift",
  "-drift",
  "problems",
  "-problems",
] as const;
