import { chakra, Flex } from "@chakra-ui/react";
import { type DragEvent, type Ref, useImperativeHandle, useRef, useState } from "react";

export interface EditorHandle {
  /** Puts the cursor on a line, from 1, and selects it. */
  goTo: (line: number) => void;
}

interface Props {
  label: string;
  value: string;
  change: (value: string) => void;
  rows: number;
  placeholder?: string;
  /** Files dropped on it replace the text. */
  drop?: boolean;
  ref?: Ref<EditorHandle>;
}

const LINE = 20;

/** The place of a line in *text*: from its first character to its last. */
export function lineRange(text: string, line: number): [number, number] {
  const lines = text.split("\n");
  const at = Math.min(Math.max(line, 1), lines.length) - 1;
  const start = lines.slice(0, at).reduce((sum, one) => sum + one.length + 1, 0);
  return [start, start + (lines[at]?.length ?? 0)];
}

/** A text area with line numbers. Tab leaves it, as everywhere: who writes YAML without a mouse must get out. */
export function YamlEditor({ label, value, change, rows, placeholder, drop = false, ref }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [top, setTop] = useState(0);
  const [isOver, setIsOver] = useState(false);
  useImperativeHandle(ref, () => ({
    goTo: (line) => {
      area.current?.focus();
      area.current?.setSelectionRange(...lineRange(value, line));
      area.current?.scrollTo({ top: (line - 3) * LINE });
    },
  }));
  const onDragOver = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(true);
  };
  const onDrop = async (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const texts = await Promise.all([...event.dataTransfer.files].map((file) => file.text()));
    if (texts.length > 0) change(texts.join("\n---\n"));
  };
  return (
    <Flex
      borderWidth="1px"
      borderRadius="md"
      borderColor={isOver ? "blue.solid" : undefined}
      overflow="hidden"
      h={`${rows * LINE + 16}px`}
      onDragOver={drop ? onDragOver : undefined}
      onDragLeave={drop ? () => setIsOver(false) : undefined}
      onDrop={drop ? onDrop : undefined}
    >
      <LineNumbers text={value} top={top} />
      <chakra.textarea
        ref={area}
        aria-label={label}
        value={value}
        placeholder={placeholder}
        spellCheck={false}
        autoCapitalize="off"
        wrap="off"
        flex="1"
        resize="none"
        fontFamily="mono"
        fontSize="xs"
        lineHeight={`${LINE}px`}
        px={2}
        py="8px"
        bg="bg"
        outlineOffset="-2px"
        onChange={(event) => change(event.target.value)}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      />
    </Flex>
  );
}

/** The numbers beside the text, moved as far as the text is scrolled. */
function LineNumbers({ text, top }: { text: string; top: number }) {
  const numbers = Array.from({ length: text.split("\n").length }, (_, at) => at + 1).join("\n");
  return (
    <chakra.pre
      aria-hidden
      bg="bg.subtle"
      color="fg.muted"
      fontFamily="mono"
      fontSize="xs"
      lineHeight={`${LINE}px`}
      textAlign="end"
      px={2}
      py="8px"
      minW="44px"
      overflow="hidden"
      userSelect="none"
    >
      <chakra.span display="block" transform={`translateY(${-top}px)`}>
        {numbers}
      </chakra.span>
    </chakra.pre>
  );
}
