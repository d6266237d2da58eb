import { Box, chakra, Flex, HStack, Stack, Text } from "@chakra-ui/react";
import { ArrowRight } from "lucide-react";
import type { Fabric, Step } from "@/api/types";
import { TraceLine } from "@/history/TraceLine";
import { CopyButton } from "@/shared/CopyButton";
import { Outside, RunLink } from "@/shared/links";
import { Status } from "@/shared/Status";
import { Time } from "@/shared/Time";
import { useNow } from "@/shared/times";
import { look, sentence, shortRevision } from "@/shared/words";

/** Database → Git → cluster → switches: what each has reached, what is waited for, and the last change on this way. */
export function Pipeline({ fabric }: { fabric: Fabric }) {
  return (
    <Stack gap={3}>
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
      <TraceLine fabric={fabric.name} />
    </Stack>
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
  return (
    <>
      <Text>
        {step.generation !== null && `Generation ${step.generation}`}
        {step.generation !== null && step.generation < fabric.generation && (
          <chakra.span color="fg.muted"> of {fabric.generation}</chakra.span>
        )}
        {step.at && (
          <chakra.span color="fg.muted">
            {step.generation !== null && " · "}
            <Time at={step.at} />
          </chakra.span>
        )}
      </Text>
      {step.place === "switches" && (
        <Text title={fabric.switches.reason || undefined}>
          {fabric.switches.total === 0
            ? "None are known"
            : `${fabric.switches.current} of ${fabric.switches.total} up to date`}
        </Text>
      )}
      <Place step={step} fabric={fabric} />
      {step.reason && step.status !== "converged" && (
        <Text overflowWrap="anywhere" lineClamp={3} title={step.reason}>
          {step.reason}
        </Text>
      )}
      {step.waits_for && (
        <Text overflowWrap="anywhere">
          <strong>Waits for:</strong> {step.waits_for}
        </Text>
      )}
      <Looks step={step} />
    </>
  );
}

/** The revision that a place has, and where it can be read. */
function Place({ step, fabric }: { step: Step; fabric: Fabric }) {
  if (!step.revision) return null;
  return (
    <HStack gap={1}>
      <Text fontFamily="mono" fontSize="xs" title={step.revision} whiteSpace="nowrap">
        {shortRevision(step.revision)}
      </Text>
      <CopyButton text={step.revision} what="the revision" />
      {step.place === "git" && fabric.repository && (
        <Text truncate title={fabric.repository.url}>
          <Outside url={fabric.repository.web_url}>
            {fabric.repository.name}/{fabric.repository.directory}
          </Outside>
        </Text>
      )}
    </HStack>
  );
}

/** When a run looks at the place again, and which one did last. */
function Looks({ step }: { step: Step }) {
  const now = useNow();
  if (!step.next_look_at && !step.run_id) return null;
  const isDue = step.next_look_at !== null && new Date(step.next_look_at).getTime() <= now;
  return (
    <Text color="fg.muted">
      {step.next_look_at && (
        <>
          {isDue ? "Due since" : "Next look"} <Time at={step.next_look_at} full={isDue} />
          {step.attempts > 0 && `, after ${step.attempts} failed attempts`}
          {step.run_id && " · "}
        </>
      )}
      {step.run_id && (
        <>
          Last run: <RunLink dag={step.dag_id} run={step.run_id} />
        </>
      )}
    </Text>
  );
}
