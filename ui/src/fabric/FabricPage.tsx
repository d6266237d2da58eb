import { chakra, HStack, Link, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { Link as RouterLink } from "react-router-dom";
import { fabric as fabricQuery } from "@/api/queries";
import type { Fabric } from "@/api/types";
import { TABS, type Tab } from "@/app/routes";
import { FabricActions } from "@/fleet/FabricActions";
import { subjectOfFabric } from "@/fleet/plans";
import { HistoryTab } from "@/history/HistoryTab";
import { RolloutBadge } from "@/rollouts/RolloutBadge";
import { addresses } from "@/shared/addresses";
import { CopyButton } from "@/shared/CopyButton";
import { Inside, Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { Status } from "@/shared/Status";
import { Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { sentence } from "@/shared/words";
import { TopologyTab } from "@/topology/TopologyTab";
import { DriftTab } from "./DriftTab";
import { ObjectsTab } from "./ObjectsTab";
import { Pipeline } from "./Pipeline";
import { PlanTab } from "./PlanTab";
import { ProblemsTab } from "./ProblemsTab";
import { RunsTab } from "./RunsTab";
import { SettingsTab } from "./SettingsTab";
import { TimelineTab } from "./TimelineTab";

/** One fabric: how far its data has come, and everything about it in tabs. */
export function FabricPage({ name, tab }: { name: string; tab: Tab }) {
  const query = useQuery(fabricQuery(name));
  return (
    <Page
      title={<Title name={name} fabric={query.data} />}
      name={name}
      aside={query.data && <Actions of={query.data} />}
    >
      <Read query={query} what={name}>
        {(fabric) => (
          <Stack gap={4}>
            <Notice fabric={fabric} />
            <Pipeline fabric={fabric} />
            <Tabs fabric={fabric} current={tab} />
            <Content fabric={fabric} tab={tab} />
          </Stack>
        )}
      </Read>
    </Page>
  );
}

function Title({ name, fabric }: { name: string; fabric: Fabric | undefined }) {
  return (
    <HStack gap={2} wrap="wrap">
      <Inside to={addresses.fleet} quiet>
        Fleet
      </Inside>
      <chakra.span color="fg.muted">/</chakra.span>
      <Name>{name}</Name>
      <CopyButton text={name} what="the name" />
      {fabric && <Status state={fabric.health.health} reason={fabric.health.reasons.join("\n")} />}
      {fabric?.suspended && <Status state="suspended" />}
      {fabric?.frozen && <Status state="frozen" />}
      {fabric?.rollout && <RolloutBadge rollout={fabric.rollout} />}
    </HStack>
  );
}

function Actions({ of }: { of: Fabric }) {
  return <FabricActions subjects={[subjectOfFabric(of)]} />;
}

/** Why it is not well, why it is left alone, and what it waits for. */
function Notice({ fabric }: { fabric: Fabric }) {
  const { suspended, frozen, health, waits_for: waitsFor, description } = fabric;
  return (
    <Stack gap={1} fontSize="sm">
      {description && <Text color="fg.muted">{description}</Text>}
      {suspended && (
        <Text>
          Suspended{suspended.until ? " until " : " until it is resumed"}
          {suspended.until && <Time at={suspended.until} full />}: {suspended.reason}
        </Text>
      )}
      {frozen && (
        <Text>
          Frozen{frozen.until ? " until " : " until somebody lifts it"}
          {frozen.until && <Time at={frozen.until} full />}: <Name>{frozen.reason}</Name>
        </Text>
      )}
      {health.reasons.map((reason) => (
        <Text key={reason}>{reason}</Text>
      ))}
      {waitsFor && <Text fontWeight={fabric.needs_somebody ? "semibold" : undefined}>{waitsFor}.</Text>}
    </Stack>
  );
}

/** How many there are behind a tab that somebody should look at. */
function countOf(fabric: Fabric, tab: Tab): number {
  if (tab === "drift") return fabric.drift;
  if (tab === "problems") return fabric.held + fabric.refused + fabric.parked;
  return 0;
}

/** Tabs are links: each has an address, and opens in a new window like any other. */
function Tabs({ fabric, current }: { fabric: Fabric; current: Tab }) {
  return (
    <chakra.nav aria-label={`About ${fabric.name}`} borderBottomWidth="1px">
      <HStack as="ul" gap={1} wrap="wrap" listStyleType="none">
        {TABS.map((tab) => {
          const here = tab === current;
          const count = countOf(fabric, tab);
          return (
            <chakra.li key={tab}>
              <Link
                asChild
                px={3}
                py={1.5}
                mb="-1px"
                variant="plain"
                borderBottomWidth="2px"
                borderColor={here ? "fg" : "transparent"}
                color={here ? "fg" : "fg.muted"}
                fontWeight={here ? "semibold" : "normal"}
                aria-current={here ? "page" : undefined}
              >
                <RouterLink to={addresses.fabric(fabric.name, tab)}>
                  {sentence(tab)}
                  {count > 0 && ` (${count})`}
                </RouterLink>
              </Link>
            </chakra.li>
          );
        })}
      </HStack>
    </chakra.nav>
  );
}

function Content({ fabric, tab }: { fabric: Fabric; tab: Tab }) {
  switch (tab) {
    case "objects":
      return <ObjectsTab fabric={fabric} />;
    case "topology":
      return <TopologyTab fabric={fabric.name} />;
    case "plan":
      return <PlanTab fabric={fabric} />;
    case "history":
      return <HistoryTab fabric={fabric.name} followsGit={fabric.source_of_truth === "git"} />;
    case "timeline":
      return <TimelineTab fabric={fabric.name} />;
    case "drift":
      return <DriftTab fabric={fabric.name} />;
    case "problems":
      return <ProblemsTab fabric={fabric.name} />;
    case "runs":
      return <RunsTab fabric={fabric.name} />;
    case "settings":
      return <SettingsTab fabric={fabric} />;
  }
}
