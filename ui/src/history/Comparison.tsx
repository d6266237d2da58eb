import { Button, Heading, HStack, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { comparison } from "@/api/queries";
import type { ObjectDifference } from "@/api/types";
import { Name, Subject } from "@/shared/links";
import { Status } from "@/shared/Status";
import { Nothing, Read } from "@/shared/states";
import { counted, sentence } from "@/shared/words";
import { FieldTable } from "./FieldTable";

/** More objects than this are shown when somebody asks. */
const MOST = 50;

interface Props {
  fabric: string;
  /** Null: the moment before *to*, so that it shows what one change did. */
  from: string | null;
  to: string;
  close: () => void;
}

/** What differs between two moments of a fabric, object by object and field by field. */
export function Comparison({ fabric, from, to, close }: Props) {
  const query = useQuery(comparison(fabric, from, to));
  return (
    <Stack as="section" aria-label="Comparison" gap={3} borderWidth="1px" borderRadius="md" p={4}>
      <HStack justify="space-between" wrap="wrap">
        <Heading as="h2" size="sm">
          {query.data ? (
            <>
              <Name>{query.data.first}</Name> → <Name>{query.data.second}</Name>
            </>
          ) : (
            `${from ?? "before"} → ${to}`
          )}
        </Heading>
        <Button size="xs" variant="outline" colorPalette="gray" onClick={close}>
          Close
        </Button>
      </HStack>
      <Read query={query} what="the comparison" rows={3}>
        {(found) =>
          found.objects.length === 0 ? (
            <Nothing title="Nothing differs" />
          ) : (
            <Differences fabric={fabric} objects={found.objects} />
          )
        }
      </Read>
    </Stack>
  );
}

export function Differences({ fabric, objects }: { fabric: string; objects: readonly ObjectDifference[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? objects : objects.slice(0, MOST);
  return (
    <Stack gap={4}>
      <Text color="fg.muted">{counted(objects.length, "object")}</Text>
      {shown.map((one) => (
        <Stack as="article" key={one.object} gap={1} aria-label={one.object}>
          <HStack gap={2} wrap="wrap">
            <Status state={one.action} label={sentence(one.action)} />
            <Subject fabric={fabric} subject={one.object} />
            {one.note && <Text color="fg.muted">{one.note}</Text>}
          </HStack>
          {one.fields.length > 0 && <FieldTable rows={one.fields} label={`Fields of ${one.object}`} />}
        </Stack>
      ))}
      {shown.length < objects.length && (
        <Button size="sm" variant="outline" alignSelf="start" onClick={() => setAll(true)}>
          Show all {objects.length}
        </Button>
      )}
    </Stack>
  );
}
