/** Requests to our API, with the user's session in Airflow; an answer other than success becomes an `ApiError`. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { ProblemDetails } from "./types";

/** Airflow may live below a path, so everything is resolved against the page's base. */
export function apiBase(): string {
  return new URL("hedgehog/api/v1", document.baseURI).href;
}

/** An error in words for people: of the API (`problem`), or of the network. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: ProblemDetails | null;

  constructor(status: number, problem: ProblemDetails | null) {
    super(problem?.detail || `The server answered ${status} without saying why.`);
    this.status = status;
    this.problem = problem;
  }
}

let made: ReturnType<typeof createClient<paths>> | undefined;

/** One client for the page. It is made when first used: the base is known only in a document. */
export function api(): ReturnType<typeof createClient<paths>> {
  made ??= createClient<paths>({ baseUrl: apiBase(), credentials: "same-origin" });
  return made;
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The data of a successful answer. Raises ApiError for every other one. */
export async function read<Data>(answer: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await answer;
  if (response.ok && data !== undefined) return data;
  throw new ApiError(response.status, isProblem(error) ? error : null);
}

export function isProblem(value: unknown): value is ProblemDetails {
  return typeof value === "object" && value !== null && "detail" in value && "title" in value;
}

/** Trying again helps with a server that is busy or restarting, never with a refusal. */
export function worthRetrying(failures: number, error: unknown): boolean {
  const refused = error instanceof ApiError && error.status < 500;
  return !refused && failures < 2;
}
