import { Heading, HStack, SimpleGrid, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { Eye } from "lucide-react";
import { dryRuns } from "@/api/queries";
import type { Fabric, Target } from "@/api/types";
import { ActionButton } from "@/shared/ActionButton";
import { Read } from "@/shared/states";
import { DryRunView } from "./DryRunView";

const PLACES: readonly { target: Target; place: "git" | "cluster"; title: string }[] = [
  { target: "git", place: "git", title: "To Git" },
  { target: "kubernetes", place: "cluster", title: "To the cluster" },
];

/** What the next sync would write, delete and hold at each place: a dry run, started when somebody asks. */
export function NextSyncTab({ fabric }: { fabric: Fabric }) {
  const query = useQuery(dryRuns(fabric.name));
  return (
    <Read query={query} what="dry runs">
      {(runs) => (
        <SimpleGrid columns={{ base: 1, xl: 2 }} gap={6}>
          {PLACES.map(({ target, place, title }) => (
            <Stack as="section" key={target} gap={3} aria-label={title}>
              <HStack justify="space-between">
                <Heading as="h2" size="sm">
                  {title}
                </Heading>
                <Ask fabric={fabric} place={place} />
              </HStack>
              <DryRunView
                fabric={fabric.name}
                generation={fabric.generation}
                run={runs.find((one) => one.target === target)}
              />
            </Stack>
          ))}
        </SimpleGrid>
      )}
    </Read>
  );
}

function Ask({ fabric, place }: { fabric: Fabric; place: "git" | "cluster" }) {
  const step = fabric.steps.find((one) => one.place === place);
  return (
    <ActionButton
      name={`dry-run-${place}`}
      label="Dry run"
      icon={<Eye size={14} aria-hidden />}
      title={`Find out what the next sync of ${fabric.name} would do?`}
      obstacle={step?.enabled ? "" : "This sync is off"}
      plan={() => <Text>A run reads {place === "git" ? "Git" : "the cluster"} and compares. It writes nothing.</Text>}
      body={() => ({ fabric: fabric.name })}
    />
  );
}
