import { Button, HStack, List, Stack, Text } from "@chakra-ui/react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { act } from "@/api/actions";
import type { CheckedObject, ValidationAnswer } from "@/api/types";
import { Name } from "./links";
import { RuleLink } from "./RuleLink";
import { Status } from "./Status";
import { Failure } from "./states";
import { counted } from "./words";

const PAUSE = 400;

/** The value once it has not changed for a moment. */
function usePaused<Value>(value: Value, pause = PAUSE): Value {
  const [paused, setPaused] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(value), pause);
    return () => clearTimeout(timer);
  }, [value, pause]);
  return paused;
}

interface Given {
  text: string;
  fabric?: string | undefined;
  strict?: boolean;
}

export interface Validation {
  data: ValidationAnswer | undefined;
  error: unknown;
  /** Whether the verdicts are those of an earlier text. */
  isStale: boolean;
}

/** The server's verdicts on a text as it is typed. */
export function useValidation({ text, fabric, strict = false }: Given): Validation {
  const checked = usePaused(text);
  const query = useQuery({
    queryKey: ["validation", checked, fabric ?? "", strict],
    queryFn: () => act("validate", { text: checked, fabric: fabric || null, strict, upstream: null }),
    enabled: checked.trim() !== "",
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  });
  const isEmpty = checked.trim() === "";
  return {
    data: isEmpty ? undefined : query.data,
    error: isEmpty ? null : query.error,
    isStale: checked !== text || query.isFetching,
  };
}

interface Props {
  validation: Validation;
  text: string;
  goTo?: (line: number) => void;
}

/** What a cluster would say to the text. */
export function Verdicts({ validation, text, goTo }: Props) {
  const { data, error, isStale } = validation;
  if (text.trim() === "") return null;
  if (error) return <Failure error={error} />;
  if (!data) return <Text color="fg.muted">Checking …</Text>;
  const faults = data.objects.filter((object) => object.violations.length > 0 || object.verdict !== "valid");
  return (
    <Stack gap={2} role="status" aria-busy={isStale} opacity={isStale ? 0.6 : 1}>
      <HStack wrap="wrap">
        <Status
          state={data.valid ? "valid" : "invalid"}
          label={data.valid ? "A cluster would accept it" : "A cluster would refuse it"}
        />
        <Text fontSize="sm" color="fg.muted">
          {counted(data.objects.length, "object")} checked
        </Text>
      </HStack>
      {data.notes.map((note) => (
        <Text key={note} fontSize="sm">
          {note}
        </Text>
      ))}
      {faults.map((object) => (
        <Faults key={`${object.file} ${object.line} ${object.ref}`} object={object} {...(goTo && { goTo })} />
      ))}
    </Stack>
  );
}

function Faults({ object, goTo }: { object: CheckedObject; goTo?: (line: number) => void }) {
  return (
    <Stack gap={1} borderWidth="1px" borderRadius="md" p={2}>
      <HStack gap={2} wrap="wrap">
        <Status state={object.verdict} />
        <Name>{object.ref ?? `document ${(object.document ?? 0) + 1}`}</Name>
      </HStack>
      <List.Root variant="plain" gap={1} fontSize="sm">
        {object.violations.map((one) => (
          <List.Item key={`${one.rule} ${one.path} ${one.line} ${one.message}`} display="block">
            <HStack gap={2} wrap="wrap" align="baseline">
              <Status state={one.severity === "error" ? "error" : "held"} label={one.severity} />
              {goTo && one.line > 0 ? (
                <Button size="2xs" variant="outline" colorPalette="gray" onClick={() => goTo(one.line)}>
                  line {one.line}
                </Button>
              ) : (
                one.line > 0 && <Text color="fg.muted">line {one.line}</Text>
              )}
              <Text overflowWrap="anywhere">
                {one.path && (
                  <>
                    <Name>{one.path}</Name>:{" "}
                  </>
                )}
                {one.message}
              </Text>
              <RuleLink rule={one.rule} />
            </HStack>
            {one.hint && <Text color="fg.muted">{one.hint}</Text>}
          </List.Item>
        ))}
      </List.Root>
    </Stack>
  );
}
