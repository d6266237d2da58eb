/** What the URL of the fleet's page says to show, as a question to the API. */
import { fleet } from "@/api/queries";
import { among } from "@/shared/params";
import { ORDERS, STATES } from "./states";

const PAGE = 200;

export function filtersOf(params: URLSearchParams) {
  const repository = params.get("repository");
  const cluster = params.get("cluster");
  const select = params.get("select") ?? "";
  const search = params.get("search") ?? "";
  const states = among(
    params,
    "state",
    STATES.map(({ value }) => value),
  );
  const sort = among(params, "sort", ORDERS)[0] ?? "name";
  const scope = { search, select, ...(repository && { repository }), ...(cluster && { cluster }) };
  const isFiltered = states.length > 0 || search !== "" || select !== "" || repository !== null || cluster !== null;
  return { repository, cluster, select, search, states, sort, scope, isFiltered };
}

export function firstRows({ scope, states, sort }: ReturnType<typeof filtersOf>) {
  return fleet({ ...scope, state: states, sort, limit: PAGE });
}
