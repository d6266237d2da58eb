import { Box, Button, chakra, Text } from "@chakra-ui/react";
import { useMemo, useState } from "react";
import { type DiffLine, folded, lineDiff } from "./diff";

const SIGNS: Record<DiffLine["type"], string> = { same: " ", added: "+", removed: "-", fold: "" };
const BACKGROUND: Record<DiffLine["type"], string> = {
  same: "transparent",
  added: "bg.success",
  removed: "bg.error",
  fold: "bg.muted",
};
const SPOKEN: Record<DiffLine["type"], string> = { same: "", added: "added: ", removed: "removed: ", fold: "" };

interface Props {
  before: string;
  after: string;
  /** What is compared, for screen readers. */
  label: string;
}

/** Two texts line by line; long equal parts are folded. */
export function TextDiff({ before, after, label }: Props) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => lineDiff(before, after), [before, after]);
  const shown = useMemo(() => (all ? lines : folded(lines)), [all, lines]);
  if (lines.every(({ type }) => type === "same")) return <Text color="fg.muted">No difference.</Text>;
  return (
    <Box borderWidth="1px" borderRadius="md" overflowX="auto" tabIndex={0} role="region" aria-label={label}>
      {shown.length < lines.length && (
        <Button size="xs" variant="ghost" colorPalette="gray" m={1} onClick={() => setAll(true)}>
          Show all lines
        </Button>
      )}
      <chakra.table fontFamily="mono" fontSize="xs" w="100%" borderCollapse="collapse" aria-label={label}>
        <tbody>
          {shown.map((line, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other identity
            <chakra.tr key={at} bg={BACKGROUND[line.type]} color={line.type === "fold" ? "fg.muted" : undefined}>
              <LineNumber at={line.before} />
              <LineNumber at={line.after} />
              <chakra.td whiteSpace="pre" px={2} w="100%">
                <span aria-hidden>{SIGNS[line.type]} </span>
                <chakra.span srOnly>{SPOKEN[line.type]}</chakra.span>
                {line.text}
              </chakra.td>
            </chakra.tr>
          ))}
        </tbody>
      </chakra.table>
    </Box>
  );
}

function LineNumber({ at }: { at: number | null }) {
  return (
    <chakra.td color="fg.muted" textAlign="end" px={2} userSelect="none" minW="36px">
      {at}
    </chakra.td>
  );
}
