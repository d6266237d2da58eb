import { chakra, Heading, HStack, List, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type ObjectPath, object as objectQuery } from "@/api/queries";
import type { ObjectDetail, Reference } from "@/api/types";
import { DriftCard } from "@/fabric/DriftTab";
import { addresses } from "@/shared/addresses";
import { CopyButton } from "@/shared/CopyButton";
import { Inside, Name, Outside, RunLink } from "@/shared/links";
import { Page } from "@/shared/Page";
import { ProblemCard } from "@/shared/ProblemList";
import { RuleLink } from "@/shared/RuleLink";
import { Status } from "@/shared/Status";
import { Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { shortRevision } from "@/shared/words";
import { Compare } from "./Compare";
import { EditButton } from "./Editor";
import { ThreeWay } from "./Fields";

/** One object at all places: its fields, what keeps it from being in order, what it is connected with, its history. */
export function ObjectPage({ path }: { path: ObjectPath }) {
  const query = useQuery(objectQuery(path));
  const ref = `${path.kind}/${path.namespace}/${path.name}`;
  return (
    <Page
      name={`${path.kind} ${path.name}`}
      title={<Title path={path} objectRef={ref} detail={query.data} />}
      aside={query.data && <EditButton detail={query.data} />}
    >
      <Read query={query} what={ref}>
        {(detail) => <Content detail={detail} />}
      </Read>
    </Page>
  );
}

function Title({ path, objectRef, detail }: { path: ObjectPath; objectRef: string; detail: ObjectDetail | undefined }) {
  return (
    <HStack gap={2} wrap="wrap">
      <Inside to={addresses.fabric(path.fabric)} quiet>
        <Name>{path.fabric}</Name>
      </Inside>
      <chakra.span color="fg.muted">/</chakra.span>
      <chakra.span color="fg.muted" fontWeight="normal">
        {path.kind}
      </chakra.span>
      <Name>{path.name}</Name>
      <CopyButton text={objectRef} what="the name of the object" />
      {detail && <Status state={detail.state} />}
    </HStack>
  );
}

function Content({ detail }: { detail: ObjectDetail }) {
  const causes = new Set(detail.problems.map((problem) => problem.cause));
  const refusals = detail.refusals.filter((refusal) => !causes.has(refusal.reason));
  return (
    <Stack gap={6}>
      {detail.reason && !causes.has(detail.reason) && <Text>{detail.reason}</Text>}
      <Where detail={detail} />
      {detail.problems.length > 0 && (
        <Section title="Problems">
          {detail.problems.map((problem) => (
            <ProblemCard key={`${problem.target} ${problem.kind}`} problem={problem} />
          ))}
        </Section>
      )}
      {refusals.length > 0 && (
        <Section title="Why it is not written">
          {refusals.map((refusal) => (
            <HStack key={refusal.reason} gap={2} wrap="wrap">
              {refusal.rules.map((rule) => (
                <RuleLink key={rule} rule={rule} />
              ))}
              <Text>{refusal.reason}</Text>
              <Text color="fg.muted">
                since <Time at={refusal.since} />
              </Text>
            </HStack>
          ))}
        </Section>
      )}
      {detail.drift.length > 0 && (
        <Section title="What others changed">
          {detail.drift.map((drift) => (
            <DriftCard key={drift.place} fabric={detail.fabric} drift={drift} />
          ))}
        </Section>
      )}
      <Section title="Field by field">
        <ThreeWay detail={detail} />
      </Section>
      <Section title="As text">
        <Compare detail={detail} />
      </Section>
      <HStack align="start" gap={8} wrap="wrap">
        <References title="Refers to" fabric={detail.fabric} references={detail.refers_to} />
        <References title="Referred to by" fabric={detail.fabric} references={detail.referred_by} />
      </HStack>
      <Section title="What syncs did to it">
        <Events detail={detail} />
      </Section>
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack as="section" gap={2} aria-label={title} minW="280px">
      <Heading as="h2" size="sm">
        {title}
      </Heading>
      {children}
    </Stack>
  );
}

/** When each place got it, and its file. */
function Where({ detail }: { detail: ObjectDetail }) {
  const places = [
    { name: "Database", version: detail.database },
    { name: "Git", version: detail.git },
    { name: "Cluster", version: detail.cluster },
  ];
  return (
    <HStack gap={6} wrap="wrap" fontSize="sm">
      {places.map(({ name, version }) => (
        <Text key={name}>
          <strong>{name}:</strong>{" "}
          {version ? (
            <>
              <Time at={version.at} />
              {version.path && (
                <>
                  {" in "}
                  <Outside url={version.url}>{version.path}</Outside>
                </>
              )}
            </>
          ) : (
            <chakra.span color="fg.muted">not there</chakra.span>
          )}
        </Text>
      ))}
    </HStack>
  );
}

function References({ title, fabric, references }: { title: string; fabric: string; references: Reference[] }) {
  return (
    <Section title={title}>
      {references.length === 0 && <Text color="fg.muted">nothing</Text>}
      <List.Root variant="plain" gap={1}>
        {references.map((one) => (
          <List.Item key={one.ref} display="flex" gap={2}>
            {one.exists ? (
              <Inside to={addresses.object(fabric, one.kind, one.namespace, one.name)}>
                <Name>{`${one.kind}/${one.name}`}</Name>
              </Inside>
            ) : (
              <>
                <Name>{`${one.kind}/${one.name}`}</Name>
                <Status state="Missing" label="Does not exist" />
              </>
            )}
            {one.state && one.state !== "in_order" && <Status state={one.state} />}
          </List.Item>
        ))}
      </List.Root>
    </Section>
  );
}

function Events({ detail }: { detail: ObjectDetail }) {
  if (detail.events.length === 0) return <Text color="fg.muted">Nothing that is still recorded.</Text>;
  return (
    <List.Root variant="plain" gap={1}>
      {detail.events.map((event) => (
        <List.Item key={`${event.at} ${event.target}`} display="flex" gap={3} flexWrap="wrap">
          <Time at={event.at} full />
          <Status state={event.what} />
          <Text>{event.target === "git" ? "Git" : "cluster"}</Text>
          {event.revision && (
            <Text fontFamily="mono" fontSize="xs" title={event.revision}>
              {shortRevision(event.revision)}
            </Text>
          )}
          <RunLink dag={event.dag_id} run={event.run_id} />
        </List.Item>
      ))}
    </List.Root>
  );
}
