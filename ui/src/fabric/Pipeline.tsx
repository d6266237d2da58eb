import { Box, chakra, Flex, HStack, Stack, Text } from "@chakra-ui/react";
import { ArrowRight } from "lucide-react";
import type { Fabric, Step } from "@/api/types";
import { CopyButton } from "@/shared/CopyButton";
import { Outside, RunLink } from "@/shared/links";
import { Status } from "@/shared/Status";
import { Time } from "@/shared/Time";
import { useNow } from "@/shared/times";
import { look, sentence, shortRevision } from "@/shared/words";

/** Database → Git → cluster → switches: what each has reached, and what is waited for. */
export function Pipeline({ fabric }: { fabric: Fabric }) {
  return (
    <Flex as="ol" gap={2} align="stretch" wrap="wrap" listStyleType="none" aria-label="The way of the data">
      {fabric.steps.map((step, at) => (
        <Flex as="li" key={step.place} align="stretch" gap={2} flex="1 1 220px" minW="220px">
          {at > 0 && (
            <Box alignSelf="center" color="fg.muted" aria-hidden>
              <ArrowRight size={18} />
            </Box>
          )}
          <StepBox step={step} fabric={fabric} />
        </Flex>
      ))}
    </Flex>
  );
}

function StepBox({ step, fabric }: { step: Step; fabric: Fabric }) {
  const { tone } = look(step.status);
  const trouble = step.needs_somebody || tone === "red";
  return (
    <Stack
      flex="1"
      gap={1}
      p={3}
      borderWidth="1px"
      borderRadius="md"
      borderTopWidth="3px"
      borderTopColor={step.enabled ? `${tone}.solid` : "border"}
      bg={trouble ? "bg.subtle" : "bg"}
      fontSize="sm"
      minW={0}
    >
      <HStack justify="space-between">
        <Text fontWeight="semibold">{sentence(step.place)}</Text>
        <Status state={step.status} />
      </HStack>
      {step.enabled ? <Reached step={step} fabric={fabric} /> : <Text color="fg.muted">Not used by this fabric</Text>}
    </Stack>
  );
}

function Reached({ step, fabric }: { step: Step; fabric: Fabric }) {
  const now = useNow();
  return (
    <>
      {step.generation !== null && (
        <Text>
          Generation {step.generation}
          {step.generation < fabric.generation && <chakra.span color="fg.muted"> of {fabric.generation}</chakra.span>}
        </Text>
      )}
      {step.place === "switches" && (
        <Text title={fabric.switches.reason || undefined}>
          {fabric.switches.current} of {fabric.switches.total} up to date
        </Text>
      )}
      {step.revision && (
        <HStack gap={1}>
          <Text fontFamily="mono" fontSize="xs" title={step.revision} truncate>
            {shortRevision(step.revision)}
          </Text>
          <CopyButton text={step.revision} what="the revision" />
        </HStack>
      )}
      {step.place === "git" && fabric.repository && (
        <Text truncate title={fabric.repository.url}>
          <Outside url={fabric.repository.web_url}>
            {fabric.repository.name}/{fabric.repository.directory}
          </Outside>
        </Text>
      )}
      {step.at && (
        <Text color="fg.muted">
          <Time at={step.at} />
        </Text>
      )}
      {step.reason && <Text overflowWrap="anywhere">{step.reason}</Text>}
      {step.waits_for && (
        <Text overflowWrap="anywhere">
          <strong>Waits for:</strong> {step.waits_for}
        </Text>
      )}
      {step.next_look_at && (
        <Text color="fg.muted">
          {new Date(step.next_look_at).getTime() > now ? "Next look" : "Due since"}{" "}
          <Time at={step.next_look_at} full={new Date(step.next_look_at).getTime() <= now} />
          {step.attempts > 0 && `, after ${step.attempts} failed attempts`}
        </Text>
      )}
      {step.run_id && (
        <Text color="fg.muted">
          Last run: <RunLink dag={step.dag_id} run={step.run_id} />
        </Text>
      )}
    </>
  );
}
