import { Box, Button, HStack, Input, Text } from "@chakra-ui/react";
import { useEffect, useId, useRef, useState } from "react";

const PAUSE = 250;

interface SearchProps {
  label: string;
  value: string;
  change: (value: string) => void;
  width?: string;
}

/** A search field that waits for a pause in typing; the URL may change it from outside (back button). */
export function Search({ label, value, change, width = "260px" }: SearchProps) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    if (value !== sent.current) setText(value);
    sent.current = value;
  }, [value]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      change(text);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [text, change]);
  return (
    <Input
      type="search"
      size="sm"
      width={width}
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}

interface ChipsProps<Value extends string> {
  label: string;
  options: readonly { value: Value; word: string; count?: number | undefined }[];
  chosen: readonly Value[];
  change: (chosen: Value[]) => void;
}

/** Filters as buttons that stay pressed; several together narrow the list as the API says. */
export function Chips<Value extends string>({ label, options, chosen, change }: ChipsProps<Value>) {
  const id = useId();
  const toggle = (value: Value) =>
    change(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  return (
    <HStack gap={1} wrap="wrap" role="group" aria-labelledby={id}>
      <Text id={id} fontSize="sm" color="fg.muted" me={1}>
        {label}
      </Text>
      {options.map(({ value, word, count }) => {
        const pressed = chosen.includes(value);
        return (
          <Button
            key={value}
            size="xs"
            variant={pressed ? "solid" : "outline"}
            colorPalette={pressed ? "blue" : "gray"}
            aria-pressed={pressed}
            onClick={() => toggle(value)}
          >
            {word}
            {count !== undefined && (
              <Box as="span" fontVariantNumeric="tabular-nums" opacity={count === 0 ? 0.6 : 1}>
                {count.toLocaleString("en")}
              </Box>
            )}
          </Button>
        );
      })}
      {chosen.length > 0 && (
        <Button size="xs" variant="ghost" colorPalette="gray" onClick={() => change([])}>
          Clear
        </Button>
      )}
    </HStack>
  );
}
