// firefox.mjs FOLDER FIREFOX URL FILE: goes through the page in Firefox, as a
// person would. FOLDER has puppeteer-core.
import { createRequire } from "node:module";
const [, , folder, executablePath, url, file] = process.argv;
const puppeteer = createRequire(folder + "/")("puppeteer-core");
const browser = await (puppeteer.default ?? puppeteer).launch({ browser: "firefox", executablePath, headless: true, protocolTimeout: 120_000 });
try {
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.setDefaultTimeout(120_000);
  await page.goto(url);
  await page.waitForSelector("html[data-ready='1']");
  const names = (...want) => page.waitForFunction((list) => JSON.stringify([...document.querySelectorAll("#list .row a")].map((a) => a.textContent)) === list, {}, JSON.stringify(want));
  const press = async (label) => {
    const found = await page.waitForFunction((words) => [...document.querySelectorAll("button")].find((b) => b.checkVisibility() && [b.textContent.trim(), b.getAttribute("aria-label")].includes(words)), {}, label);
    await found.asElement().click();
  };

  await names("Folder", "a.txt", "b.txt");
  await (await page.$("#pick-files")).uploadFile(file);
  await names("Folder", "a.txt", "b.txt", "uploaded.txt");
  await press("New folder");
  await page.waitForSelector("input.rename");
  await page.keyboard.type("Made");
  await page.keyboard.press("Enter");
  await names("Folder", "Made", "a.txt", "b.txt", "uploaded.txt");

  await (await page.$("#list .row:nth-child(3) input")).click();
  await page.waitForSelector(".row[aria-selected=true]");
  await page.keyboard.press("F2");
  await page.waitForSelector("input.rename");
  await page.keyboard.type("renamed");
  await page.keyboard.press("Enter");
  await names("Folder", "Made", "b.txt", "renamed.txt", "uploaded.txt");
  await page.keyboard.press("Escape");
  await (await page.$("#list .row:nth-child(3) input")).click();
  await press("Delete");
  await names("Folder", "Made", "renamed.txt", "uploaded.txt");
  await press("Undo");
  await names("Folder", "Made", "b.txt", "renamed.txt", "uploaded.txt");
  await (await page.$("#list .row:nth-child(3) input")).click();
  await press("Delete");
  await names("Folder", "Made", "renamed.txt", "uploaded.txt");

  await (await page.$("#list .row:nth-child(1) a")).click();
  await names("in.txt");
  await (await page.$("#list .row a")).click();
  await page.waitForFunction(() => document.querySelector(".viewer pre")?.textContent === "in");
  await page.keyboard.press("Escape");
  await page.goBack();
  await names("Folder", "Made", "renamed.txt", "uploaded.txt");
  if (faults.length) throw new Error(faults.join("\n"));
  console.log("done");
} finally {
  await browser.close();
}
