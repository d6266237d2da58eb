/** Notes which packages a bundle contains, so that their licences can be listed. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Plugin } from "vite";
import { UI } from "./outputs.ts";

/** A folder of its own below `node_modules`, where nothing is committed. */
export const NOTES = path.join(UI, "node_modules/.packages");

/** `/…/node_modules/@scope/name/dist/x.js` → `/…/node_modules/@scope/name`; null for a file of ours. */
export function packageFolder(moduleId: string): string | null {
  const found = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(moduleId.replace(/^\0/, ""));
  return found?.[1] ?? null;
}

export function packagesUsed(mode: string): Plugin {
  return {
    name: "packages-used",
    apply: "build",
    generateBundle(_options, bundle) {
      const folders = new Set<string>();
      for (const output of Object.values(bundle)) {
        if (output.type !== "chunk") continue;
        for (const [id, rendered] of Object.entries(output.modules)) {
          const folder = packageFolder(id);
          if (folder && rendered.renderedLength > 0) folders.add(folder);
        }
      }
      mkdirSync(NOTES, { recursive: true });
      writeFileSync(path.join(NOTES, `${mode}.json`), JSON.stringify([...folders].sort()));
    },
  };
}
