// Every function of the package ya-disk, against a disk that is empty.
const assert = require('assert');
const https = require('https');
const disk = require('ya-disk');

const token = process.env.EMULATOR_TOKEN;
const folder = process.env.EMULATOR_NAME;

const put = (href, text) => new Promise((resolve, reject) => {
  const req = https.request(href, { method: 'PUT' }, (res) => res.resume().on('end', () => resolve(res.statusCode)));
  req.on('error', reject);
  req.end(text);
});

const get = (href) => new Promise((resolve, reject) => {
  https.get(href, (res) => {
    if (res.statusCode === 302) {
      res.resume();
      resolve(get(res.headers.location));
      return;
    }
    let text = '';
    res.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text));
  }).on('error', reject);
});

const settled = async (answer) => {
  if (answer.status !== 202) return;
  const id = answer.data.href.split('/').pop();
  for (let i = 0; i < 100; i++) {
    const { status } = await disk.operations(token, id);
    if (status !== 'in-progress') {
      assert.strictEqual(status, 'success');
      return;
    }
  }
  assert.fail('the operation does not end');
};

(async () => {
  const info = await disk.info(token);
  assert.ok(info.total_space > info.used_space);
  await disk.resources.create(token, `disk:/${folder}`);
  await assert.rejects(disk.resources.create(token, `disk:/${folder}`), { name: 'DiskPathPointsToExistentDirectoryError' });
  const { href } = await disk.upload.link(token, `disk:/${folder}/a.txt`, true);
  assert.strictEqual(await put(href, 'hello'), 201);
  const meta = await disk.meta.get(token, `disk:/${folder}/a.txt`);
  assert.strictEqual(meta.size, 5);
  const patched = await disk.meta.add(token, `disk:/${folder}/a.txt`, { color: 'red' });
  assert.deepStrictEqual(patched.custom_properties, { color: 'red' });
  const link = await disk.download.link(token, `disk:/${folder}/a.txt`);
  assert.strictEqual(await get(link.href), 'hello');
  await settled(await disk.resources.copy(token, `disk:/${folder}`, `disk:/${folder} copied`));
  await settled(await disk.resources.move(token, `disk:/${folder} copied`, `disk:/${folder} moved`));
  const listed = await disk.meta.get(token, `disk:/${folder} moved`, { limit: 10, sort: 'name' });
  assert.deepStrictEqual(listed._embedded.items.map((item) => item.name), ['a.txt']);
  assert.strictEqual((await disk.list(token, { limit: 10 })).items.length, 2);
  assert.strictEqual((await disk.recent(token, { limit: 10 })).items.length, 2);
  await disk.upload.remoteFile(token, 'http://example.com/web.txt', `disk:/${folder}/web.txt`);
  await settled(await disk.resources.remove(token, `disk:/${folder} moved`, true));
  await assert.rejects(disk.meta.get(token, `disk:/${folder} moved`), { name: 'DiskNotFoundError' });
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
