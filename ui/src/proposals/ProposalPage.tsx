import { chakra, HStack, List, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { permissions, proposal as proposalQuery } from "@/api/queries";
import type { ProposalDecision, ProposalDetail } from "@/api/types";
import { through } from "@/history/origin";
import { PlanView } from "@/plan/PlanView";
import { ActionButton } from "@/shared/ActionButton";
import { addresses } from "@/shared/addresses";
import { FabricLink, Inside, Name, Outside } from "@/shared/links";
import { Page } from "@/shared/Page";
import { Status } from "@/shared/Status";
import { Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";

/** A change that waits, or waited, for approval: who made it, why, and its plan. */
export function ProposalPage({ id }: { id: number }) {
  const query = useQuery(proposalQuery(id));
  const { data } = query;
  return (
    <Page
      title={
        <HStack gap={2} wrap="wrap">
          <Inside to={addresses.proposals} quiet>
            Proposals
          </Inside>
          <chakra.span color="fg.muted">/</chakra.span>
          {`#${id}`}
          {data && <Status state={data.status} />}
        </HStack>
      }
      name={`Proposal ${id}`}
      aside={data?.status === "waiting" && <Decide proposal={data} />}
    >
      <Read query={query} what="the proposal">
        {(proposal) => (
          <Stack gap={5}>
            <About proposal={proposal} />
            <PlanView plan={proposal.document} map />
          </Stack>
        )}
      </Read>
    </Page>
  );
}

function About({ proposal }: { proposal: ProposalDetail }) {
  return (
    <Stack gap={1} overflowWrap="anywhere">
      <Text>
        For <FabricLink name={proposal.fabric} /> by <Name>{proposal.author}</Name> ({through(proposal.via)}),{" "}
        <Time at={proposal.created_at} full />
        {proposal.reason && (
          <>
            {": "}
            <Name>{proposal.reason}</Name>
          </>
        )}
      </Text>
      {proposal.needs_approval.map((rule) => (
        <Text key={rule}>
          Needs approval by <Name>{rule}</Name>
        </Text>
      ))}
      {proposal.decided_at && (
        <Text fontWeight="semibold">
          {sentence(proposal.status)} <Time at={proposal.decided_at} full /> by{" "}
          <Name>{proposal.decided_by ?? "nobody"}</Name>
          {proposal.decision && (
            <>
              {": "}
              <Name>{proposal.decision}</Name>
            </>
          )}
        </Text>
      )}
      <Reviews proposal={proposal} />
      <Following number={proposal.superseded_by} />
    </Stack>
  );
}

/** What the reviews at the Git host say, and the pull request that they are of. */
function Reviews({ proposal }: { proposal: ProposalDetail }) {
  if (!proposal.review && !proposal.pull_request) return null;
  return (
    <Text>
      {proposal.pull_request && <Outside url={proposal.pull_request}>Pull request</Outside>}
      {proposal.pull_request && proposal.review && ": "}
      <Name>{proposal.review}</Name>
    </Text>
  );
}

/** The proposal that waits in the place of another. */
function Following({ number }: { number: number | null }) {
  if (number === null) return null;
  return (
    <Text>
      <Inside to={addresses.proposal(number)}>{`Proposal #${number}`}</Inside> replaces it.
    </Text>
  );
}

function Decide({ proposal }: { proposal: ProposalDetail }) {
  const { data } = useQuery(permissions());
  const isOwn = data?.user === proposal.author && !proposal.author_may_approve;
  return (
    <>
      <ActionButton
        name="approve"
        label="Approve"
        title={`Approve proposal ${proposal.id}?`}
        obstacle={isOwn ? "It is your own: somebody else must approve it" : ""}
        plan={() => (
          <Text>
            {proposal.via === "git"
              ? "The next look at its repository takes it in."
              : `It is stored at once, as a change by ${proposal.author}; Git and the cluster follow.`}{" "}
            If the fabric has changed since it was planned, nothing is stored, and what would happen now waits instead.
          </Text>
        )}
        asksForReason
        body={(reason) => ({ proposal: proposal.id, reason })}
        outcome={(done) => <Decided done={done} />}
      />
      <ActionButton
        name="reject"
        label="Reject"
        title={`Reject proposal ${proposal.id}?`}
        plan={() => <Text>Nothing of it is stored. The reason stays with it, for its author.</Text>}
        asksForReason
        body={(reason) => ({ proposal: proposal.id, reason })}
        outcome={(done) => <Decided done={done} />}
      />
    </>
  );
}

function Decided({ done: { proposal, changes, differences } }: { done: ProposalDecision }) {
  return (
    <Stack gap={2} role="status">
      <Text>
        Proposal {proposal.id} is {proposal.status}
        {differences.length > 0 && ": the fabric has changed since, and nothing was stored"}
      </Text>
      <Following number={proposal.superseded_by} />
      <List.Root variant="plain">
        {[...changes, ...differences].map((line) => (
          <List.Item key={line} overflowWrap="anywhere">
            <Name>{line}</Name>
          </List.Item>
        ))}
      </List.Root>
    </Stack>
  );
}
