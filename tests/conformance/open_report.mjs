// Opens a file in headless Chromium and prints what a reader would meet: errors, requests, focus order, overflow.
// Arguments: the folder of node_modules, the file, a folder for screenshots.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [modules, file, shots] = process.argv.slice(2);
const require = createRequire(path.join(modules, "package.json"));
const load = async (name) => (await import(pathToFileURL(require.resolve(name)))).default;
const puppeteer = await load("puppeteer-core");
const chromium = await load("@sparticuz/chromium");

const browser = await puppeteer.launch({
  executablePath: await chromium.executablePath(),
  args: [...chromium.args, "--allow-file-access-from-files"],
  headless: "shell",
});
const found = { errors: [], requests: [], widths: {}, focused: [], toggled: null, contrast: null };
try {
  const page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && found.errors.push(message.text()));
  page.on("pageerror", (error) => found.errors.push(String(error)));
  page.on("request", (request) => found.requests.push(request.url()));
  for (const width of [320, 1400]) {
    await page.setViewport({ width, height: 900 });
    await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
    found.widths[width] = await page.evaluate(() => document.documentElement.scrollWidth);
    await page.screenshot({ path: path.join(shots, `report-${width}.png`) });
  }
  for (let step = 0; step < 12; step++) {
    await page.keyboard.press("Tab");
    found.focused.push(await page.evaluate(() => document.activeElement.tagName));
  }
  found.toggled = await page.evaluate(async () => {
    const box = document.querySelector('[data-verdict="pass"]');
    const row = document.querySelector('[data-is="pass"]');
    box.focus();
    return { before: row.hidden };
  });
  await page.keyboard.press("Space");
  found.toggled.after = await page.evaluate(() => document.querySelector('[data-is="pass"]').hidden);
  await page.evaluate(() => document.querySelector("details summary").focus());
  const isOpen = () => page.evaluate(() => document.querySelector("details").open);
  const before = await isOpen();
  await page.keyboard.press("Enter");
  found.opened = before !== (await isOpen());
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
