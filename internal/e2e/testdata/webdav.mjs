// Drives the npm package "webdav", which is under Obsidian Remotely Save and
// many others, through what those programs do. Arguments: package folder, URL.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";

const [folder, url] = process.argv.slice(2);
const require = createRequire(pathToFileURL(folder + "/"));
const { createClient } = await import(pathToFileURL(require.resolve("webdav")));
const client = createClient(url);
const hostile = "/vault/Заметка №1 & 100%.md";

await client.createDirectory("/vault");
assert.equal(await client.exists("/vault"), true);
assert.equal(await client.exists("/nothing"), false);
assert.equal(await client.putFileContents(hostile, "one"), true);
assert.equal(await client.putFileContents(hostile, "two", { overwrite: false }), false, "overwrite: false must not overwrite");
assert.equal(await client.getFileContents(hostile, { format: "text" }), "one");
const stat = await client.stat(hostile);
assert.equal(stat.size, 3);
assert.ok(stat.etag);
await client.copyFile(hostile, "/vault/copy.md");
await client.moveFile("/vault/copy.md", "/moved.md");
const listing = await client.getDirectoryContents("/vault");
assert.deepEqual(listing.map((f) => f.filename), [hostile]);
const lock = await client.lock("/moved.md");
await client.unlock("/moved.md", lock.token);
const part = await new Promise((resolve, reject) => {
  const chunks = [];
  client.createReadStream(hostile, { range: { start: 1, end: 2 } }).on("data", (c) => chunks.push(c)).on("end", () => resolve(Buffer.concat(chunks).toString())).on("error", reject);
});
assert.equal(part, "ne");
assert.equal(await client.getQuota(), null, "it asks for all properties, which the space is not among");
const space = await client.customRequest("/", {
  method: "PROPFIND",
  headers: { Depth: "0" },
  data: '<propfind xmlns="DAV:"><prop><quota-available-bytes/></prop></propfind>',
});
assert.match(await space.text(), /<D:quota-available-bytes>[1-9]\d*</);
await assert.rejects(client.getDirectoryContents("/", { deep: true }), { status: 403 });
await assert.rejects(client.partialUpdateFileContents("/moved.md", 0, 1, "tw"), "no partial update is claimed");
assert.equal(await client.getFileContents("/moved.md", { format: "text" }), "one");
await client.deleteFile("/moved.md");
console.log("done");
