/** Everything that writes: one POST to `/actions/<name>`, offered only to those who may do it. */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, apiBase, isProblem } from "./client";
import { permissions } from "./queries";
import type { paths } from "./schema";
import type { Changed, RunStarted } from "./types";

type NameOf<Path> = Path extends `/actions/${infer Name}` ? Name : never;
export type ActionName = NameOf<keyof paths>;
type Operation<Name extends ActionName> = paths[`/actions/${Name}`]["post"];
export type BodyOf<Name extends ActionName> =
  Operation<Name> extends { requestBody: { content: { "application/json": infer Body } } } ? Body : never;
export type AnswerOf<Name extends ActionName> =
  Operation<Name> extends { responses: { 200: { content: { "application/json": infer Answer } } } } ? Answer : never;

/** Does it, and answers what it did. Raises ApiError, with the reason, when it is refused. */
export async function act<Name extends ActionName>(name: Name, body: BodyOf<Name>): Promise<AnswerOf<Name>> {
  const response = await fetch(`${apiBase()}/actions/${name}`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, isProblem(answer) ? answer : null);
  return answer as AnswerOf<Name>;
}

/** Whether this user may do *name*. False until it is known: a button that may vanish is worse than one that comes late. */
export function useMay(): (name: string) => boolean {
  const { data } = useQuery(permissions());
  return (name) => data?.actions[name] === true;
}

/** Does *name*; what it may have changed is read again. */
export function useAct<Name extends ActionName>(name: Name) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: BodyOf<Name>) => act(name, body),
    onSuccess: () => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "me" }),
  });
}

export type Outcome = RunStarted | Changed;

export const isRun = (outcome: Outcome): outcome is RunStarted => "run_id" in outcome;

/** What a rollback of a fabric, or of some of its objects, would do; asked for by those who may do it. */
export const rollbackPlan = (fabric: string, to: string, objects: string[]) =>
  queryOptions({
    queryKey: ["fabric", fabric, "rollback", to, objects],
    queryFn: () =>
      act("rollback", {
        ...{ fabric, to, objects, dry_run: true, allow_invalid: false, without_git: false },
        reason: "a dry run, on a page",
      }),
    retry: false,
  });
