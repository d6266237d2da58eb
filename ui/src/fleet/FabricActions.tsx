import { Field, Input, List, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { Pause, Play, RefreshCw, Snowflake } from "lucide-react";
import type { ReactNode } from "react";
import { dryRuns } from "@/api/queries";
import type { Target } from "@/api/types";
import { DryRunView } from "@/fabric/DryRunView";
import { ActionButton, type Options } from "@/shared/ActionButton";
import { addresses } from "@/shared/addresses";
import { Inside, Name } from "@/shared/links";
import { Tick } from "@/shared/Tick";
import { counted } from "@/shared/words";
import { type BulkAction, obstacle, planOf, type Subject } from "./plans";

const MOST_LINES = 100;

interface Props {
  subjects: readonly Subject[];
  done?: () => void;
}

/** The buttons for one fabric, or for all selected ones: each shows what it would do to each of them. */
export function FabricActions({ subjects, done }: Props) {
  const follows = subjects.some((subject) => subject.followsGit);
  const isSuspended = subjects.some((subject) => subject.suspended !== null);
  const isFrozen = subjects.some((subject) => subject.frozen !== null);
  const isActive = subjects.some((subject) => subject.suspended === null);
  return (
    <>
      {follows && <Pull subjects={subjects} {...(done && { done })} />}
      <SyncGit subjects={subjects} {...(done && { done })} />
      <SyncCluster subjects={subjects} {...(done && { done })} />
      {isSuspended && <Resume subjects={subjects} {...(done && { done })} />}
      {isActive && <Suspend subjects={subjects} {...(done && { done })} />}
      {isFrozen && <Unfreeze subjects={subjects} {...(done && { done })} />}
      <Freeze subjects={subjects} {...(done && { done })} />
    </>
  );
}

function title(verb: string, subjects: readonly Subject[]): string {
  return `${verb} ${subjects.length === 1 ? (subjects[0]?.name ?? "") : counted(subjects.length, "fabric")}?`;
}

const names = (subjects: readonly Subject[]) => subjects.map((subject) => subject.name);

/** What a body says where fabrics could be chosen by a selector, too. */
const named = (subjects: readonly Subject[]) => ({ fabrics: names(subjects), select: "", all: false });

function Plan({
  action,
  subjects,
  children,
}: {
  action: BulkAction;
  subjects: readonly Subject[];
  children?: ReactNode;
}) {
  const lines = planOf(action, subjects);
  return (
    <Stack gap={3}>
      <List.Root gap={1} variant="plain" maxH="40vh" overflowY="auto" aria-label="Plan" tabIndex={0}>
        {lines.slice(0, MOST_LINES).map((line) => (
          <List.Item key={line.name} color={line.acts ? "fg" : "fg.muted"}>
            <Text as="span" fontWeight="medium">
              <Name>{line.name}</Name>
            </Text>
            {": "}
            {line.what}
          </List.Item>
        ))}
      </List.Root>
      {lines.length > MOST_LINES && <Text color="fg.muted">and {lines.length - MOST_LINES} more</Text>}
      {children}
    </Stack>
  );
}

/** What the last dry run of a single fabric found, or the way to one. */
function Known({ subjects, target }: { subjects: readonly Subject[]; target: Target }) {
  const [subject, ...others] = subjects;
  const isOne = subject !== undefined && others.length === 0;
  const query = useQuery({ ...dryRuns(subject?.name ?? ""), enabled: isOne });
  if (!isOne) return null;
  const run = query.data?.find((one) => one.target === target);
  return (
    <Stack gap={2}>
      <Text>
        {run ? "The last dry run:" : "No dry run says which objects that concerns."}{" "}
        <Inside to={addresses.fabric(subject.name, "plan")}>Plan</Inside>
      </Text>
      {run && <DryRunView fabric={subject.name} generation={subject.generation} run={run} />}
    </Stack>
  );
}

function Force({ options, change }: { options: Options; change: (change: Options) => void }) {
  const label = "Compare everything, not only what changed";
  return <Tick label={label} checked={options.force === true} change={(force) => change({ force })} />;
}

function SyncGit({ subjects, ...rest }: Props) {
  return (
    <ActionButton
      name="sync-git"
      label="Sync to Git"
      icon={<RefreshCw size={14} aria-hidden />}
      title={title("Publish to Git:", subjects)}
      obstacle={obstacle("sync-git", subjects)}
      plan={() => (
        <Plan action="sync-git" subjects={subjects}>
          <Known subjects={subjects} target="git" />
        </Plan>
      )}
      options={{ force: false }}
      fields={(options, change) => <Force options={options} change={change} />}
      body={(_, { force }) => ({ fabrics: names(subjects), force: force === true })}
      {...rest}
    />
  );
}

function SyncCluster({ subjects, ...rest }: Props) {
  return (
    <ActionButton
      name="sync-cluster"
      label="Sync to cluster"
      icon={<RefreshCw size={14} aria-hidden />}
      title={title("Apply to the cluster:", subjects)}
      obstacle={obstacle("sync-cluster", subjects)}
      plan={() => (
        <Plan action="sync-cluster" subjects={subjects}>
          <Known subjects={subjects} target="kubernetes" />
        </Plan>
      )}
      options={{ force: false, prune: false }}
      fields={(options, change) => (
        <Stack gap={2}>
          <Force options={options} change={change} />
          <Tick
            label="Delete more than the threshold allows"
            checked={options.prune === true}
            change={(prune) => change({ prune })}
          />
        </Stack>
      )}
      body={(_, { force, prune }) => ({
        fabrics: names(subjects),
        force: force === true,
        allow_large_prune: prune === true,
      })}
      {...rest}
    />
  );
}

function Pull({ subjects, ...rest }: Props) {
  return (
    <ActionButton
      name="pull"
      label="Pull"
      title={title("Read the repository of", subjects)}
      obstacle={obstacle("pull", subjects)}
      plan={() => <Plan action="pull" subjects={subjects} />}
      body={() => ({ fabrics: names(subjects) })}
      {...rest}
    />
  );
}

function Suspend({ subjects, ...rest }: Props) {
  return (
    <ActionButton
      name="suspend"
      label="Suspend"
      icon={<Pause size={14} aria-hidden />}
      title={title("Suspend", subjects)}
      asksForReason
      plan={() => <Plan action="suspend" subjects={subjects} />}
      options={{ hours: "" }}
      fields={({ hours }, change) => (
        <Hours
          label="Resumes by itself after (hours)"
          hint="Empty: until somebody resumes it."
          value={String(hours)}
          change={(to) => change({ hours: to })}
        />
      )}
      body={(reason, { hours }) => ({
        fabrics: names(subjects),
        reason,
        until: hoursFromNow(String(hours), Date.now()),
      })}
      {...rest}
    />
  );
}

function Freeze({ subjects, ...rest }: Props) {
  return (
    <ActionButton
      name="freeze"
      label="Freeze"
      icon={<Snowflake size={14} aria-hidden />}
      title={title("Freeze", subjects)}
      asksForReason
      obstacle={obstacle("freeze", subjects)}
      plan={() => <Plan action="freeze" subjects={subjects} />}
      options={{ hours: "" }}
      fields={({ hours }, change) => (
        <Hours
          label="Ends by itself after (hours)"
          hint="Empty: until somebody lifts it."
          value={String(hours)}
          change={(to) => change({ hours: to })}
        />
      )}
      body={(reason, { hours }) => ({
        ...named(subjects),
        reason,
        until: hoursFromNow(String(hours), Date.now()),
      })}
      {...rest}
    />
  );
}

function Unfreeze({ subjects, ...rest }: Props) {
  return (
    <ActionButton
      name="unfreeze"
      label="Unfreeze"
      title={title("Unfreeze", subjects)}
      obstacle={obstacle("unfreeze", subjects)}
      plan={() => <Plan action="unfreeze" subjects={subjects} />}
      body={() => named(subjects)}
      {...rest}
    />
  );
}

interface HoursProps {
  label: string;
  hint: string;
  value: string;
  change: (value: string) => void;
}

export function Hours({ label, hint, value, change }: HoursProps) {
  return (
    <Field.Root>
      <Field.Label>{label}</Field.Label>
      <Input
        type="number"
        min={0.1}
        step="any"
        width="140px"
        value={value}
        onChange={(event) => change(event.target.value)}
      />
      <Field.HelperText>{hint}</Field.HelperText>
    </Field.Root>
  );
}

/** The time *hours* after *now*; null for an empty text, or for one that is not a positive number. */
export function hoursFromNow(hours: string, now: number): string | null {
  const count = Number(hours);
  return hours.trim() !== "" && Number.isFinite(count) && count > 0
    ? new Date(now + count * 3_600_000).toISOString()
    : null;
}

function Resume({ subjects, ...rest }: Props) {
  return (
    <ActionButton
      name="resume"
      label="Resume"
      icon={<Play size={14} aria-hidden />}
      title={title("Resume", subjects)}
      obstacle={obstacle("resume", subjects)}
      plan={() => <Plan action="resume" subjects={subjects} />}
      body={() => ({ fabrics: names(subjects) })}
      {...rest}
    />
  );
}
