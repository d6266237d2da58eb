import { Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { Undo2 } from "lucide-react";
import { rollbackPlan } from "@/api/actions";
import type { RolledBack } from "@/api/types";
import { isRefused, PlanView } from "@/plan/PlanView";
import { ActionButton } from "@/shared/ActionButton";
import { addresses } from "@/shared/addresses";
import { Inside, Name } from "@/shared/links";
import { CommittingRun } from "@/shared/Outcome";
import { Read } from "@/shared/states";
import { Tick, type TickProps } from "@/shared/Tick";
import { FieldTable } from "./FieldTable";

interface Props {
  fabric: string;
  /** A generation. */
  to: number;
  /** `Kind/namespace/name`; empty: all of the fabric. */
  object: string;
  followsGit: boolean;
}

/** Makes a fabric, or one object of it, again what it was: shows the plan, asks why, and does it. */
export function RollbackButton({ fabric, to, object, followsGit }: Props) {
  const objects = object ? [object] : [];
  return (
    <ActionButton
      name="rollback"
      label="Roll back"
      size="xl"
      icon={<Undo2 size={12} aria-hidden />}
      title={`Make ${object || fabric} again what it was in generation ${to}?`}
      asksForReason
      plan={() => <Plan fabric={fabric} to={to} objects={objects} />}
      options={{ withoutGit: false, anyway: false }}
      fields={({ withoutGit, anyway }, change) => (
        <Stack gap={2}>
          {!followsGit && (
            <Tick
              label="Without Git: the cluster gets it at once, and Git follows when its host answers again"
              checked={withoutGit === true}
              change={(to) => change({ withoutGit: to })}
            />
          )}
          <Anyway
            fabric={fabric}
            to={to}
            objects={objects}
            checked={anyway === true}
            change={(to) => change({ anyway: to })}
          />
        </Stack>
      )}
      body={(reason, { withoutGit, anyway }) => ({
        ...{ fabric, to: String(to), objects, reason, dry_run: false },
        allow_invalid: anyway === true,
        without_git: withoutGit === true,
      })}
      outcome={(done) => <Done done={done} />}
      button={{ size: "2xs", "aria-label": `Roll back to generation ${to}` }}
    />
  );
}

interface Asked {
  fabric: string;
  to: number;
  objects: string[];
}

function Plan({ fabric, to, objects }: Asked) {
  const query = useQuery(rollbackPlan(fabric, String(to), objects));
  return (
    <Read query={query} what="the plan" rows={3}>
      {(found) => <RollbackPlan found={found} />}
    </Read>
  );
}

/** What a rollback does, or would do. */
function RollbackPlan({ found }: { found: RolledBack }) {
  const settings = found.settings.map(({ setting, before, after }) => ({ path: setting, before, after }));
  const isEmpty =
    settings.length === 0 && found.plan.parts.every((part) => part.changes.length + part.held.length === 0);
  return (
    <Stack gap={4}>
      <Text>
        A new change with the old content; the history stays. It can be rolled back like any other.
        {isEmpty && " Nothing differs: the fabric is what it was."}
      </Text>
      <PlanView plan={found.plan} />
      {settings.length > 0 && <FieldTable rows={settings} label="Settings that change back" />}
      {found.kept_settings.length > 0 && (
        <Text>
          These settings differ and stay as they are: <Name>{found.kept_settings.join(", ")}</Name>
        </Text>
      )}
    </Stack>
  );
}

/** Asked only where a cluster would refuse the old content now. */
function Anyway({ fabric, to, objects, checked, change }: Asked & Omit<TickProps, "label">) {
  const { data } = useQuery(rollbackPlan(fabric, String(to), objects));
  if (!data || !isRefused(data.plan)) return null;
  return (
    <Tick
      label="Also what a cluster would refuse; it is held until it is corrected"
      checked={checked}
      change={change}
    />
  );
}

function Done({ done }: { done: RolledBack }) {
  if (done.run) return <CommittingRun run={done.run} />;
  if (done.proposal !== null) {
    return (
      <Text role="status">
        It waits for approval as <Inside to={addresses.proposal(done.proposal)}>proposal {done.proposal}</Inside>.
        Nothing is stored yet.
      </Text>
    );
  }
  const said = done.generation === null ? "Nothing differed." : `Done: it is generation ${done.generation} now.`;
  return <Text role="status">{said} The next syncs, which are due at once, bring it to Git and the cluster.</Text>;
}
