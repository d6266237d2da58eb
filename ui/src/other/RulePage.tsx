import { Box, HStack, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { rule } from "@/api/queries";
import { CopyButton } from "@/shared/CopyButton";
import { Name } from "@/shared/links";
import { Page } from "@/shared/Page";
import { Status } from "@/shared/Status";
import { Read } from "@/shared/states";

/** What a rule demands, why, and what to do about an object that breaks it. */
export function RulePage({ id }: { id: string }) {
  const query = useQuery(rule(id));
  const title = (
    <HStack gap={2}>
      <Name>{id}</Name>
      <CopyButton text={id} what="the name of the rule" />
    </HStack>
  );
  return (
    <Page title={title} name={`Rule ${id}`}>
      <Read query={query} what="the rule" rows={3}>
        {(found) => (
          <Stack gap={3} maxW="80ch">
            <Box>
              <Status
                state={found.severity === "error" ? "error" : "held"}
                label={
                  found.severity === "error"
                    ? "A cluster refuses the object"
                    : "A cluster accepts it; hardly ever wanted"
                }
              />
            </Box>
            <Text fontWeight="medium">{found.what}</Text>
            <Text>{found.why}</Text>
            <Text>
              <strong>What to do:</strong> {found.fix}
            </Text>
            <Text color="fg.muted">Source: {found.source}</Text>
          </Stack>
        )}
      </Read>
    </Page>
  );
}
