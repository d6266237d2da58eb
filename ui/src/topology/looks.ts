/** How devices look: their colour is their health and whether they have applied what they were told. */
import type { Node } from "@/api/types";

export type NodeLook = "healthy" | "progressing" | "trouble" | "unknown" | "plain";

export const LEGEND: readonly { look: NodeLook; word: string; color: string }[] = [
  { look: "healthy", word: "Healthy, up to date", color: "green.solid" },
  { look: "progressing", word: "Applying", color: "blue.solid" },
  { look: "trouble", word: "Degraded or not in order", color: "red.solid" },
  { look: "unknown", word: "Not known", color: "border.emphasized" },
];

export function nodeClass(node: Node): NodeLook {
  if (["refused", "failed", "held", "drifted"].includes(node.state)) return "trouble";
  if (node.health === "Degraded" || node.health === "Missing") return "trouble";
  if (node.converged === false || node.health === "Progressing" || node.state === "pending") return "progressing";
  if (node.health === "Healthy") return "healthy";
  return node.layer === "server" || node.layer === "external" ? "plain" : "unknown";
}

export const NODE_STYLES = {
  "& svg": { display: "block", cursor: "grab", touchAction: "none" },
  "& .node": { cursor: "pointer" },
  "& .node rect": { fill: "bg.subtle", stroke: "border.emphasized", strokeWidth: 1.5 },
  "& .node.healthy rect": { stroke: "green.solid", fill: "green.subtle" },
  "& .node.progressing rect": { stroke: "blue.solid", fill: "blue.subtle" },
  "& .node.trouble rect": { stroke: "red.solid", fill: "red.subtle", strokeWidth: 2.5 },
  "& .node.unknown rect": { strokeDasharray: "4 3" },
  "& .node text": { fill: "fg", fontSize: "12px", textAnchor: "middle", dominantBaseline: "central" },
  "& .node.server text": { fontSize: "10px" },
  "& .far text": { display: "none" },
  "& .link": { fill: "none", stroke: "border.emphasized", strokeWidth: 1.2, vectorEffect: "non-scaling-stroke" },
  "& .link.many": { strokeOpacity: 0.4 },
  "& .link.pending": { stroke: "blue.solid" },
  "& .link.refused, & .link.failed": { stroke: "red.solid", strokeWidth: 2 },
  "& .link.held, & .link.drifted": { stroke: "orange.solid", strokeWidth: 2 },
  "& .link.deleting": { stroke: "purple.solid", strokeDasharray: "5 4" },
  "& .link.marked": { stroke: "fg", strokeWidth: 2.5 },
  "& .dim": { opacity: 0.3 },
} as const;
