/** The fleet, and who is looking at it. */
import type { FleetCounters, FleetRow } from "@/api/types";
import { ago, HOSTILE, pick, SHA } from "./values";

export const rows: FleetRow[] = Array.from({ length: 10_000 }, (_, at) => ({
  name: `gen-${String(at).padStart(5, "0")}`,
  description: at === 1 ? HOSTILE : "",
  source_of_truth: at % 9 === 0 ? "git" : "database",
  generation: 12,
  health: pick(["Healthy", "Healthy", "Progressing", "Degraded", "Healthy", "Missing", "Unknown"] as const, at),
  health_reason: at % 7 === 3 ? "leaf-4: BGP session to spine-1 is down" : "",
  git:
    at % 11 === 5
      ? null
      : {
          status: pick(["in_sync", "syncing", "in_sync", "error", "out_of_sync"] as const, at),
          generation: 12 - (at % 2),
          revision: `main@sha1:${SHA}`,
          reason: "",
          changed_at: ago(at),
        },
  cluster: {
    status: pick(["in_sync", "waiting", "parked", "in_sync", "never_synced"] as const, at),
    generation: 11,
    revision: `main@sha1:${SHA}`,
    reason: "the cluster does not answer",
    changed_at: ago(at + 1),
  },
  repository: "network",
  cluster_connection: "fabric_1_cluster",
  switches: {
    total: 6,
    current: 6 - (at % 3),
    converged: at % 3 === 0,
    converged_at: ago(5),
    reason: "leaf-3 is applying",
  },
  changed_at: ago(at + 1),
  drift: at % 5,
  held: at % 4 === 1 ? 2 : 0,
  refused: at % 6 === 2 ? 1 : 0,
  parked: at % 7 === 3 ? 1 : 0,
  problems: at % 5,
  needs_somebody: at % 5 > 2,
  suspended: at % 13 === 4 ? { reason: "maintenance CHG-17", until: null } : null,
  frozen: at % 8 === 3 ? { reason: "end of the year", until: ago(-600) } : null,
  rollout:
    at % 7 === 2
      ? { number: 7, name: "ntp-servers", state: "running" as const, fabric_state: "stored" as const }
      : null,
  labels: { site: pick(["fra", "ams", "lon"], at), tier: pick(["prod", "lab"], at) },
  last_change: { at: ago(at * 30 + 14), who: pick(["ann", "ada <ada@example.com>"], at), why: at === 2 ? HOSTILE : "" },
}));

export const counters: FleetCounters = {
  total: 10_000,
  states: {
    healthy: 5714,
    progressing: 1429,
    degraded: 1429,
    missing: 714,
    unknown: 714,
    in_sync: 6000,
    not_in_sync: 4000,
    syncing: 12,
    waiting: 20,
    failing: 9,
    parked: 3,
    suspended: 41,
    frozen: 1250,
    drifted: 88,
    held: 14,
    refused: 0,
    needs_somebody: 31,
  },
};

const READS = ["dry-run-git", "dry-run-cluster", "validate"];
const WRITES = [
  "sync-git",
  "sync-cluster",
  "pull",
  "suspend",
  "resume",
  "freeze",
  "unfreeze",
  "set-window",
  "delete-window",
  "adopt-git",
  "adopt-cluster",
  "revert-git",
  "revert-cluster",
  "replay",
  "discard",
  "edit",
  "rollback",
  "approve",
  "reject",
  "start-rollout",
  "pause-rollout",
  "resume-rollout",
  "approve-rollout",
  "abort-rollout",
  "rollback-rollout",
];
export const me = (_: URLSearchParams) => {
  const viewer = new URLSearchParams(location.search).has("viewer");
  return { user: "admin", actions: Object.fromEntries([...READS, ...WRITES].map((name) => [name, !viewer])) };
};
