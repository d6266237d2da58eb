import { Field, Input, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { fleetCounters } from "@/api/queries";
import { counted } from "@/shared/words";

/** What a body says to mean the fabrics of a selector; all of them for an empty one. */
export function selectionOf(select: string): { all: boolean; select: string } {
  const text = select.trim();
  return { all: text === "", select: text };
}

/** Asks which fabrics are meant, and says how many they are. */
export function SelectorField({ value, change }: { value: string; change: (value: string) => void }) {
  const select = useDeferredValue(value.trim());
  const found = useQuery({ ...fleetCounters({ select }), retry: false });
  return (
    <Field.Root invalid={Boolean(found.error)}>
      <Field.Label>Fabrics</Field.Label>
      <Input
        value={value}
        maxLength={2000}
        placeholder="site=fra,tier!=lab"
        onChange={(event) => change(event.target.value)}
      />
      <Field.HelperText>Labels, fabric, cluster or repository. Empty: all fabrics.</Field.HelperText>
      {found.error ? (
        <Field.ErrorText overflowWrap="anywhere">{found.error.message}</Field.ErrorText>
      ) : (
        <Text fontSize="sm" role="status">
          {found.data ? `Now ${counted(found.data.total, "fabric")}` : "…"}
        </Text>
      )}
    </Field.Root>
  );
}
