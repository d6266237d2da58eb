/** Rollouts, proposals, and the plans that both show. */
import type {
  ChangePlan,
  Proposal,
  ProposalDetail,
  RolledBack,
  Rollout,
  RolloutDetail,
  RolloutFabric,
  StartedRollout,
} from "@/api/types";
import { changes } from "./history";
import { ago, HOSTILE, pick } from "./values";

export const plan: ChangePlan = {
  version: 1,
  id: "5394cb7f48332b2d",
  fabric: "gen-00000",
  kind: "change",
  generation: 12,
  revision: null,
  branch: "",
  base: "",
  blast_radius: {
    switches: ["leaf-1", "leaf-2"],
    ports: ["leaf-1/E1/1"],
    servers: ["server-01"],
    gateways: [],
    vpcs: ["vpc-1"],
    peerings: ["VPCPeering/vpc-1--vpc-2"],
    externals: [],
  },
  parts: [
    {
      place: "database",
      counts: { created: 1, configured: 1, deleted: 1, unchanged: 74 },
      unchanged: 74,
      changes: [
        {
          object: "VPC/default/vpc-1",
          action: "configured",
          differences: [
            { path: ".spec.subnets.default.vlan", before: 1001, after: 1900 },
            { path: ".metadata.annotations.note", before: null, after: HOSTILE },
          ],
          reason: "",
        },
        { object: "Server/default/gen-00000-ntp", action: "created", differences: [], reason: "" },
        { object: "Server/default/gen-00000-old", action: "deleted", differences: [], reason: "" },
      ],
      held: [{ subject: "VPC/default/vpc-9", reason: "its subnet overlaps that of vpc-1", refused: true }],
      warnings: [],
      drift: [{ subject: "VPC/default/vpc-1", summary: ".spec.subnets.default.vlan, by kubectl-edit" }],
      waves: [],
      unverified: "",
    },
  ],
};

const underWay = (failed: number): Rollout["counts"] => ({ done: 20, stored: 3, failed, pending: 177 });

const STATES = ["running", "approval", "paused", "done", "rolled_back", "aborted"] as const;

export const rollouts: Rollout[] = STATES.map((state, at) => {
  const open = at < 3;
  return {
    number: 7 - at,
    name: at === 0 ? "ntp-servers" : `vlan-12${at}0`,
    state,
    reason: pick(
      ["", "wave 2 of 4 waits to be approved", `gen-00003 failed: ${HOSTILE}`, "", "taken back by ann", "no"],
      at,
    ),
    why: pick(["CHG-18: time servers of the new hall", HOSTILE], at),
    selector: at % 2 === 0 ? "site=fra,tier!=lab" : "",
    digest: "0f3a9d5c7be21446",
    counts: open ? underWay(at === 2 ? 1 : 0) : { done: 200 },
    total: 200 + (at === 2 ? 1 : 0),
    wave: open ? 2 : null,
    waves: 4,
    soak_seconds: 900,
    timeout_seconds: 1800,
    approve: at % 2 === 0 ? "canary" : "none",
    on_failure: at % 2 === 0 ? "hold" : "rollback",
    started_by: pick(["ann", "bob on ops-1"], at),
    started_at: ago(90 + at * 1440),
    moved_at: ago(12 + at * 1440),
    ended_at: open ? null : ago(at * 1200),
    actions: pick(
      [
        ["pause-rollout", "abort-rollout", "rollback-rollout"],
        ["approve-rollout", "pause-rollout", "abort-rollout", "rollback-rollout"],
        ["resume-rollout", "abort-rollout", "rollback-rollout"],
        ["rollback-rollout"],
        [],
        ["rollback-rollout"],
      ],
      at,
    ),
  };
});

const WAVE_SIZES = [1, 19, 80, 100];

const members = WAVE_SIZES.flatMap((size, wave) =>
  Array.from({ length: size }, (_, at) => ({ wave: wave + 1, at })),
).map(({ wave, at }, index) => {
  const state: RolloutFabric["state"] =
    wave === 1 ? "done" : wave > 2 ? "pending" : pick(["done", "converged", "stored", "failed"] as const, at);
  return {
    fabric: `gen-${String(index).padStart(5, "0")}`,
    wave,
    state,
    since: state === "pending" ? null : ago(10 + at),
    reason: state === "failed" ? HOSTILE : state === "stored" && at === 2 ? "frozen until ann lifts it: audit" : "",
    generation: state === "pending" ? null : 12 + at,
    ends_at: state === "converged" || state === "stored" ? ago(-12) : null,
  };
});

export const rollout: RolloutDetail = {
  ...(rollouts[2] as Rollout),
  text: `apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata:
  name: \${fabric}-ntp
spec:
  description: ${HOSTILE}
`,
  deletes: [`Server/default/\${fabric}-old`],
  fabrics: members,
};

export const startedRollout: StartedRollout = {
  name: "ntp-servers",
  number: null,
  digest: "0f3a9d5c7be21446",
  waves: 4,
  fabrics: members.map(({ fabric, wave }) => ({ fabric, wave, counts: { created: 1, deleted: 1 } })),
  changes: [
    { object: "VPC/default/vpc-1", action: "configured", fabrics: 200 },
    { object: "Server/default/gen-00000-ntp", action: "created", fabrics: 1 },
  ],
  example: plan,
  dry_run: true,
};

export const proposals: Proposal[] = (["waiting", "waiting", "applied", "rejected", "superseded"] as const).map(
  (status, at) => ({
    id: 21 - at,
    fabric: "gen-00000",
    plan: plan.id,
    status,
    author: pick(["bob on ops-1", "admin", HOSTILE], at),
    via: pick(["cli", "api", "git"], at),
    reason: pick(["CHG-17: a VLAN of its own", HOSTILE], at),
    commit: null,
    needs_approval: ["rule prod: more than 2 switches (4)"],
    author_may_approve: false,
    created_at: ago(40 + at * 60),
    decided_at: at < 2 ? null : ago(at * 20),
    decided_by: at < 2 ? null : "ann",
    decision: at < 2 ? "" : pick(["tonight", "use VLAN 1300", "the fabric was changed: generation 2 → 3"], at),
    superseded_by: status === "superseded" ? 21 : null,
    review_decides: at === 0,
    review: at === 0 ? `https://git.example.com/acme/net/pull/7 has no approving review; ${HOSTILE}` : "",
    pull_request: at === 0 ? "https://git.example.com/acme/net/pull/7" : "",
  }),
);

export const proposal: ProposalDetail = { ...(proposals[0] as Proposal), document: plan };

export const rolledBack: RolledBack = {
  fabric: "gen-00000",
  to: changes[3] as RolledBack["to"],
  plan,
  settings: [{ setting: "description", before: "hall 3", after: HOSTILE }],
  kept_settings: ["git_directory"],
  generation: null,
  proposal: null,
  dry_run: true,
};
