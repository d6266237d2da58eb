import { Stack } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { problems } from "@/api/queries";
import { Chips } from "@/shared/Filters";
import { Page } from "@/shared/Page";
import { ProblemList } from "@/shared/ProblemList";
import { useParams } from "@/shared/params";

/** What is wrong anywhere, those first that need somebody. */
export function ProblemsPage() {
  const [params, change] = useParams();
  const all = params.get("all") === "1";
  const query = useInfiniteQuery(problems({ needs_somebody: !all }));
  return (
    <Page title="Problems" name="Problems">
      <Stack gap={3}>
        <Chips
          label="Show"
          options={[{ value: "1", word: "Also what is retried automatically" }]}
          chosen={all ? ["1"] : []}
          change={(next) => change({ all: next.length > 0 ? "1" : null })}
        />
        <ProblemList query={query} showFabric empty={all ? "There are no problems" : "Nothing needs anybody"} />
      </Stack>
    </Page>
  );
}
