import { chakra, Heading, HStack, List, Progress, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { rollout as rolloutQuery } from "@/api/queries";
import type { RolloutDetail, RolloutFabric } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { CodeBlock } from "@/shared/CodeBlock";
import { type Column, DataTable } from "@/shared/DataTable";
import { Chips } from "@/shared/Filters";
import { FabricLink, Inside, Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { among, useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";
import { RolloutActions } from "./RolloutActions";
import { policyLine, progressLine, statesLine, type Wave, wavesOf } from "./waves";

/** One rollout: how far each wave and each fabric is, why it stands, and what can be done now. */
export function RolloutPage({ name }: { name: string }) {
  const query = useQuery(rolloutQuery(name));
  return (
    <Page
      title={<Title name={name} rollout={query.data} />}
      name={query.data?.name ?? name}
      aside={query.data && <RolloutActions rollout={query.data} />}
    >
      <Read query={query} what="the rollout">
        {(rollout) => (
          <Stack gap={5}>
            <About rollout={rollout} />
            <Waves waves={wavesOf(rollout.fabrics)} current={rollout.wave} />
            <Fabrics rollout={rollout} />
            <Change rollout={rollout} />
          </Stack>
        )}
      </Read>
    </Page>
  );
}

function Title({ name, rollout }: { name: string; rollout: RolloutDetail | undefined }) {
  return (
    <HStack gap={2} wrap="wrap">
      <Inside to={addresses.rollouts} quiet>
        Rollouts
      </Inside>
      <chakra.span color="fg.muted">/</chakra.span>
      <Name>{rollout?.name ?? name}</Name>
      {rollout && <Status state={rollout.state} />}
    </HStack>
  );
}

function About({ rollout }: { rollout: RolloutDetail }) {
  const selected = rollout.selector
    ? `${addresses.fleet}?${new URLSearchParams({ select: rollout.selector })}`
    : addresses.fleet;
  return (
    <Stack gap={1} overflowWrap="anywhere">
      {rollout.reason && (
        <Text fontWeight="semibold" role="status">
          {sentence(rollout.state)} since <Time at={rollout.moved_at} full />: <Name>{rollout.reason}</Name>
        </Text>
      )}
      <Text>
        Number {rollout.number}, begun <Time at={rollout.started_at} full /> by <Name>{rollout.started_by}</Name>
        {rollout.why && (
          <>
            {": "}
            <Name>{rollout.why}</Name>
          </>
        )}
      </Text>
      <Text>
        For{" "}
        <Inside to={selected}>
          <Name>{rollout.selector || "all fabrics"}</Name>
        </Inside>
        ; {progressLine(rollout)}
        {rollout.ended_at && (
          <>
            ; over since <Time at={rollout.ended_at} full />
          </>
        )}
      </Text>
      <Text color="fg.muted">
        {policyLine(rollout)} Content {rollout.digest}, pinned with the variables of each fabric.
      </Text>
    </Stack>
  );
}

function Waves({ waves, current }: { waves: readonly Wave[]; current: number | null }) {
  return (
    <Stack as="section" gap={2} aria-label="Waves">
      <Heading as="h2" size="sm">
        Waves
      </Heading>
      <Stack as="ol" gap={2} listStyleType="none" maxH="320px" overflowY="auto" tabIndex={0}>
        {waves.map((wave) => (
          <li key={wave.number} aria-current={wave.number === current ? "step" : undefined}>
            <WaveBar wave={wave} isCurrent={wave.number === current} />
          </li>
        ))}
      </Stack>
    </Stack>
  );
}

function WaveBar({ wave, isCurrent }: { wave: Wave; isCurrent: boolean }) {
  const { number, total, over, failed, counts } = wave;
  return (
    <Progress.Root
      value={over}
      max={total}
      size="sm"
      colorPalette={failed > 0 ? "red" : over === total ? "green" : "blue"}
      maxW="720px"
    >
      <HStack gap={3}>
        <Progress.Label fontWeight={isCurrent ? "semibold" : "normal"} minW="80px" mb={0}>
          Wave {number}
        </Progress.Label>
        <Progress.Track flex="1">
          <Progress.Range />
        </Progress.Track>
        <Text minW="220px" color={failed > 0 ? "fg" : "fg.muted"} fontWeight={failed > 0 ? "semibold" : "normal"}>
          {statesLine(counts)}
        </Text>
      </HStack>
    </Progress.Root>
  );
}

const STATES = ["pending", "stored", "converged", "done", "failed", "skipped", "taken_back"] as const;

/** The fabrics by wave; `?state=` filters. */
function Fabrics({ rollout }: { rollout: RolloutDetail }) {
  const [params, change] = useParams();
  const chosen = among(params, "state", STATES);
  const rows = useMemo(
    () => rollout.fabrics.filter((one) => chosen.length === 0 || chosen.includes(one.state)),
    [rollout.fabrics, chosen],
  );
  const options = STATES.map((value) => ({ value, word: sentence(value), count: rollout.counts[value] ?? 0 }));
  return (
    <Stack as="section" gap={2} aria-label="Fabrics">
      <Heading as="h2" size="sm">
        Fabrics
      </Heading>
      <Chips
        label="Show"
        options={options.filter(({ value, count }) => count > 0 || chosen.includes(value))}
        chosen={chosen}
        change={(next) => change({ state: next })}
      />
      {rows.length === 0 ? (
        <Nothing title="No fabric is in such a state" />
      ) : (
        <DataTable
          label="Fabrics of the rollout"
          columns={COLUMNS}
          rows={rows}
          idOf={(row) => row.fabric}
          maxHeight="60vh"
        />
      )}
    </Stack>
  );
}

/** Until when a fabric is watched, and for what. */
function Until({ row }: { row: RolloutFabric }) {
  if (!row.ends_at) return <Text color="fg.muted">–</Text>;
  return (
    <Text truncate>
      {row.state === "converged" ? "soaks until " : "must converge by "}
      <Time at={row.ends_at} full />
    </Text>
  );
}

const COLUMNS: readonly Column<RolloutFabric>[] = [
  { id: "wave", header: "Wave", width: 60, cell: (row) => row.wave },
  { id: "fabric", header: "Fabric", width: 170, cell: (row) => <FabricLink name={row.fabric} /> },
  { id: "state", header: "State", width: 120, cell: (row) => <Status state={row.state} reason={row.reason} /> },
  { id: "since", header: "Since", width: 110, cell: (row) => <Time at={row.since} /> },
  { id: "until", header: "Watched", width: 270, cell: (row) => <Until row={row} /> },
  {
    id: "generation",
    header: "Generation",
    width: 100,
    cell: (row) =>
      row.generation === null ? (
        "–"
      ) : (
        <Inside to={`${addresses.fabric(row.fabric, "history")}?to=${row.generation}`}>{row.generation}</Inside>
      ),
  },
  {
    id: "reason",
    header: "Reason",
    width: 360,
    cell: (row) => (
      <Text truncate title={row.reason}>
        <Name>{row.reason}</Name>
      </Text>
    ),
  },
];

function Change({ rollout }: { rollout: RolloutDetail }) {
  return (
    <Stack as="section" gap={2} aria-label="The change">
      <Heading as="h2" size="sm">
        The change
      </Heading>
      {rollout.text && <CodeBlock label="Objects to store" text={rollout.text} />}
      {rollout.deletes.length > 0 && (
        <List.Root variant="plain" aria-label="Objects to delete">
          {rollout.deletes.map((ref) => (
            <List.Item key={ref}>
              <Status state="deleted" /> <Name>{ref}</Name>
            </List.Item>
          ))}
        </List.Root>
      )}
    </Stack>
  );
}
