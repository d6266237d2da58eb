import { HStack, NativeSelect, Stack, Text } from "@chakra-ui/react";
import { useMemo, useState } from "react";
import type { ObjectDetail } from "@/api/types";
import { CodeBlock } from "@/shared/CodeBlock";
import { CopyButton } from "@/shared/CopyButton";
import { ordered } from "@/shared/fields";
import { TextDiff } from "@/shared/TextDiff";
import { toYaml } from "@/shared/yaml";

type Place = "database" | "git" | "cluster";
const NAMES: Record<Place, string> = { database: "Database", git: "Git", cluster: "Cluster" };

/** The object as YAML: the difference between two places, or the text of one. */
export function Compare({ detail }: { detail: ObjectDetail }) {
  const texts = useMemo(
    () => ({
      database: detail.database ? toYaml(ordered(detail.database.manifest)) : "",
      git: detail.git ? toYaml(ordered(detail.git.manifest)) : "",
      cluster: detail.cluster ? toYaml(ordered(detail.cluster.manifest)) : "",
    }),
    [detail],
  );
  const present = (Object.keys(NAMES) as Place[]).filter((place) => texts[place] !== "");
  const [before, setBefore] = useState<Place>(present.at(-1) ?? "cluster");
  const [after, setAfter] = useState<Place>(present[0] ?? "database");
  if (present.length === 0) return <Text color="fg.muted">No place has it any more.</Text>;
  return (
    <Stack gap={2}>
      <HStack gap={2} wrap="wrap">
        <Choose label="From" value={before} places={present} change={setBefore} />
        <Choose label="To" value={after} places={present} change={setAfter} />
        <CopyButton text={texts[after]} what={`the object as YAML (${NAMES[after]})`} />
      </HStack>
      {before === after ? (
        <CodeBlock label={`The object in ${NAMES[after]}`} text={texts[after]} />
      ) : (
        <TextDiff
          before={texts[before]}
          after={texts[after]}
          label={`${NAMES[before]} compared with ${NAMES[after]}`}
        />
      )}
    </Stack>
  );
}

interface ChooseProps {
  label: string;
  value: Place;
  places: readonly Place[];
  change: (place: Place) => void;
}

function Choose({ label, value, places, change }: ChooseProps) {
  return (
    <NativeSelect.Root size="xs" width="140px">
      <NativeSelect.Field aria-label={label} value={value} onChange={(event) => change(event.target.value as Place)}>
        {places.map((place) => (
          <option key={place} value={place}>
            {label}: {NAMES[place]}
          </option>
        ))}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
  );
}
