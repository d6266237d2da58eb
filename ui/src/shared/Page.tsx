import { Box, Flex, Heading, HStack } from "@chakra-ui/react";
import { type ReactNode, useEffect } from "react";

interface Props {
  title: ReactNode;
  /** What the browser's tab says. */
  name: string;
  aside?: ReactNode;
  children: ReactNode;
}

/** The frame of each page: its title, what stands beside it, and its content. */
export function Page({ title, name, aside, children }: Props) {
  useEffect(() => {
    const before = document.title;
    document.title = `${name} – Hedgehog`;
    return () => {
      document.title = before;
    };
  }, [name]);
  return (
    <Box as="section" aria-label={name}>
      <Flex justify="space-between" align="center" wrap="wrap" gap={3} mb={4}>
        <Heading as="h1" size="lg">
          {title}
        </Heading>
        {aside && <HStack gap={2}>{aside}</HStack>}
      </Flex>
      {children}
    </Box>
  );
}
