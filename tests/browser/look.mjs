// Opens one HTML file the way readers do (desk and phone, light and dark, print, without scripts) and prints what is
// wrong as JSON.
//
//   node look.mjs CHROMIUM FILE SCREENSHOTS
//
// The answer is a list with one entry per view: {view, console, requests, violations, overflow, heading}. Screenshots
// go to the folder SCREENSHOTS. axe-core is injected past the report's own policy, which forbids every script.

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
const VIEWS = [
  { view: "desk-light", viewport: DESK, colorScheme: "light" },
  { view: "desk-dark", viewport: DESK, colorScheme: "dark" },
  { view: "phone-light", viewport: PHONE, colorScheme: "light" },
  { view: "phone-dark", viewport: PHONE, colorScheme: "dark" },
  { view: "print", viewport: DESK, colorScheme: "dark", media: "print" },
  { view: "no-script", viewport: DESK, colorScheme: "light", javaScriptEnabled: false },
];
// A whole report is too tall for one picture.
const TALLEST = 4000;

async function shot(page, view, part, selector) {
  const element = page.locator(selector).first();
  if (!(await element.count())) return;
  const box = await element.boundingBox();
  const clip = { ...box, height: Math.min(box.height, TALLEST) };
  await page.screenshot({ path: join(screenshots, `${view}-${part}.png`), fullPage: true, clip, timeout: 120_000 });
}

async function violations(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return result.violations.map(({ id, help, nodes }) => ({
    id,
    help,
    count: nodes.length,
    where: nodes.slice(0, 5).map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`),
  }));
}

async function look(browser, { view, viewport, colorScheme, media, javaScriptEnabled = true }) {
  const settings = { viewport, colorScheme, javaScriptEnabled, bypassCSP: javaScriptEnabled };
  const context = await browser.newContext({ ...settings, reducedMotion: "reduce" });
  const page = await context.newPage();
  const found = { view, console: [], requests: [], violations: [], overflow: 0 };
  page.on("console", (message) => found.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => found.console.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) found.requests.push(request.url());
  });
  await page.goto(url);
  found.heading = await page.locator("h1").innerText();
  if (media) await page.emulateMedia({ media });
  await page.screenshot({ path: join(screenshots, `${view}-first.png`), timeout: 120_000 });
  if (javaScriptEnabled) {
    found.overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    await shot(page, view, "top", "body");
    // What is folded has to be as good as what is open.
    await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
    await shot(page, view, "experiment", "article");
    found.violations = await violations(page);
  } else {
    await page.pdf({ path: join(screenshots, "print.pdf"), format: "A4" });
  }
  await context.close();
  return found;
}

mkdirSync(screenshots, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const found = [];
  for (const view of VIEWS) found.push(await look(browser, view));
  console.log(JSON.stringify(found));
} finally {
  await browser.close();
}
