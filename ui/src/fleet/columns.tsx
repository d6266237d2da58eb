import type { FleetRow, SyncSummary } from "@/api/types";
import { RolloutBadge } from "@/rollouts/RolloutBadge";
import { addresses } from "@/shared/addresses";
import type { Column } from "@/shared/DataTable";
import { FabricLink, Inside, Name } from "@/shared/links";
import { Status, Tag } from "@/shared/Status";
import { Time } from "@/shared/Time";
import { shortRevision, type Tone } from "@/shared/words";

function Sync({ sync, wanted }: { sync: SyncSummary | null; wanted: number }) {
  if (!sync) return <Status state="off" />;
  const behind = sync.generation < wanted ? `generation ${sync.generation} of ${wanted}` : "";
  return <Status state={sync.status} reason={[sync.reason, behind].filter(Boolean).join(" · ")} />;
}

interface CountProps {
  count: number;
  what: string;
  to: string;
  tone: Tone;
}

/** A number that leads to what it counts; nothing for zero. */
function Count({ count, what, to, tone }: CountProps) {
  if (count === 0) return <span className="hedgehog-muted">0</span>;
  return (
    <Inside to={to} aria-label={`${count} ${what}`}>
      <Tag tone={tone}>{count}</Tag>
    </Inside>
  );
}

function Switches({ row }: { row: FleetRow }) {
  const { total, current, converged, reason } = row.switches;
  if (total === 0) return <span className="hedgehog-muted">–</span>;
  const state = converged === null ? "Unknown" : converged ? "Healthy" : "Progressing";
  return <Status state={state} label={`${current}/${total}`} reason={reason} />;
}

/** When somebody last changed what is wanted, and who; why is in the tooltip. */
function LastChange({ row: { name, last_change: last } }: { row: FleetRow }) {
  if (!last) return <span className="hedgehog-muted">–</span>;
  return (
    <div className="hedgehog-line" title={[last.who, last.why].filter(Boolean).join(": ")}>
      <Inside to={addresses.fabric(name, "history")}>
        <Time at={last.at} />
      </Inside>{" "}
      by <Name>{last.who}</Name>
    </div>
  );
}

/** `site=fra, tier=lab`; each is a filter. */
function Labels({ row }: { row: FleetRow }) {
  const labels = Object.entries(row.labels).map(([key, value]) => `${key}=${value}`);
  return (
    <div className="hedgehog-row" title={labels.join("\n")}>
      {labels.map((label) => (
        <Inside key={label} to={`${addresses.fleet}?${new URLSearchParams({ select: label })}`}>
          <Name>{label}</Name>
        </Inside>
      ))}
    </div>
  );
}

export const COLUMNS: readonly Column<FleetRow>[] = [
  {
    id: "name",
    header: "Fabric",
    width: 195,
    sort: "name",
    cell: (row) => (
      <div className="hedgehog-row" title={row.description || undefined}>
        <FabricLink name={row.name} />
        {row.suspended && <Status state="suspended" reason={row.suspended.reason} />}
        {row.frozen && <Status state="frozen" reason={row.frozen.reason} />}
        {row.rollout && <RolloutBadge rollout={row.rollout} />}
      </div>
    ),
  },
  {
    id: "health",
    header: "Health",
    width: 125,
    sort: "health",
    cell: (row) => <Status state={row.health} reason={row.health_reason} />,
  },
  { id: "git", header: "Git", width: 130, sort: "git", cell: (row) => <Sync sync={row.git} wanted={row.generation} /> },
  {
    id: "cluster",
    header: "Cluster",
    width: 130,
    sort: "cluster",
    cell: (row) => <Sync sync={row.cluster} wanted={row.generation} />,
  },
  { id: "switches", header: "Switches", width: 105, cell: (row) => <Switches row={row} /> },
  {
    id: "drift",
    header: "Drift",
    width: 65,
    sort: "drift",
    cell: (row) => <Count count={row.drift} what="drifted" to={addresses.fabric(row.name, "drift")} tone="orange" />,
  },
  {
    id: "held",
    header: "Held",
    width: 65,
    cell: (row) => <Count count={row.held} what="held" to={addresses.fabric(row.name, "problems")} tone="orange" />,
  },
  {
    id: "refused",
    header: "Refused",
    width: 80,
    cell: (row) => <Count count={row.refused} what="refused" to={addresses.fabric(row.name, "problems")} tone="red" />,
  },
  {
    id: "parked",
    header: "Parked",
    width: 75,
    cell: (row) => <Count count={row.parked} what="parked" to={addresses.fabric(row.name, "problems")} tone="red" />,
  },
  {
    id: "problems",
    header: "Problems",
    width: 105,
    sort: "problems",
    cell: (row) => (
      <Count
        count={row.problems}
        what="problems"
        to={addresses.fabric(row.name, "problems")}
        tone={row.needs_somebody ? "red" : "blue"}
      />
    ),
  },
  {
    id: "revision",
    header: "Revision",
    width: 135,
    cell: (row) => {
      const revision = row.cluster?.revision ?? row.git?.revision;
      return (
        <div className="hedgehog-line hedgehog-code" title={revision ?? undefined}>
          {revision ? shortRevision(revision) : "–"}
        </div>
      );
    },
  },
  { id: "changed", header: "Last write", width: 100, sort: "changed", cell: (row) => <Time at={row.changed_at} /> },
  { id: "change", header: "Last change", width: 170, cell: (row) => <LastChange row={row} /> },
  { id: "labels", header: "Labels", width: 170, cell: (row) => <Labels row={row} /> },
];
