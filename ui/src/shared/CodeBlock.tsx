import { chakra } from "@chakra-ui/react";

/** A text as it is, never interpreted. */
export function CodeBlock({ label, text }: { label: string; text: string }) {
  return (
    <chakra.pre
      role="region"
      aria-label={label}
      tabIndex={0}
      fontFamily="mono"
      fontSize="xs"
      bg="bg.subtle"
      borderWidth="1px"
      borderRadius="md"
      p={3}
      maxH="60vh"
      overflow="auto"
      whiteSpace="pre"
    >
      {text}
    </chakra.pre>
  );
}
