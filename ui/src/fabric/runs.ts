import type { SyncEvent } from "@/api/types";

export interface Run {
  dag: string;
  run: string;
  at: string;
  status: string;
  reason: string;
}

/** The runs behind syncs, the newest first, each once with the outcome of its last sync. Commands have none. */
export function runsOf(events: readonly SyncEvent[]): Run[] {
  const runs = new Map<string, Run>();
  for (const { dag_id: dag, run_id: run, at, status, reason } of events) {
    const id = `${dag} ${run}`;
    if (run && dag && !runs.has(id)) runs.set(id, { dag, run, at, status, reason });
  }
  return [...runs.values()];
}
