/** Which page an address means. Every page has its own address, with its filters in the query. */
import { matchPath } from "react-router-dom";
import { ROOT } from "@/shared/addresses";

export const TABS = [
  "objects",
  "topology",
  "plan",
  "history",
  "timeline",
  "drift",
  "problems",
  "runs",
  "settings",
] as const;
export type Tab = (typeof TABS)[number];

export const SECTIONS = [
  { page: "fleet", to: ROOT, label: "Fleet" },
  { page: "problems", to: `${ROOT}/problems`, label: "Problems" },
  { page: "proposals", to: `${ROOT}/proposals`, label: "Proposals" },
  { page: "rollouts", to: `${ROOT}/rollouts`, label: "Rollouts" },
  { page: "freezes", to: `${ROOT}/freezes`, label: "Freezes" },
  { page: "pull-requests", to: `${ROOT}/pull-requests`, label: "Pull requests" },
  { page: "inbox", to: `${ROOT}/inbox`, label: "Inbox" },
  { page: "dead-letters", to: `${ROOT}/dead-letters`, label: "Dead letters" },
  { page: "health", to: `${ROOT}/health`, label: "Health" },
  { page: "validate", to: `${ROOT}/validate`, label: "Validate" },
] as const;
export type Section = (typeof SECTIONS)[number]["page"];

export type Route =
  | { page: Section }
  | { page: "fabric"; fabric: string; tab: Tab }
  | { page: "object"; fabric: string; kind: string; namespace: string; name: string }
  | { page: "proposal"; proposal: number }
  | { page: "rollout"; rollout: string }
  | { page: "new-rollout" }
  | { page: "rule"; rule: string }
  | { page: "unknown" };

function isTab(value: string | undefined): value is Tab {
  return TABS.includes(value as Tab);
}

/** The path with its segments decoded, but for slashes within them, which `matchPath` decodes; null for no such path. */
function decoded(pathname: string): string | null {
  try {
    return pathname
      .split("/")
      .map((segment) => decodeURIComponent(segment).replaceAll("/", "%2F"))
      .join("/");
  } catch {
    return null; // URIError: a lonely percent sign
  }
}

export function routeOf(address: string): Route {
  const pathname = decoded(address);
  if (pathname === null) return { page: "unknown" };
  const section = SECTIONS.find(({ to }) => matchPath(to, pathname));
  if (section) return { page: section.page };
  const proposal = matchPath(`${ROOT}/proposals/:proposal`, pathname)?.params.proposal;
  if (proposal && /^[1-9]\d{0,8}$/.test(proposal)) return { page: "proposal", proposal: Number(proposal) };
  const rollout = matchPath(`${ROOT}/rollouts/:rollout`, pathname)?.params.rollout;
  if (rollout) return rollout === "new" ? { page: "new-rollout" } : { page: "rollout", rollout };
  const rule = matchPath(`${ROOT}/rules/:rule`, pathname)?.params.rule;
  if (rule) return { page: "rule", rule };
  const object = matchPath(`${ROOT}/fabrics/:fabric/objects/:kind/:namespace/:name`, pathname)?.params;
  if (object?.fabric && object.kind && object.namespace && object.name) {
    return { page: "object", fabric: object.fabric, kind: object.kind, namespace: object.namespace, name: object.name };
  }
  const fabric = matchPath(`${ROOT}/fabrics/:fabric/:tab?`, pathname)?.params;
  if (fabric?.fabric && (fabric.tab === undefined || isTab(fabric.tab))) {
    return { page: "fabric", fabric: fabric.fabric, tab: fabric.tab ?? "objects" };
  }
  return { page: "unknown" };
}
