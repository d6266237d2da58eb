import { Box, Button, chakra, HStack, Stack, Text } from "@chakra-ui/react";
import { useMay } from "@/api/actions";
import type { Page, Problem } from "@/api/types";
import { ActionButton } from "./ActionButton";
import { addresses, objectAddress } from "./addresses";
import { CopyButton } from "./CopyButton";
import { FabricLink, Inside, Subject } from "./links";
import { rowsOf } from "./PagedTable";
import { RuleLink } from "./RuleLink";
import { letterOf, type Remedy, remediesOf } from "./remedies";
import { Status } from "./Status";
import { Nothing, Read } from "./states";
import { Time } from "./Time";
import { sentence } from "./words";

interface Query {
  data: { pages: Page<Problem>[] } | undefined;
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

/** Problems, each with its cause, what to do, and the buttons that do it. */
export function ProblemList({
  query,
  empty,
  showFabric = false,
}: {
  query: Query;
  empty: string;
  showFabric?: boolean;
}) {
  return (
    <Read query={query} what="problems">
      {(data) => {
        const rows = rowsOf(data);
        if (rows.length === 0) return <Nothing title={empty} />;
        return (
          <Stack as="ul" gap={2} listStyleType="none" aria-label="Problems">
            {rows.map((problem) => (
              <li key={`${problem.fabric} ${problem.target} ${problem.kind} ${problem.subject}`}>
                <ProblemCard problem={problem} showFabric={showFabric} />
              </li>
            ))}
            {query.hasNextPage && (
              <li>
                <Button
                  size="sm"
                  variant="outline"
                  loading={query.isFetchingNextPage}
                  onClick={() => query.fetchNextPage()}
                >
                  Show more
                </Button>
              </li>
            )}
          </Stack>
        );
      }}
    </Read>
  );
}

export function ProblemCard({ problem, showFabric = false }: { problem: Problem; showFabric?: boolean }) {
  return (
    <Box
      borderWidth="1px"
      borderRadius="md"
      p={3}
      borderStartWidth="3px"
      borderStartColor={problem.needs_somebody ? "red.solid" : "blue.solid"}
    >
      <HStack justify="space-between" align="start" wrap="wrap" gap={2}>
        <HStack wrap="wrap" gap={2}>
          <Status
            state={problem.needs_somebody ? "error" : "waiting"}
            label={sentence(problem.kind)}
            reason={problem.needs_somebody ? "Somebody must decide" : "Retried automatically"}
          />
          {showFabric && <FabricLink name={problem.fabric} tab="problems" />}
          {problem.subject && <Subject fabric={problem.fabric} subject={problem.subject} />}
          <Text color="fg.muted" fontSize="sm">
            {problem.target === "git" ? "Git" : "cluster"}, since <Time at={problem.since} />
          </Text>
        </HStack>
        <HStack gap={2}>
          <Elsewhere problem={problem} />
          {remediesOf(problem).map((remedy) => (
            <RemedyButton key={remedy.action} remedy={remedy} problem={problem} />
          ))}
        </HStack>
      </HStack>
      <Stack gap={1} mt={2} fontSize="sm">
        <Text overflowWrap="anywhere">{problem.cause}</Text>
        {problem.rules.length > 0 && (
          <HStack gap={2} wrap="wrap">
            {problem.rules.map((rule) => (
              <RuleLink key={rule} rule={rule} />
            ))}
          </HStack>
        )}
        <Text color="fg.muted">{problem.meaning}</Text>
        <Text>
          <strong>What to do:</strong> {problem.advice}
        </Text>
        {problem.command && (
          <HStack gap={1}>
            <Text color="fg.muted">Command:</Text>
            <chakra.code fontSize="xs" overflowWrap="anywhere" bg="bg.muted" px={1} borderRadius="sm">
              {problem.command}
            </chakra.code>
            <CopyButton text={problem.command} what="the command" />
          </HStack>
        )}
      </Stack>
    </Box>
  );
}

/** Where to look closer: drift with its differences, or the object to be corrected. */
function Elsewhere({ problem }: { problem: Problem }) {
  const may = useMay();
  if (problem.actions.some((action) => action.startsWith("adopt-"))) {
    return <Inside to={addresses.fabric(problem.fabric, "drift")}>See the difference</Inside>;
  }
  const proposal = problem.kind === "proposal" ? letterOf(problem.subject) : null;
  if (proposal !== null) return <Inside to={addresses.proposal(proposal)}>See the proposal</Inside>;
  const object = objectAddress(problem.fabric, problem.subject);
  if (!object || !problem.actions.includes("edit")) return null;
  return may("edit") ? <Inside to={`${object}?edit=1`}>Edit</Inside> : <Inside to={object}>See the object</Inside>;
}

function RemedyButton({ remedy, problem }: { remedy: Remedy; problem: Problem }) {
  const subject = problem.subject || problem.fabric;
  return (
    <ActionButton
      name={remedy.action}
      label={remedy.label}
      title={`${remedy.label}: ${subject}?`}
      asksForReason={remedy.asksForReason ?? false}
      plan={() => (
        <Stack gap={2}>
          <Text>{problem.cause}</Text>
          <Text>{problem.advice}</Text>
        </Stack>
      )}
      body={remedy.body as never}
      button={{ size: "xs" }}
    />
  );
}
