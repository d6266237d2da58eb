import type { paths } from "@/api/schema";
import type { HealthRow } from "@/api/types";

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

function row(
  scope: string,
  name: string,
  health: HealthRow["health"],
  reasons: string[],
  facts: HealthRow["facts"],
): HealthRow {
  return { scope, name, health, reasons, facts, since: ago(90), checked_at: ago(1) };
}

export const health: paths["/health"]["get"]["responses"][200]["content"]["application/json"] = {
  rows: [
    row("repository", "network", "Healthy", [], { branch: "main", seconds: 0.2 }),
    row("repository", "other", "Unknown", ["git.example.com does not answer"], {}),
    row("github", "network_git", "Degraded", ["412 calls are left until 01:00"], { remaining: 412, limit: 5000 }),
    row("service", "database", "Healthy", [], { connections: 12 }),
    row("service", "scheduler", "Healthy", [], {}),
  ],
  clusters: [
    {
      connection_id: "fabric_1_cluster",
      fabrics: 3,
      health: { Healthy: 2, Degraded: 1 },
      left_in_peace: ["gen-00004: does not answer"],
    },
  ],
  queues: [
    { name: "git", due: 0, running: 2, parked: 0, oldest_due_at: null },
    { name: "kubernetes", due: 14, running: 8, parked: 1, oldest_due_at: ago(2) },
    { name: "branch", due: 0, running: 0, parked: 0, oldest_due_at: null },
    { name: "pull_request", due: 1, running: 1, parked: 0, oldest_due_at: ago(1) },
  ],
};
