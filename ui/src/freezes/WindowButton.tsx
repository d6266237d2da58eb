import { Field, HStack, Input, Stack, Text } from "@chakra-ui/react";
import type { Window } from "@/api/types";
import { ActionButton, type Options } from "@/shared/ActionButton";
import { useZone } from "@/shared/times";
import { SelectorField, selectionOf } from "./SelectorField";

interface Entry {
  name: "name" | "cron" | "minutes" | "zone";
  label: string;
  hint: string;
  width: string;
}

const FIELDS: readonly Entry[] = [
  { name: "name", label: "Name", hint: "The same name changes a window.", width: "200px" },
  { name: "cron", label: "Opens", hint: "Minute, hour, day, month, weekday.", width: "200px" },
  { name: "minutes", label: "For (minutes)", hint: "At most a week.", width: "150px" },
  { name: "zone", label: "Time zone", hint: "Whose clock counts.", width: "200px" },
];

/** Makes a window, or changes *window*. */
export function WindowButton({ window }: { window?: Window }) {
  const zone = useZone();
  const options = window
    ? {
        name: window.name,
        select: window.selector,
        cron: window.cron,
        minutes: String(window.minutes),
        zone: window.time_zone,
      }
    : { name: "", select: "", cron: "0 22 * * 1-5", minutes: "360", zone };
  return (
    <ActionButton
      name="set-window"
      label={window ? "Change" : "New window"}
      title={window ? `Change the window ${window.name}?` : "Make a change window?"}
      plan={() => (
        <Text>
          Its fabrics are written only while a window of theirs is open. What is due meanwhile waits, and says when the
          next one opens.
        </Text>
      )}
      options={options}
      fields={(chosen, change) => <Fields chosen={chosen} change={change} isNew={!window} />}
      body={(_, chosen) => ({
        ...selectionOf(String(chosen.select)),
        name: String(chosen.name).trim(),
        cron: String(chosen.cron).trim(),
        minutes: Number(chosen.minutes),
        time_zone: String(chosen.zone).trim(),
      })}
      button={window ? { size: "xs" } : {}}
    />
  );
}

interface FieldsProps {
  chosen: Options;
  change: (change: Options) => void;
  isNew: boolean;
}

function Fields({ chosen, change, isNew }: FieldsProps) {
  return (
    <Stack gap={4}>
      <HStack gap={3} wrap="wrap" align="start">
        {FIELDS.map(({ name, label, hint, width }) => (
          <Field.Root key={name} width={width} required disabled={name === "name" && !isNew}>
            <Field.Label>{label}</Field.Label>
            <Input
              value={String(chosen[name])}
              maxLength={200}
              onChange={(event) => change({ [name]: event.target.value })}
            />
            <Field.HelperText>{hint}</Field.HelperText>
          </Field.Root>
        ))}
      </HStack>
      <SelectorField value={String(chosen.select)} change={(to) => change({ select: to })} />
    </Stack>
  );
}
