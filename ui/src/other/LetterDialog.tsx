import { CloseButton, Dialog, HStack, Portal, Stack, Text } from "@chakra-ui/react";
import type { DeadLetter } from "@/api/types";
import { CodeBlock } from "@/shared/CodeBlock";
import { RunLink } from "@/shared/links";
import { Status } from "@/shared/Status";
import { Read } from "@/shared/states";
import { Time } from "@/shared/Time";
import { toYaml } from "@/shared/yaml";
import { LetterActions } from "./DeadLettersPage";

interface Props {
  id: number;
  query: { data: DeadLetter | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  close: () => void;
}

/** One dead letter, whatever became of it. */
export function LetterDialog({ id, query, close }: Props) {
  return (
    <Dialog.Root open size="lg" scrollBehavior="inside" onOpenChange={({ open }) => open || close()}>
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content>
            <Dialog.Header>
              <Dialog.Title>Dead letter {id}</Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              <Read query={query} what={`dead letter ${id}`}>
                {(letter) => <Letter letter={letter} />}
              </Read>
            </Dialog.Body>
            <Dialog.Footer>{query.data?.closed_at === null && <LetterActions letters={[query.data]} />}</Dialog.Footer>
            <Dialog.CloseTrigger asChild>
              <CloseButton size="sm" colorPalette="gray" aria-label="Close" />
            </Dialog.CloseTrigger>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}

function Letter({ letter }: { letter: DeadLetter }) {
  return (
    <Stack gap={3}>
      <HStack gap={3} wrap="wrap">
        <Status state={letter.status} />
        <Text>{letter.fabric}</Text>
        <Text color="fg.muted">
          {letter.attempts} attempts, from <Time at={letter.first_failed_at} full /> to{" "}
          <Time at={letter.last_failed_at} full />
        </Text>
        <RunLink dag={letter.dag_id} run={letter.run_id} />
      </HStack>
      <Text overflowWrap="anywhere">
        {letter.error_class && <strong>{letter.error_class}: </strong>}
        {letter.message}
      </Text>
      {letter.closed_at && (
        <Text>
          Closed <Time at={letter.closed_at} full /> by {letter.closed_by ?? "nobody that is known"}
          {letter.note && `: ${letter.note}`}
        </Text>
      )}
      <CodeBlock label="What its run was given" text={toYaml(letter.conf)} />
    </Stack>
  );
}
