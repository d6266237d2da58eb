/** Filters and order live in the URL: they can be sent to somebody, and the back button knows them. */
import { useCallback } from "react";
import { useSearchParams } from "react-router-dom";

export type Change = Record<string, string | readonly string[] | null>;

/** The parameters with *change* made; what is empty goes. */
export function withParams(params: URLSearchParams, change: Change): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(change)) {
    next.delete(name);
    for (const one of typeof value === "string" ? [value] : (value ?? [])) if (one !== "") next.append(name, one);
  }
  return next;
}

/** The values of *name* that are among *allowed*; what somebody typed into the URL is not a filter. */
export function among<Value extends string>(params: URLSearchParams, name: string, allowed: readonly Value[]): Value[] {
  const given = params.getAll(name);
  return allowed.filter((value) => given.includes(value));
}

export function useParams(): [URLSearchParams, (change: Change) => void] {
  const [params, setParams] = useSearchParams();
  const change = useCallback(
    (what: Change) => setParams((now) => withParams(now, what), { replace: true }),
    [setParams],
  );
  return [params, change];
}
