// Opens one HTML file the way readers do (desk and phone, light and dark, print) and prints what is wrong as JSON.
//
//   node look.mjs CHROMIUM FILE SCREENSHOTS
//
// The answer: [{view, console, requests, violations, overflow, sections}], one entry per view. Screenshots go to the
// folder SCREENSHOTS. axe-core is injected as a string, because the report's own policy forbids scripts.

import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, file, screenshots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const url = pathToFileURL(file).href;

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const TALLEST = 4000;
const VIEWS = [
  { view: "desk-light", viewport: DESK, colorScheme: "light" },
  { view: "desk-dark", viewport: DESK, colorScheme: "dark" },
  { view: "phone-light", viewport: PHONE, colorScheme: "light" },
  { view: "phone-dark", viewport: PHONE, colorScheme: "dark" },
  { view: "print", viewport: DESK, colorScheme: "light", media: "print" },
];

// A picture of the page, or of the first element that matches, from its top; a whole report is too tall for one picture.
async function shot(page, path, selector = "body") {
  const element = page.locator(selector).first();
  if (!(await element.count())) return;
  const box = await element.boundingBox();
  if (box) await page.screenshot({ path, fullPage: true, clip: { ...box, height: Math.min(box.height, TALLEST) } });
}

async function look(browser, { view, viewport, colorScheme, media }) {
  // bypassCSP lets axe in; that the page needs no script is seen in a second context with scripts off.
  const context = await browser.newContext({ viewport, colorScheme, bypassCSP: true, reducedMotion: "reduce" });
  const page = await context.newPage();
  const found = { view, console: [], requests: [], violations: [], overflow: 0 };
  page.on("console", (message) => found.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => found.console.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) found.requests.push(request.url());
  });
  await page.goto(url);
  if (media) await page.emulateMedia({ media });
  await page.screenshot({ path: join(screenshots, `${view}-first.png`) });
  await shot(page, join(screenshots, `${view}-top.png`));
  found.overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (!media) {
    // What is folded has to be as good as what is open.
    await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
    await shot(page, join(screenshots, `${view}-experiment.png`), "article");
  }
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  found.violations = result.violations.map(({ id, help, nodes }) => ({
    id,
    help,
    count: nodes.length,
    where: nodes.slice(0, 5).map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`),
  }));
  await context.close();
  return found;
}

async function withoutScripts(browser) {
  const context = await browser.newContext({ viewport: DESK, javaScriptEnabled: false });
  const page = await context.newPage();
  const found = { view: "no-script", console: [], requests: [], violations: [], overflow: 0 };
  page.on("console", (message) => found.console.push(`${message.type()}: ${message.text()}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) found.requests.push(request.url());
  });
  await page.goto(url);
  await page.pdf({ path: join(screenshots, "print.pdf"), preferCSSPageSize: true, format: "A4" });
  found.heading = await page.locator("h1").innerText();
  await context.close();
  return found;
}

mkdirSync(screenshots, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const found = [];
  for (const view of VIEWS) found.push(await look(browser, view));
  found.push(await withoutScripts(browser));
  console.log(JSON.stringify(found));
} finally {
  await browser.close();
}
