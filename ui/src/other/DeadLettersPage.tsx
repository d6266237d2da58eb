import { HStack, List, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { deadLetter, deadLetters } from "@/api/queries";
import type { DeadLetter } from "@/api/types";
import { ActionButton } from "@/shared/ActionButton";
import type { Column } from "@/shared/DataTable";
import { Chips, Search } from "@/shared/Filters";
import { FabricLink, Inside, Name, RunLink } from "@/shared/links";
import { Page } from "@/shared/Page";
import { PagedTable, rowsOf } from "@/shared/PagedTable";
import { useParams } from "@/shared/params";
import { Status } from "@/shared/Status";
import { Time } from "@/shared/Time";
import { counted, sentence } from "@/shared/words";
import { LetterDialog } from "./LetterDialog";

const COLUMNS: readonly Column<DeadLetter>[] = [
  { id: "id", header: "No.", width: 70, cell: (row) => <Inside to={`?letter=${row.id}`}>{row.id}</Inside> },
  {
    id: "fabric",
    header: "Fabric",
    width: 170,
    cell: (row) =>
      row.target === "git" || row.target === "kubernetes" ? (
        <FabricLink name={row.fabric} />
      ) : (
        <Name>{row.fabric}</Name>
      ),
  },
  { id: "target", header: "Place", width: 100, cell: (row) => sentence(row.target) },
  { id: "status", header: "Status", width: 110, cell: (row) => <Status state={row.status} reason={row.note} /> },
  { id: "attempts", header: "Attempts", width: 85, cell: (row) => row.attempts },
  { id: "failed", header: "Last failure", width: 110, cell: (row) => <Time at={row.last_failed_at} /> },
  { id: "error", header: "Error", width: 180, cell: (row) => row.error_class ?? "–" },
  {
    id: "message",
    header: "Message",
    width: 300,
    cell: (row) => (
      <Text truncate title={row.message}>
        {row.message}
      </Text>
    ),
  },
  { id: "run", header: "Run", width: 150, cell: (row) => <RunLink dag={row.dag_id} run={row.run_id} /> },
];

/** Work that was given up: replay it once its cause is gone, or discard it with a reason. `?letter=` opens one. */
export function DeadLettersPage() {
  const [params, change] = useParams();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const fabric = params.get("fabric") ?? "";
  const closed = params.get("closed") === "1";
  const query = useInfiniteQuery(deadLetters({ closed, ...(fabric && { fabric }) }));
  const rows = useMemo(() => rowsOf(query.data), [query.data]);
  const selected = rows.filter((row) => chosen.has(String(row.id)));
  const shown = Number(params.get("letter"));
  return (
    <Page
      title="Dead letters"
      name="Dead letters"
      aside={<Search label="Fabric" value={fabric} change={(text) => change({ fabric: text })} />}
    >
      <Stack gap={3}>
        <HStack justify="space-between" wrap="wrap" minH="34px">
          <Chips
            label="Show"
            options={[{ value: "1", word: "Replayed and discarded" }]}
            chosen={closed ? ["1"] : []}
            change={(next) => change({ closed: next.length > 0 ? "1" : null })}
          />
          {selected.length > 0 && <LetterActions letters={selected} done={() => setChosen(new Set())} />}
        </HStack>
        <PagedTable
          label="Dead letters"
          query={query}
          columns={COLUMNS}
          idOf={(row) => String(row.id)}
          nameOf={(row) => `dead letter ${row.id}`}
          selection={{ ids: chosen, change: setChosen }}
          empty={{ title: closed || fabric ? "No dead letter fits these filters" : "Nothing was given up" }}
        />
        {Number.isInteger(shown) && shown > 0 && <One id={shown} close={() => change({ letter: null })} />}
      </Stack>
    </Page>
  );
}

function One({ id, close }: { id: number; close: () => void }) {
  const query = useQuery(deadLetter(id));
  return <LetterDialog id={id} query={query} close={close} />;
}

interface ActionsProps {
  letters: readonly DeadLetter[];
  done?: () => void;
}

export function LetterActions({ letters, done }: ActionsProps) {
  const ids = letters.map((letter) => letter.id);
  const what = letters.length === 1 ? `dead letter ${ids[0]}` : counted(letters.length, "dead letter");
  const rest = done ? { done } : {};
  return (
    <HStack gap={2}>
      <ActionButton
        name="replay"
        label="Replay"
        title={`Replay ${what}?`}
        plan={() => <Plan letters={letters}>They become due at once, with all their attempts.</Plan>}
        body={() => ({ ids })}
        {...rest}
      />
      <ActionButton
        name="discard"
        label="Discard"
        title={`Discard ${what}?`}
        asksForReason
        plan={() => (
          <Plan letters={letters}>
            They are taken off the list. Their fabrics stay parked until they change or are synced by name.
          </Plan>
        )}
        body={(reason) => ({ ids, reason })}
        {...rest}
      />
    </HStack>
  );
}

function Plan({ letters, children }: { letters: readonly DeadLetter[]; children: string }) {
  return (
    <Stack gap={2}>
      <Text>{children}</Text>
      <List.Root variant="plain" gap={1} maxH="40vh" overflowY="auto" aria-label="Plan" tabIndex={0}>
        {letters.map((letter) => (
          <List.Item key={letter.id}>
            {letter.id}: <Name>{letter.fabric}</Name>, {letter.dag}
            <Text color="fg.muted" fontSize="sm" overflowWrap="anywhere">
              {letter.message}
            </Text>
          </List.Item>
        ))}
      </List.Root>
    </Stack>
  );
}
