/** Answers of the API, typed by its OpenAPI document: a fixture that does not fit it does not compile. */
import type { paths } from "@/api/schema";
import * as fixtures from "./fixtures";
import { topology } from "./network";

type Get<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Answer } } } };
}
  ? Answer
  : never;

const json = (value: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(value), { status, headers: { "Content-Type": "application/json", ...headers } });

const problem = (status: number, title: string, detail: string) =>
  json({ type: "about:blank", title, status, detail, instance: "", reason: "Fixture", errors: [] }, status);

function page<Item>(items: Item[], params: URLSearchParams) {
  const limit = Number(params.get("limit") ?? 100);
  const start = Number(params.get("cursor") ?? 0);
  const end = start + limit;
  return { items: items.slice(start, end), next_cursor: end < items.length ? String(end) : null, total: items.length };
}

function fleet(params: URLSearchParams): Get<"/fleet"> {
  const names = params.getAll("fabric");
  const states = params.getAll("state");
  const search = params.get("search") ?? "";
  const rows = fixtures.rows.filter(
    (row) =>
      row.name.includes(search) &&
      (names.length === 0 || names.includes(row.name)) &&
      (!states.includes("needs_somebody") || row.needs_somebody) &&
      (!states.includes("drifted") || row.drift > 0),
  );
  const sort = params.get("sort") ?? "name";
  if (sort.startsWith("-")) rows.reverse();
  return page(rows, params);
}

/** By the path below `/hedgehog/api/v1`, the first that fits. */
const ROUTES: [RegExp, (params: URLSearchParams, found: RegExpExecArray) => unknown][] = [
  [/^\/fleet$/, fleet],
  [/^\/fleet\/counters$/, () => fixtures.counters satisfies Get<"/fleet/counters">],
  [/^\/me$/, (params) => fixtures.me(params) satisfies Get<"/me">],
  [/^\/actions$/, (params) => page(fixtures.actions, params) satisfies Get<"/actions">],
  [/^\/fabrics\/[^/]+$/, () => fixtures.fabric satisfies Get<"/fabrics/{fabric}">],
  [/^\/fabrics\/[^/]+\/dry-runs$/, () => fixtures.dryRuns satisfies Get<"/fabrics/{fabric}/dry-runs">],
  [
    /^\/fabrics\/[^/]+\/timeline$/,
    (params) => page(fixtures.events, params) satisfies Get<"/fabrics/{fabric}/timeline">,
  ],
  [/^\/fabrics\/[^/]+\/topology$/, () => topology satisfies Get<"/fabrics/{fabric}/topology">],
  [/^\/fabrics\/[^/]+\/path$/, () => fixtures.way satisfies Get<"/fabrics/{fabric}/path">],
  [
    /^\/fabrics\/[^/]+\/objects$/,
    (params) => page(fixtures.objects, params) satisfies Get<"/fabrics/{fabric}/objects">,
  ],
  [/^\/history$/, (params) => page(fixtures.changes, params) satisfies Get<"/history">],
  [/^\/fabrics\/[^/]+\/diff$/, () => fixtures.comparison satisfies Get<"/fabrics/{fabric}/diff">],
  [/^\/trace\/.+$/, () => fixtures.traces satisfies Get<"/trace/{subject}">],
  [/\/blame$/, () => fixtures.origins satisfies Get<"/fabrics/{fabric}/objects/{kind}/{namespace}/{name}/blame">],
  [
    /^\/fabrics\/[^/]+\/objects\/.+$/,
    () => fixtures.detail satisfies Get<"/fabrics/{fabric}/objects/{kind}/{namespace}/{name}">,
  ],
  [/^\/freezes$/, () => fixtures.freezes satisfies Get<"/freezes">],
  [/^\/windows$/, () => fixtures.windows satisfies Get<"/windows">],
  [/^\/proposals$/, () => fixtures.proposals satisfies Get<"/proposals">],
  [/^\/proposals\/\d+$/, () => fixtures.proposal satisfies Get<"/proposals/{proposal}">],
  [/^\/rollouts$/, () => fixtures.rollouts satisfies Get<"/rollouts">],
  [/^\/rollouts\/.+$/, () => fixtures.rollout satisfies Get<"/rollouts/{rollout}">],
  [/^\/drift$/, (params) => page(fixtures.drift, params) satisfies Get<"/drift">],
  [/^\/problems$/, (params) => page(fixtures.problems, params) satisfies Get<"/problems">],
  [/^\/dead-letters$/, (params) => page(fixtures.letters, params) satisfies Get<"/dead-letters">],
  [/^\/dead-letters\/\d+$/, () => fixtures.letters[0]],
  [/^\/rules\/.+$/, () => fixtures.rule satisfies Get<"/rules/{rule}">],
  [/^\/health$/, () => fixtures.health satisfies Get<"/health">],
  [/^\/deliveries$/, (params) => page(fixtures.deliveries, params) satisfies Get<"/deliveries">],
  [/^\/deliveries\/summary$/, () => fixtures.summary satisfies Get<"/deliveries/summary">],
  [/^\/pull-requests$/, (params) => page(fixtures.pullRequests, params) satisfies Get<"/pull-requests">],
];

export function answer(method: string, path: string, params: URLSearchParams, body: unknown): Response {
  const broken = new URLSearchParams(location.search).get("break");
  if (broken && path.includes(broken)) return problem(503, "Unavailable", "The fabric database does not answer.");
  if (path === "/changes") return new Response(null, { status: 304 });
  if (method === "POST") return acted(path.replace("/actions/", ""), body);
  for (const [pattern, make] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return json(make(params, found));
  }
  return problem(404, "Not found", `There is no ${path}.`);
}

function acted(name: string, body: unknown): Response {
  const given = body as { fabrics?: string[]; fabric?: string };
  if (name === "validate") return json(fixtures.verdicts);
  if (name === "rollback") return json(fixtures.rolledBack);
  if (name === "start-rollout") return json(fixtures.startedRollout);
  if (/^(sync|pull|dry-run|adopt)/.test(name)) {
    const fabrics = given.fabrics ?? [given.fabric ?? ""];
    return json({ action: name, actor: "admin", fabrics, dag_id: "hedgehog_git_sync", run_id: "ui__1", run_url: "" });
  }
  return json({
    action: name,
    actor: "admin",
    dry_run: false,
    changes: [{ subject: "gen-00000", action: "configured", note: "" }],
    notes: [],
  });
}
