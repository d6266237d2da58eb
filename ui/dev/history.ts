/** The history of a fabric. */
import type { ChangeRow, Comparison, FieldOrigin, Trace } from "@/api/types";
import { ago, HOSTILE, pick, SHA } from "./values";

const WHO = ["ann", "ada <ada@example.com>", "kubectl-edit", "bob on ops-1", "postgres"] as const;
const VIA = ["api", "git", "cluster", "cli", "sql"] as const;
const WHY = ["CHG-17: more room for the hall", HOSTILE, "adopted by ann", "", ""] as const;

export const changes: ChangeRow[] = Array.from({ length: 12 }, (_, at) => ({
  id: 112 - at,
  fabric: "gen-00000",
  generation: 12 - at,
  at: ago(14 + at * 190),
  who: pick(WHO, at),
  via: pick(VIA, at),
  why: pick(WHY, at),
  run_id: null,
  commit_id: at % 5 === 1 ? SHA : null,
  role: "hedgehog",
  counts: at % 3 === 2 ? { created: 4, configured: 0, deleted: 1 } : { created: 0, configured: 1, deleted: 0 },
  objects:
    at % 3 === 2
      ? ["Connection/default/leaf-1--mclag--server-01", "Server/default/server-01", "VPC/default/vpc-2"]
      : ["VPC/default/vpc-1"],
}));

export const comparison: Comparison = {
  fabric: "gen-00000",
  first: "generation 11 (2026-11-26 21:04:09 UTC, ada <ada@example.com>)",
  second: "generation 12 (2026-11-27 00:16:42 UTC, ann)",
  objects: [
    {
      object: "VPC/default/vpc-1",
      action: "configured",
      fields: [
        { path: ".spec.subnets.default.subnet", before: "10.0.3.0/24", after: "10.0.4.0/24" },
        { path: ".metadata.annotations.note", before: null, after: HOSTILE },
      ],
      note: "",
    },
    { object: "VPC/default/vpc-9", action: "deleted", fields: [], note: "" },
    { object: "Server/default/server-31", action: "created", fields: [], note: "" },
  ],
};

const [last] = changes;

export const origins: FieldOrigin[] = [
  { path: ".spec.subnets.default.vlan", value: 1001, change: last ?? null },
  { path: ".spec.ipv4Namespace", value: "default", change: null },
];

export const traces: Trace[] = [
  {
    change: last as ChangeRow,
    stages: [
      { name: "changed", at: ago(14), by: "ann, api", waits_for: "", note: "" },
      { name: "committed", at: ago(13), by: SHA.slice(0, 8), waits_for: "", note: "" },
      { name: "applied", at: null, by: "", waits_for: "somebody to correct the connection and replay it", note: "" },
      { name: "converged", at: null, by: "", waits_for: "leaf-3", note: "" },
    ],
  },
];
