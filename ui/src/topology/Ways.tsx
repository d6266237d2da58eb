import { Alert, chakra, HStack, Stack, Text } from "@chakra-ui/react";
import type { Hop, PathAnswer } from "@/api/types";
import { Subject } from "@/shared/links";
import { Status } from "@/shared/Status";
import { counted } from "@/shared/words";

/** How two servers reach each other, hop by hop, or why they do not. */
export function Ways({ fabric, answer }: { fabric: string; answer: PathAnswer }) {
  if (!answer.reachable) {
    return (
      <Alert.Root status="warning">
        <Alert.Indicator />
        <Alert.Title>
          {answer.source} does not reach {answer.destination}: {answer.reason}
        </Alert.Title>
      </Alert.Root>
    );
  }
  return (
    <Stack gap={2} role="status" borderWidth="1px" borderRadius="md" p={3} fontSize="sm">
      <Text fontWeight="medium">
        {answer.source} reaches {answer.destination} in {counted(answer.ways.length, "way")}
      </Text>
      {answer.ways.map((way) => (
        <HStack as="ol" key={way.hops.map((hop) => hop.ref).join(" ")} gap={2} wrap="wrap" listStyleType="none">
          {way.hops.map((hop, at) => (
            <HopItem key={hop.ref} fabric={fabric} hop={hop} isFirst={at === 0} />
          ))}
        </HStack>
      ))}
    </Stack>
  );
}

function HopItem({ fabric, hop, isFirst }: { fabric: string; hop: Hop; isFirst: boolean }) {
  return (
    <HStack as="li" gap={2}>
      {!isFirst && <chakra.span aria-hidden>→</chakra.span>}
      <span>
        <Subject fabric={fabric} subject={hop.ref} />
        {hop.detail && <chakra.span color="fg.muted"> ({hop.detail})</chakra.span>}
      </span>
      {hop.state !== "in_order" && <Status state={hop.state} />}
    </HStack>
  );
}
