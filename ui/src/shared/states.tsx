/** What a page shows while it has nothing to show: it is loading, there is nothing, or it could not be read. */
import { Alert, Box, Button, EmptyState, Skeleton, Stack, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";
import { ApiError } from "@/api/client";

export function Loading({ rows = 6, what }: { rows?: number; what: string }) {
  return (
    <Stack gap={2} role="status" aria-label={`Loading ${what}`} py={2}>
      {Array.from({ length: rows }, (_, row) => `row-${row}`).map((key) => (
        <Skeleton key={key} height="32px" />
      ))}
    </Stack>
  );
}

export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <EmptyState.Root size="sm">
      <EmptyState.Content>
        <EmptyState.Title fontSize="md">{title}</EmptyState.Title>
        {children && <EmptyState.Description textAlign="center">{children}</EmptyState.Description>}
      </EmptyState.Content>
    </EmptyState.Root>
  );
}

const TITLES: Record<number, string> = {
  401: "You are no longer logged in",
  403: "You may not do this",
  404: "This does not exist",
  409: "It changed in the meantime",
  503: "The fabric database does not answer",
};

/** What went wrong, in the words of the API, with the way on. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiError ? error : null;
  const title = (known && (TITLES[known.status] ?? known.problem?.title)) ?? "Airflow does not answer";
  const detail = known
    ? known.message
    : "The request did not reach the server. It is tried again when you press Retry.";
  return (
    <Alert.Root status="error" my={2}>
      <Alert.Indicator />
      <Alert.Content>
        <Alert.Title>{title}</Alert.Title>
        <Alert.Description>
          <Text overflowWrap="anywhere">{detail}</Text>
          {known?.problem?.errors?.map((one) => (
            <Text key={one.pointer}>
              {one.pointer}: {one.detail}
            </Text>
          ))}
          {retry && (
            <Box mt={2}>
              <Button size="xs" variant="outline" onClick={retry}>
                Retry
              </Button>
            </Box>
          )}
        </Alert.Description>
      </Alert.Content>
    </Alert.Root>
  );
}

interface ReadProps<Data> {
  query: { data: Data | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  what: string;
  rows?: number;
  children: (data: Data) => ReactNode;
}

/** The children with the data, or what keeps it away. Data that was read before stays while a later reading fails. */
export function Read<Data>({ query, what, rows, children }: ReadProps<Data>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error ? <Failure error={query.error} retry={() => query.refetch()} /> : null}
        {children(query.data)}
      </>
    );
  }
  if (query.error) return <Failure error={query.error} retry={() => query.refetch()} />;
  return <Loading what={what} {...(rows && { rows })} />;
}
