import { CloseButton, Dialog, HStack, IconButton, List, Portal, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { ListTree } from "lucide-react";
import { useMemo } from "react";
import { timeline } from "@/api/queries";
import type { SyncEvent, Target } from "@/api/types";
import { CopyButton } from "@/shared/CopyButton";
import type { Column } from "@/shared/DataTable";
import { Chips } from "@/shared/Filters";
import { Name, Outside, RunLink, Subject } from "@/shared/links";
import { PagedTable, rowsOf } from "@/shared/PagedTable";
import { among, useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Time } from "@/shared/Time";
import { duration } from "@/shared/times";
import { sentence, shortRevision } from "@/shared/words";
import { changeLine, countsLine } from "./changes";

const TARGETS: readonly Target[] = ["git", "kubernetes"];
const PLACES: Record<Target, string> = { git: "Git", kubernetes: "Cluster" };

/** Every sync that did something, was held, or failed; `?event=` opens one with its change set. */
export function TimelineTab({ fabric }: { fabric: string }) {
  const [params, change] = useParams();
  const target = among(params, "target", TARGETS)[0];
  const query = useInfiniteQuery(timeline(fabric, target));
  const columns = useMemo(() => timelineColumns((id) => change({ event: String(id) })), [change]);
  const event = rowsOf(query.data).find((one) => String(one.id) === params.get("event"));
  return (
    <Stack gap={3}>
      <Chips
        label="Only"
        options={TARGETS.map((value) => ({ value, word: PLACES[value] }))}
        chosen={target ? [target] : []}
        change={(next) => change({ target: next.at(-1) ?? null })}
      />
      <PagedTable
        label={`Syncs of ${fabric}`}
        query={query}
        columns={columns}
        idOf={(row) => String(row.id)}
        empty={{ title: "Nothing was synced yet", hint: "Syncs that changed nothing are not listed." }}
      />
      {event && <EventDialog fabric={fabric} event={event} close={() => change({ event: null })} />}
    </Stack>
  );
}

function Revision({ event }: { event: SyncEvent }) {
  const revision = event.commit ?? event.revision;
  if (!revision) return <Text color="fg.muted">–</Text>;
  return (
    <HStack gap={1}>
      <Text fontFamily="mono" fontSize="xs" title={revision} truncate>
        <Outside url={event.commit_url}>{event.commit ? event.commit.slice(0, 8) : shortRevision(revision)}</Outside>
      </Text>
      <CopyButton text={revision} what="the revision" />
    </HStack>
  );
}

function timelineColumns(open: (id: number) => void): Column<SyncEvent>[] {
  return [
    { id: "at", header: "When", width: 175, cell: (row) => <Time at={row.at} full /> },
    { id: "target", header: "Place", width: 80, cell: (row) => PLACES[row.target] },
    {
      id: "status",
      header: "Outcome",
      width: 110,
      cell: (row) => <Status state={row.status} reason={row.reason} />,
    },
    {
      id: "counts",
      header: "Change set",
      width: 220,
      cell: (row) => (
        <HStack gap={1}>
          <IconButton
            size="2xs"
            variant="outline"
            colorPalette="gray"
            aria-label={`Show the change set of sync ${row.id}`}
            onClick={() => open(row.id)}
          >
            <ListTree size={12} />
          </IconButton>
          <Text truncate>{countsLine(row.counts)}</Text>
        </HStack>
      ),
    },
    { id: "revision", header: "Commit", width: 150, cell: (row) => <Revision event={row} /> },
    { id: "generation", header: "Generation", width: 95, cell: (row) => row.generation },
    { id: "duration", header: "Took", width: 75, cell: (row) => duration(row.duration) },
    { id: "run", header: "Run", width: 130, cell: (row) => <RunLink dag={row.dag_id} run={row.run_id} /> },
    {
      id: "reason",
      header: "Reason",
      width: 240,
      cell: (row) => (
        <Text truncate title={row.reason}>
          {row.reason}
        </Text>
      ),
    },
  ];
}

function EventDialog({ fabric, event, close }: { fabric: string; event: SyncEvent; close: () => void }) {
  return (
    <Dialog.Root open size="xl" scrollBehavior="inside" onOpenChange={({ open }) => open || close()}>
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content>
            <Dialog.Header>
              <Dialog.Title>
                Sync {event.id} to {PLACES[event.target]}
              </Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              <Stack gap={3}>
                <HStack gap={3} wrap="wrap">
                  <Status state={event.status} />
                  <Time at={event.at} full />
                  <Text>generation {event.generation}</Text>
                  <Revision event={event} />
                  <RunLink dag={event.dag_id} run={event.run_id} />
                </HStack>
                {event.reason && <Text overflowWrap="anywhere">{event.reason}</Text>}
                {event.error_class && <Text color="fg.muted">{event.error_class}</Text>}
                <Text>{countsLine(event.counts)}</Text>
                <List.Root variant="plain" gap={1} aria-label="Change set">
                  {event.details.map((line) => (
                    <ChangeItem key={line} fabric={fabric} line={line} />
                  ))}
                </List.Root>
              </Stack>
            </Dialog.Body>
            <Dialog.CloseTrigger asChild>
              <CloseButton size="sm" colorPalette="gray" aria-label="Close" />
            </Dialog.CloseTrigger>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}

function ChangeItem({ fabric, line }: { fabric: string; line: string }) {
  const { subject, action, reason } = changeLine(line);
  if (!action) {
    return (
      <List.Item>
        <Name>{line}</Name>
      </List.Item>
    );
  }
  return (
    <List.Item display="flex" gap={2} alignItems="baseline" flexWrap="wrap">
      <Status state={action} label={sentence(action)} />
      <Subject fabric={fabric} subject={subject} />
      {reason && <Text color="fg.muted">{reason}</Text>}
    </List.Item>
  );
}
