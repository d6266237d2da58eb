/**
 * Two bundles: the pages, and the small card of Airflow's home page, which must not load the pages' code.
 *
 * Airflow loads a bundle with `import()` and then takes `globalThis[name]`. React, Chakra and the router are those of
 * Airflow, which it offers as globals: with copies of our own, its theme, colour mode and router would not reach us.
 */
import path from "node:path";
import { esmExternalRequirePlugin } from "vite";
import { defineConfig } from "vitest/config";
import { STATIC } from "./build/outputs.ts";
import { packagesUsed } from "./build/packages.ts";

const GLOBALS: Record<string, string> = {
  react: "React",
  "react-dom": "ReactDOM",
  "react/jsx-runtime": "ReactJSXRuntime",
  "react-router-dom": "ReactRouterDOM",
  "@chakra-ui/react": "ChakraUI",
  "@emotion/react": "EmotionReact",
};

export default defineConfig(({ mode }) => ({
  resolve: { alias: { "@": path.resolve(import.meta.dirname, "src") } },
  define: mode === "test" ? {} : { "process.env.NODE_ENV": JSON.stringify("production") },
  publicDir: false,
  plugins: [
    packagesUsed(mode),
    // A CommonJS package asks for React with `require`, which browsers do not have.
    esmExternalRequirePlugin({ external: Object.keys(GLOBALS) }),
  ],
  build: {
    outDir: process.env.HEDGEHOG_UI_OUT ?? STATIC,
    emptyOutDir: false,
    target: "es2022",
    sourcemap: false,
    lib: { entry: `src/${mode}.tsx`, formats: ["iife"], name: "hedgehog", fileName: () => `${mode}.js` },
    rolldownOptions: {
      output: { globals: GLOBALS },
      // "use client" of libraries is meant for servers that draw pages; none does here.
      checks: { moduleLevelDirective: false },
    },
  },
  test: { include: ["tests/**/*.test.{ts,tsx}"], environment: "node", isolate: false, testTimeout: 60_000 },
}));
