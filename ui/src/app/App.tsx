import { Box } from "@chakra-ui/react";
import { QueryClientProvider } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLive } from "@/api/live";
import { Dialogs } from "@/shared/dialogs";
import { Looks } from "@/shared/Looks";
import { Boundary } from "./Boundary";
import { client } from "./client";
import { Navigation } from "./Navigation";
import { Pages } from "./Pages";

/** Our pages below `/plugin/hedgehog`, inside Airflow's frame. */
export function App() {
  // Away from our pages nobody is told what changes.
  useEffect(() => () => client.clear(), []);
  return (
    <QueryClientProvider client={client}>
      <Shell />
    </QueryClientProvider>
  );
}

function Shell() {
  useLive();
  return (
    <Box data-hedgehog="" p={4} w="100%" fontSize="sm" maxW="100%" overflowX="hidden">
      <Looks />
      <Navigation />
      <Dialogs>
        <Boundary>
          <Pages />
        </Boundary>
      </Dialogs>
    </Box>
  );
}
