/** Everything around fabrics. */
import type { ActionRecord, DeadLetter, Delivery, PullRequest, RuleText, ValidationAnswer } from "@/api/types";
import { ago, HOSTILE, pick, SHA } from "./values";

export { health } from "./health";

export const actions: ActionRecord[] = [
  {
    id: 2,
    at: ago(2),
    actor: "admin",
    action: "sync-git",
    fabric: "gen-00000",
    subjects: ["gen-00000"],
    reason: "",
    run_id: "ui__1",
    dag_id: "hedgehog_git_sync",
  },
  {
    id: 1,
    at: ago(200),
    actor: "ada",
    action: "suspend",
    fabric: "gen-00000",
    subjects: ["gen-00000"],
    reason: "maintenance CHG-17",
    run_id: null,
    dag_id: null,
  },
];

export const letters: DeadLetter[] = Array.from({ length: 4 }, (_, at) => ({
  id: 17 - at,
  fabric: `gen-0000${at}`,
  target: "kubernetes",
  status: "parked",
  dag: "hedgehog_kubernetes_sync",
  dag_id: "hedgehog_kubernetes_sync",
  conf: { fabrics: [`gen-0000${at}`], force: true },
  attempts: 8,
  error_class: "Unauthorized",
  message: "the cluster refused the token of connection fabric_1_cluster",
  run_id: "scheduled__2",
  first_failed_at: ago(400),
  last_failed_at: ago(240),
  closed_at: null,
  closed_by: null,
  note: "",
}));

export const deliveries: Delivery[] = Array.from({ length: 25 }, (_, at) => ({
  id: 25 - at,
  delivery_id: `d-${at}`,
  kind: at % 2 === 0 ? "branch" : "pull_request",
  event: at % 2 === 0 ? "push" : "pull_request",
  action: at % 2 === 0 ? "" : "synchronize",
  repository: "net/fabrics",
  number: at % 2 === 0 ? null : 40 + at,
  branch: at === 0 ? HOSTILE : "main",
  base: "main",
  before: "",
  after: SHA,
  head: SHA,
  status: pick(["done", "processing", "failed", "done", "ignored"] as const, at),
  reason: at % 5 === 2 ? "the repository is not ours" : "",
  attempts: 1 + (at % 3),
  received_at: ago(at * 9),
  finished_at: ago(at * 9),
  next_attempt_at: at % 5 === 2 ? ago(-4) : null,
}));

export const summary = {
  deliveries: { done: 210, failed: 2, received: 0, processing: 1, ignored: 9 },
  refusals: { "bad signature": 3 },
};

export const pullRequests: PullRequest[] = Array.from({ length: 6 }, (_, at) => ({
  repository: "net/fabrics",
  number: 40 + at,
  author: "ada",
  branch: `change-${at}`,
  base: "main",
  head: SHA,
  url: `https://git.example.com/net/fabrics/pull/${40 + at}`,
  fabrics: ["gen-00000"],
  status: pick(["done", "failed", "processing"] as const, at),
  result: at % 3 === 1 ? "2 objects would be refused" : "would configure 3 objects",
  action: "synchronize",
  checked_at: ago(at * 11),
  received_at: ago(at * 12),
}));

export const rule: RuleText = {
  id: "vpc-subnet-overlap",
  severity: "error",
  what: "The subnets of the VPCs of an IPv4Namespace do not overlap.",
  why: "Two servers would have the same address.",
  source: "api/vpc/v1beta1/vpc_types.go VPC.Validate",
  fix: "choose another subnet: 10.0.2.0/24",
};

export const verdicts: ValidationAnswer = {
  valid: false,
  objects: [
    {
      file: "-",
      document: 0,
      line: 1,
      ref: "VPC/default/vpc-1",
      verdict: "invalid",
      violations: [
        {
          rule: "vpc-subnet-overlap",
          path: ".spec.subnets.default",
          line: 4,
          column: 5,
          severity: "error",
          message: "10.0.1.0/24 overlaps that of vpc-2",
          hint: "choose another subnet",
        },
      ],
    },
  ],
  summary: { invalid: 1 },
  notes: [],
};
