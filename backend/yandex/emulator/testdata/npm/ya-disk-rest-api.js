// The functions of the package ya-disk-rest-api, against a disk that is empty.
const assert = require('assert');
const { Readable } = require('stream');
const { YaDisk, YaOauth } = require('ya-disk-rest-api');

const folder = process.env.EMULATOR_NAME;

(async () => {
  const grant = await new YaOauth('some-client', 'some-secret').refreshToken({ refreshToken: process.env.EMULATOR_REFRESH });
  assert.strictEqual(grant.token_type, 'bearer');
  const disk = new YaDisk(`OAuth ${grant.access_token}`);
  assert.ok((await disk.getDiskMetadata()).total_space > 0);
  assert.strictEqual(await disk.isDirExist(`disk:/${folder}`), false);
  await disk.createDir(`disk:/${folder}`);
  assert.strictEqual(await disk.isDirExist(`disk:/${folder}`), true);
  await disk.upload({ path: `disk:/${folder}/b.txt`, file: Readable.from(['streamed ', 'in pieces']), overwrite: false });
  assert.strictEqual((await disk.getItemMetadata({ path: `disk:/${folder}/b.txt`, fields: 'size,md5' })).size, 18);
  await assert.rejects(disk.upload({ path: `disk:/${folder}/b.txt`, file: Readable.from(['x']), overwrite: false }), (e) => disk.isHttpError(e) && e.code === 409);
  await disk.updateItemMetadata({ path: `disk:/${folder}/b.txt`, body: { custom_properties: { n: 42 } } });
  await disk.copy({ from: `disk:/${folder}/b.txt`, to: `disk:/${folder}/c.txt`, overwrite: false });
  await disk.move({ from: `disk:/${folder}/c.txt`, to: `disk:/${folder}/d.txt`, overwrite: false });
  assert.deepStrictEqual((await disk.getItemsList({ limit: 10, mediaType: 'document', sort: 'name', fields: 'items.name' })).items, [{ name: 'b.txt' }, { name: 'd.txt' }]);
  await disk.publish({ path: `disk:/${folder}/b.txt` });
  const published = await disk.getPublicItemsList({ limit: 10, type: 'file' });
  assert.match(published.items[0].public_url, /^https:\/\/yadi\.sk\/d\//);
  await disk.unpublish({ path: `disk:/${folder}/b.txt` });
  assert.strictEqual((await disk.getPublicItemsList({ limit: 10 })).items.length, 0);
  assert.strictEqual((await disk.getLastUploadedItemsList({ limit: 1 })).items.length, 1);
  assert.match((await disk.getDownloadUrl({ path: `disk:/${folder}/b.txt` })).href, /^https:\/\/downloader\.disk\.yandex\.ru\//);
  await disk.remove({ path: `disk:/${folder}/d.txt`, permanently: false });
  const trash = await disk.getTrash({ limit: 10 });
  assert.strictEqual(trash._embedded.items[0].origin_path, `disk:/${folder}/d.txt`);
  await disk.clearTrash({ path: trash._embedded.items[0].path });
  assert.strictEqual((await disk.getTrash())._embedded.total, 0);
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
