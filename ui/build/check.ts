/** Fails when the committed bundles, licences or types are not those that the sources give, or a bundle is too large. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { BUNDLES, gzippedSize, LARGEST_BUNDLE, LICENCES, STATIC, UI } from "./outputs.ts";

const SCHEMA = "src/api/schema.d.ts";
const problems: string[] = [];

function run(tool: string, args: string[], out: string): void {
  const env = { ...process.env, HEDGEHOG_UI_OUT: out };
  execFileSync(process.execPath, [tool, ...args], { cwd: UI, env, stdio: ["ignore", "ignore", "inherit"] });
}

function compare(made: string, committed: string): void {
  if (!readFileSync(made).equals(readFileSync(committed))) {
    problems.push(`${path.relative(UI, committed)} is not what the sources give: run \`make ui\``);
  }
}

const out = mkdtempSync(path.join(tmpdir(), "hedgehog-ui-"));
try {
  const schema = path.join(out, "schema.d.ts");
  run("node_modules/openapi-typescript/bin/cli.js", ["../docs/openapi.json", "-o", schema], out);
  compare(schema, path.join(UI, SCHEMA));
  for (const bundle of BUNDLES) {
    run("node_modules/vite/bin/vite.js", ["build", "--logLevel", "warn", "--mode", bundle.replace(".js", "")], out);
  }
  run("build/licences.ts", [], out);
  for (const name of [...BUNDLES, LICENCES]) compare(path.join(out, name), path.join(STATIC, name));
  for (const bundle of BUNDLES) {
    const size = gzippedSize(path.join(out, bundle));
    console.log(`${bundle}: ${Math.round(size / 1024)} kB gzipped`);
    if (size > LARGEST_BUNDLE) problems.push(`${bundle} has ${size} bytes gzipped, more than ${LARGEST_BUNDLE}`);
  }
} finally {
  rmSync(out, { recursive: true });
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
