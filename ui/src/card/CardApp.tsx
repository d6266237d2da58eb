import { Box, HStack, Link, Text } from "@chakra-ui/react";
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link as RouterLink } from "react-router-dom";
import { useLive } from "@/api/live";
import { fleetCounters } from "@/api/queries";
import type { FleetCounters, FleetState } from "@/api/types";
import { makeQueryClient } from "@/app/cache";
import { ROOT } from "@/shared/addresses";
import { Looks } from "@/shared/Looks";
import { Status } from "@/shared/Status";
import { counted } from "@/shared/words";

/** Nobody acts on the home page, so it need not know within two seconds. */
const EVERY = 10_000;

/** One line on Airflow's home page: how the fleet is, and what needs somebody. */
export function CardApp() {
  const [client] = useState(makeQueryClient);
  return (
    <QueryClientProvider client={client}>
      <Card />
    </QueryClientProvider>
  );
}

const SHOWN: readonly { state: FleetState; looks: string; word: string }[] = [
  { state: "needs_somebody", looks: "error", word: "need somebody" },
  { state: "degraded", looks: "Degraded", word: "degraded" },
  { state: "missing", looks: "Missing", word: "missing something" },
  { state: "parked", looks: "parked", word: "parked" },
  { state: "drifted", looks: "drifted", word: "drifted" },
  { state: "held", looks: "held", word: "held" },
  { state: "syncing", looks: "syncing", word: "syncing" },
  { state: "suspended", looks: "suspended", word: "suspended" },
];

function Card() {
  useLive(EVERY);
  const { data, error } = useQuery(fleetCounters({}));
  if (error && !data) return null; // without the permission, or while it cannot be read: Airflow's page stays as it is
  if (!data) return <Box h="46px" />;
  return (
    <HStack
      as="section"
      aria-label="Hedgehog fabrics"
      data-hedgehog=""
      borderWidth="1px"
      borderRadius="md"
      px={4}
      py={2}
      mb={3}
      gap={4}
      wrap="wrap"
      fontSize="sm"
    >
      <Looks />
      <Go to={ROOT}>
        <Text fontWeight="semibold">Hedgehog</Text>
      </Go>
      <Text color="fg.muted">
        {counted(data.total, "fabric")}, {data.states.in_sync ?? 0} in sync
      </Text>
      <States counters={data} />
    </HStack>
  );
}

function States({ counters }: { counters: FleetCounters }) {
  const shown = SHOWN.filter(({ state }) => (counters.states[state] ?? 0) > 0);
  if (shown.length === 0) return <Status state="Healthy" label="Nothing needs anybody" />;
  return shown.map(({ state, looks, word }) => (
    <Go key={state} to={`${ROOT}?state=${state}`}>
      <Status state={looks} label={`${counters.states[state]} ${word}`} />
    </Go>
  ));
}

function Go({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link asChild variant="plain">
      <RouterLink to={to}>{children}</RouterLink>
    </Link>
  );
}
