/** Stands in for Airflow: theme, router, colour mode, and an API that answers from fixtures. */
import { Box, ChakraProvider, createSystem, defaultConfig } from "@chakra-ui/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, useLocation } from "react-router-dom";
import { App } from "@/app/App";
import { CardApp } from "@/card/CardApp";
import { answer } from "./answers";

const real = window.fetch.bind(window);

window.fetch = async (input, init) => {
  const request = new Request(input, init);
  const { pathname, searchParams } = new URL(request.url);
  const at = pathname.indexOf("/hedgehog/api/v1/");
  if (at < 0) return real(input, init);
  const body: unknown = request.method === "POST" ? await request.json() : undefined;
  return answer(request.method, pathname.slice(at + "/hedgehog/api/v1".length), searchParams, body);
};

/** As Airflow does: its brand colour, small buttons. */
const system = createSystem(defaultConfig, {
  theme: { recipes: { button: { base: { colorPalette: "blue" }, defaultVariants: { size: "sm" } } } },
});

const isDark = new URLSearchParams(location.search).has("dark");
document.documentElement.classList.add(isDark ? "dark" : "light");
document.documentElement.style.colorScheme = isDark ? "dark" : "light";

function Page() {
  return (
    <Box as="main" bg="bg" color="fg" minH="100vh">
      {useLocation().pathname === "/" ? <CardApp /> : <App />}
    </Box>
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("dev/index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <ChakraProvider value={system}>
      <BrowserRouter>
        <Page />
      </BrowserRouter>
    </ChakraProvider>
  </StrictMode>,
);
