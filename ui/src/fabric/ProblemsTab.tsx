import { useInfiniteQuery } from "@tanstack/react-query";
import { problems } from "@/api/queries";
import { ProblemList } from "@/shared/ProblemList";

export function ProblemsTab({ fabric }: { fabric: string }) {
  const query = useInfiniteQuery(problems({ fabric }));
  return <ProblemList query={query} empty="Nothing keeps this fabric from being as it is wanted" />;
}
