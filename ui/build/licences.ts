/** Writes the licences of all packages in the bundles beside them, as most of these licences ask. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BUNDLES, LICENCES, STATIC } from "./outputs.ts";
import { NOTES } from "./packages.ts";

const out = process.env.HEDGEHOG_UI_OUT ?? STATIC;

function licenceText(folder: string): string {
  const name = readdirSync(folder).find((file) => /^licen[cs]e(\.(md|txt))?$/i.test(file));
  if (!name) throw new Error(`${folder} has no licence file: look up its licence before it is bundled`);
  return readFileSync(path.join(folder, name), "utf8")
    .trim()
    .replace(/\r\n/g, "\n")
    .replace(/[ \t]+$/gm, "");
}

const folders = new Set<string>();
for (const bundle of BUNDLES) {
  const note = path.join(NOTES, bundle.replace(/\.js$/, ".json"));
  if (!existsSync(note)) throw new Error(`${note} is missing: build the bundles first`);
  for (const folder of JSON.parse(readFileSync(note, "utf8")) as string[]) folders.add(folder);
}
const parts = [...folders].map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return { name: name as string, text: `${name} ${version} (${license})\n\n${licenceText(folder)}\n` };
});
parts.sort((one, other) => (one.name < other.name ? -1 : 1));
const head = `Packages in ${BUNDLES.join(" and ")}, with their licences\n`;
writeFileSync(path.join(out, LICENCES), [head, ...parts.map((part) => part.text)].join(`\n${"-".repeat(80)}\n\n`));
