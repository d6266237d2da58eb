/** The pages without Airflow, on answers made up here: to look at them while they are written. Never shipped. */
import path from "node:path";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  resolve: { alias: { "@": path.resolve(import.meta.dirname, "../src") } },
  build: {
    outDir: process.env.HEDGEHOG_UI_OUT ?? "../node_modules/.dev",
    emptyOutDir: true,
    chunkSizeWarningLimit: 4096,
  },
});
