import { QueryClient } from "@tanstack/react-query";
import { worthRetrying } from "@/api/client";

/** What was read stays fresh until `/changes` names it, or somebody comes back to the window. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: { queries: { retry: worthRetrying, staleTime: 30_000, refetchOnWindowFocus: true } },
  });
}
