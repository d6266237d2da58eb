import { Box, Button, Heading, HStack, Stack, Text } from "@chakra-ui/react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { drift as driftQuery, object as objectQuery } from "@/api/queries";
import type { Drift } from "@/api/types";
import { DriftFields, ThreeWay } from "@/object/Fields";
import { parseRef } from "@/shared/addresses";
import { Name, Subject } from "@/shared/links";
import { rowsOf } from "@/shared/PagedTable";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { counted } from "@/shared/words";
import { Decision, decidable, subjectOf } from "./Decision";

const PLACES = [
  { place: "cluster", title: "In the cluster" },
  { place: "git", title: "In Git" },
] as const;

/** What others changed, ours and theirs, and the decision: take it over, or write ours again. */
export function DriftTab({ fabric }: { fabric: string }) {
  const query = useInfiniteQuery(driftQuery(fabric));
  return (
    <Read query={query} what="drift">
      {(data) => {
        const rows = rowsOf(data);
        if (rows.length === 0) {
          return <Nothing title="Nobody changed anything">Git and the cluster are as the fabric left them.</Nothing>;
        }
        return (
          <Stack gap={6}>
            {PLACES.map(({ place, title }) => (
              <Group key={place} fabric={fabric} title={title} rows={rows.filter((row) => row.place === place)} />
            ))}
            {query.hasNextPage && (
              <Button size="sm" variant="outline" alignSelf="start" onClick={() => query.fetchNextPage()}>
                Show more
              </Button>
            )}
          </Stack>
        );
      }}
    </Read>
  );
}

function Group({ fabric, title, rows }: { fabric: string; title: string; rows: readonly Drift[] }) {
  const place = rows[0]?.place;
  if (!place) return null;
  const adoptable = decidable(rows, "adopt", place);
  const revertible = decidable(rows, "revert", place);
  return (
    <Stack as="section" gap={2} aria-label={title}>
      <HStack justify="space-between" wrap="wrap">
        <Heading as="h2" size="sm">
          {title}: {counted(rows.length, "object")}
        </Heading>
        <HStack>
          {adoptable.length > 1 && (
            <Decision verb="adopt" fabric={fabric} drift={adoptable} label={`Adopt all ${adoptable.length}`} />
          )}
          {revertible.length > 1 && (
            <Decision verb="revert" fabric={fabric} drift={revertible} label={`Revert all ${revertible.length}`} />
          )}
        </HStack>
      </HStack>
      {rows.map((row) => (
        <DriftCard key={`${row.connection_id} ${subjectOf(row)}`} fabric={fabric} drift={row} />
      ))}
    </Stack>
  );
}

export function DriftCard({ fabric, drift }: { fabric: string; drift: Drift }) {
  const [all, setAll] = useState(false);
  const ref = drift.object ? parseRef(drift.object) : null;
  return (
    <Box as="article" aria-label={subjectOf(drift)} borderWidth="1px" borderRadius="md" p={3}>
      <HStack justify="space-between" wrap="wrap" align="start" mb={2}>
        <HStack wrap="wrap" gap={2}>
          <Status state={drift.state} />
          <Subject fabric={fabric} subject={subjectOf(drift)} />
          <Text color="fg.muted" fontSize="sm">
            {drift.by && (
              <>
                by <Name>{drift.by}</Name>,{" "}
              </>
            )}
            found <Time at={drift.found_at} />
          </Text>
        </HStack>
        <HStack>
          {drift.can_adopt && <Decision verb="adopt" fabric={fabric} drift={[drift]} />}
          {drift.can_revert && <Decision verb="revert" fabric={fabric} drift={[drift]} />}
        </HStack>
      </HStack>
      <Stack gap={2}>
        <Text fontSize="sm">
          Next sync: {drift.revert ? "reverts it, as somebody decided" : drift.next}
          {drift.policy && ` (policy ${drift.policy})`}
        </Text>
        {drift.problem && <Text fontSize="sm">It cannot be adopted: {drift.problem}</Text>}
        {drift.differences.length > 0 && <DriftFields drift={drift} />}
        {ref && (
          <Button
            size="xs"
            variant="ghost"
            colorPalette="gray"
            alignSelf="start"
            aria-expanded={all}
            onClick={() => setAll(!all)}
          >
            {all ? "Hide the three places" : "Compare database, Git and cluster"}
          </Button>
        )}
        {ref && all && <Places fabric={fabric} {...ref} />}
      </Stack>
    </Box>
  );
}

function Places(path: { fabric: string; kind: string; namespace: string; name: string }) {
  const query = useQuery(objectQuery(path));
  return (
    <Read query={query} what="the object" rows={3}>
      {(detail) => <ThreeWay detail={detail} />}
    </Read>
  );
}
