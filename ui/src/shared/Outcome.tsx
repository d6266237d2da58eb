import { Alert, List, Stack, Text } from "@chakra-ui/react";
import { isRun, type Outcome } from "@/api/actions";
import type { Changed, RunStarted } from "@/api/types";
import { addresses } from "./addresses";
import { Inside, Name } from "./links";
import { Status } from "./Status";
import { counted, sentence } from "./words";

/** More lines than this are counted, not listed. */
const MOST = 200;

/** What an action did: the run that it started, or what it changed at once. */
export function OutcomeView({ outcome }: { outcome: Outcome }) {
  if (isRun(outcome)) {
    return (
      <Alert.Root status="success" role="status">
        <Alert.Indicator />
        <Alert.Content>
          <Alert.Title>Started</Alert.Title>
          <Alert.Description>
            <Inside to={addresses.run(outcome.dag_id, outcome.run_id)}>The run of {outcome.dag_id}</Inside> does it for{" "}
            {counted(outcome.fabrics.length, "fabric")}. This page shows the new state as soon as it is there.
          </Alert.Description>
        </Alert.Content>
      </Alert.Root>
    );
  }
  return <ChangedView outcome={outcome} />;
}

/** The change of a fabric that lives in Git: a run makes the commit. */
export function CommittingRun({ run }: { run: RunStarted }) {
  return (
    <Text role="status">
      This fabric lives in Git. <Inside to={addresses.run(run.dag_id, run.run_id)}>A run</Inside> makes the commit, or
      opens a pull request where the branch is protected, and takes it in.
    </Text>
  );
}

export function ChangedView({ outcome }: { outcome: Changed }) {
  const title = outcome.run ? "It will change" : outcome.dry_run ? "This would change" : "Done";
  return (
    <Stack gap={2} role="status">
      {outcome.run && <CommittingRun run={outcome.run} />}
      <Text fontWeight="medium">
        {title}: {counted(outcome.changes.length, "change")}
      </Text>
      <List.Root gap={1} variant="plain">
        {outcome.changes.slice(0, MOST).map((change) => (
          <List.Item key={`${change.subject} ${change.action}`} display="flex" gap={2} alignItems="baseline">
            <Status state={change.action} label={sentence(change.action)} />
            <Name>{change.subject}</Name>
            {change.note && <Text color="fg.muted">{change.note}</Text>}
          </List.Item>
        ))}
      </List.Root>
      {outcome.changes.length > MOST && <Text color="fg.muted">and {outcome.changes.length - MOST} more</Text>}
      {outcome.notes?.map((note) => (
        <Text key={note}>{note}</Text>
      ))}
    </Stack>
  );
}
