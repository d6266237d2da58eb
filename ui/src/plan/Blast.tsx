import { Heading, Stack, Text } from "@chakra-ui/react";
import type { BlastRadius } from "@/api/types";
import { Name } from "@/shared/links";
import { groupsOf } from "./radius";

const MOST_NAMES = 12;

/** The blast radius in words: how many of each, with their names. */
export function Blast({ blast }: { blast: BlastRadius }) {
  const groups = groupsOf(blast);
  return (
    <Stack as="section" gap={1} aria-label="What it concerns">
      <Heading as="h3" size="xs">
        What it concerns
      </Heading>
      {groups.length === 0 && <Text color="fg.muted">No device and no network</Text>}
      {groups.map(({ name, title, members }) => (
        <Text key={name} fontSize="sm" overflowWrap="anywhere">
          <strong>{title}:</strong> <Name>{members.slice(0, MOST_NAMES).join(", ")}</Name>
          {members.length > MOST_NAMES && ` and ${members.length - MOST_NAMES} more`}
        </Text>
      ))}
    </Stack>
  );
}
