/**
 * Takes pictures of the pages, light and dark, and asks axe about each: `npm run look [page …]`.
 * HEDGEHOG_TEST_BROWSER names the browser; pictures land in node_modules/.look.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium, type Page } from "playwright-core";
import { preview } from "vite";

const UI = path.resolve(import.meta.dirname, "..");
const OUT = path.join(UI, "node_modules/.look");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ROOT = "/plugin/hedgehog";
const FABRIC = `${ROOT}/fabrics/gen-00000`;

const PAGES: Record<string, string> = {
  card: "/?",
  fleet: `${ROOT}?`,
  objects: `${FABRIC}?`,
  topology: `${FABRIC}/topology?`,
  selected: `${FABRIC}/topology?node=Switch/leaf-1&`,
  way: `${FABRIC}/topology?from=server-01&to=server-02&`,
  large: `${FABRIC}/topology?spines=8&leaves=92&servers=1000&`,
  devices: `${FABRIC}/topology?view=list&`,
  plan: `${FABRIC}/plan?`,
  history: `${FABRIC}/history?`,
  change: `${FABRIC}/history?to=12&`,
  timeline: `${FABRIC}/timeline?`,
  event: `${FABRIC}/timeline?event=900&`,
  drift: `${FABRIC}/drift?`,
  problems: `${FABRIC}/problems?`,
  runs: `${FABRIC}/runs?`,
  settings: `${FABRIC}/settings?`,
  object: `${FABRIC}/objects/VPC/default/vpc-1?`,
  edit: `${FABRIC}/objects/VPC/default/vpc-1?edit=1&`,
  all: `${ROOT}/problems?`,
  pulls: `${ROOT}/pull-requests?`,
  inbox: `${ROOT}/inbox?`,
  freezes: `${ROOT}/freezes?`,
  proposals: `${ROOT}/proposals?`,
  proposal: `${ROOT}/proposals/21?`,
  rollouts: `${ROOT}/rollouts?`,
  rollout: `${ROOT}/rollouts/5?`,
  new: `${ROOT}/rollouts/new?`,
  letters: `${ROOT}/dead-letters?`,
  letter: `${ROOT}/dead-letters?letter=17&`,
  health: `${ROOT}/health?`,
  validate: `${ROOT}/validate?`,
  rule: `${ROOT}/rules/vpc-subnet-overlap?`,
  broken: `${ROOT}?break=fleet&`,
  viewer: `${FABRIC}/drift?viewer&`,
  nowhere: `${ROOT}/nowhere?`,
};

/** Pages on which something is pressed first: by the names of buttons, the last one opens what is looked at. */
const PRESSED: Record<string, [address: string, ...buttons: string[]]> = {
  confirm: [`${FABRIC}?`, "Sync to Git"],
  started: [`${FABRIC}?`, "Sync to Git", "Sync to Git"],
  suspend: [`${FABRIC}?`, "Suspend"],
  bulk: [`${ROOT}?`, "Select all 200 loaded rows", "Sync to cluster"],
  freeze: [`${ROOT}?`, "Select all 200 loaded rows", "Freeze"],
  lift: [`${ROOT}/freezes?`, "Lift"],
  window: [`${ROOT}/freezes?`, "New window"],
  rollback: [`${FABRIC}/history?`, "Roll back to generation 2"],
  approve: [`${ROOT}/proposals/21?`, "Approve"],
  back: [`${ROOT}/rollouts/5?`, "Take back"],
  adopt: [`${FABRIC}/drift?`, "Adopt all 2"],
};

interface Violation {
  id: string;
  impact: string | null;
  nodes: { html: string }[];
}

async function violations(page: Page): Promise<Violation[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations;
  });
}

const wanted = process.argv.slice(2);
mkdirSync(OUT, { recursive: true });
const server = await preview({
  root: path.join(UI, "dev"),
  configFile: path.join(UI, "dev/vite.config.ts"),
  preview: { port: 0 },
});
const base = server.resolvedUrls?.local[0];
if (!base) throw new Error("the preview has no address");
const browser = await chromium.launch({
  executablePath: process.env.HEDGEHOG_TEST_BROWSER ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const plain = Object.entries(PAGES).map(([name, address]) => [name, [address]] as const);
for (const [name, [address, ...buttons]] of [...plain, ...Object.entries(PRESSED)]) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const mode of ["light", "dark"]) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const said: string[] = [];
    page.on("console", (message) => message.type() === "error" && said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    page.on("dialog", (dialog) => {
      said.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(new URL(`${address}${mode === "dark" ? "dark" : ""}`, base).href);
    await page.waitForTimeout(2_000);
    for (const button of buttons) {
      const label = page.getByLabel(button).or(page.getByRole("button", { name: button, exact: true }));
      await label.last().click({ force: true });
      await page.waitForTimeout(1_000);
    }
    await page.screenshot({ path: path.join(OUT, `${name}-${mode}.png`), fullPage: true });
    const found = (await violations(page)).filter(({ impact }) => impact === "serious" || impact === "critical");
    for (const one of found)
      said.push(
        `axe ${one.id} (${one.impact}): ${one.nodes
          .slice(0, 3)
          .map((node) => node.html.slice(0, 160))
          .join(" | ")}`,
      );
    console.log(`${name} ${mode}: ${said.length === 0 ? "nothing to say" : ""}`);
    for (const line of said) console.log(`  ${line}`);
    await page.close();
  }
}
await browser.close();
await server.close();
