/** Short names for the models of the API (`schema.d.ts` is generated from docs/openapi.json). */
import type { components, paths } from "./schema";

type Schemas = components["schemas"];

export type ActionRecord = Schemas["ActionRecord"];
export type AddressRange = Schemas["AddressRange"];
export type BlastRadius = Schemas["BlastRadius"];
export type ChangePlan = Schemas["ChangePlan"];
export type Changed = Schemas["Changed"];
export type CheckedObject = Schemas["CheckedObject"];
export type ClusterRow = Schemas["ClusterRow"];
export type Comparison = Schemas["Comparison"];
export type DeadLetter = Schemas["DeadLetter"];
export type Delivery = Schemas["Delivery"];
export type Drift = Schemas["Drift"];
export type DryRun = Schemas["DryRun"];
export type Fabric = Schemas["Fabric"];
export type FieldDifference = Schemas["FieldDifference"];
export type FieldOrigin = Schemas["FieldOrigin"];
export type FleetCounters = Schemas["FleetCounters"];
export type FleetRow = Schemas["FleetRow"];
export type FleetState = Schemas["FleetState"];
export type Freeze = Schemas["Freeze"];
export type Health = Schemas["Health"];
export type HealthRow = Schemas["HealthRow"];
export type Hop = Schemas["Hop"];
export type Link = Schemas["Link"];
export type ChangeRow = Schemas["ChangeRow"];
export type Node = Schemas["Node"];
export type ObjectDetail = Schemas["ObjectDetail"];
export type ObjectDifference = Schemas["ObjectDifference"];
export type ObjectRow = Schemas["ObjectRow"];
export type ObjectState = Schemas["ObjectState"];
export type PathAnswer = Schemas["PathAnswer"];
export type Permissions = Schemas["Permissions"];
export type PlaceDifference = Schemas["PlaceDifference"];
export type Problem = Schemas["Problem"];
export type ProblemDetails = Schemas["ProblemDetails"];
export type Proposal = Schemas["Proposal"];
export type ProposalDecision = Schemas["ProposalDecision"];
export type ProposalDetail = Schemas["ProposalDetail"];
export type PullRequest = Schemas["PullRequest"];
export type QueueRow = Schemas["QueueRow"];
export type RecordedChange = Schemas["RecordedChange"];
export type Reference = Schemas["Reference"];
export type RolledBack = Schemas["RolledBack"];
export type Rollout = Schemas["Rollout"];
export type RolloutDetail = Schemas["RolloutDetail"];
export type RolloutFabric = Schemas["RolloutFabric"];
export type RuleText = Schemas["RuleText"];
export type RunStarted = Schemas["RunStarted"];
export type StartedRollout = Schemas["StartedRollout"];
export type Step = Schemas["Step"];
export type SwitchState = Schemas["SwitchState"];
export type SyncEvent = Schemas["SyncEvent"];
export type SyncSummary = Schemas["SyncSummary"];
export type Target = Schemas["Target"];
export type Topology = Schemas["Topology"];
export type Trace = Schemas["Trace"];
export type ValidationAnswer = Schemas["ValidationAnswer"];
export type Version = Schemas["Version"];
export type Way = Schemas["Way"];
export type Window = Schemas["Window"];

export type Query<Path extends keyof paths> = paths[Path] extends { get: { parameters: { query?: infer Given } } }
  ? NonNullable<Given>
  : never;

/** A part of a list, whatever it lists. */
export interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
  total?: number | null;
}
