import assert from "node:assert/strict";
import { join } from "node:path";
import { type ArtifactStore, makeArtifact } from "../../../pipeline/model/artifact.ts";
import { createFolderStore } from "../../../pipeline/model/artifact_folder.ts";
import { createCachedArtifacts } from "../../../pipeline/model/cached_artifacts.ts";
import { fakeGcs, versitygw } from "../../fleet/object_servers.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { artifactsAt, testKeys } from "../../support/object_stores.ts";
import { serveGcs, serveS3 } from "../../support/object_server.ts";
import { inFolder } from "../../support/program.ts";
import { metadata } from "../../support/trained_model.ts";

const artifact = makeArtifact(metadata);
const other = makeArtifact({ ...metadata, notes: ["another one"] });
const report = new TextEncoder().encode('{"kept":true}');

/** A place of models, and the raw bytes there by `<id>/<name>`. */
interface Place {
  readonly store: ArtifactStore;
  readBytes(key: string): Promise<Uint8Array | undefined>;
  writeBytes(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  removeBytes(key: string): Promise<void>;
}

interface Implementation {
  readonly name: string;
  readonly ignore?: boolean;
  use(test: (place: Place) => Promise<void>): Promise<void>;
}

function inFiles(folder: string, store: ArtifactStore): Place {
  return {
    store,
    readBytes: (key) => Deno.readFile(join(folder, key)).catch(() => undefined),
    async writeBytes(key, bytes) {
      await Deno.writeFile(join(folder, key), bytes);
    },
    removeBytes: (key) => Deno.remove(join(folder, key)),
  };
}

function inMap(objects: Map<string, Uint8Array<ArrayBuffer>>, store: ArtifactStore): Place {
  const nameOf = (key: string) => `bucket/a/b/${key}`;
  return {
    store,
    readBytes: (key) => Promise.resolve(objects.get(nameOf(key))),
    async writeBytes(key, bytes) {
      await Promise.resolve(objects.set(nameOf(key), bytes));
    },
    async removeBytes(key) {
      await Promise.resolve(objects.delete(nameOf(key)));
    },
  };
}

const implementations: readonly Implementation[] = [
  {
    name: "a folder",
    use: (test) => inFolder((folder) => test(inFiles(folder, createFolderStore(folder)))),
  },
  {
    name: "a stand-in of S3",
    async use(test) {
      await using server = serveS3();
      await test(inMap(server.objects, artifactsAt(`s3://bucket/a/b?endpoint=${server.origin}`)));
    },
  },
  {
    name: "a stand-in of Cloud Storage",
    async use(test) {
      await using server = serveGcs();
      const variables = { STORAGE_EMULATOR_HOST: server.origin };
      await test(inMap(server.objects, artifactsAt("gs://bucket/a/b", variables)));
    },
  },
  {
    name: "versitygw",
    ignore: versitygw === undefined,
    async use(test) {
      await using server = await versitygw?.start(testKeys);
      if (!server) return;
      const store = artifactsAt(`s3://bucket/a/b?endpoint=${server.origin}`);
      await test(inFiles(join(server.folder, "bucket/a/b"), store));
    },
  },
  {
    name: "fake-gcs-server",
    ignore: fakeGcs === undefined,
    async use(test) {
      await using server = await fakeGcs?.start();
      if (!server) return;
      const store = artifactsAt("gs://bucket/a/b", { STORAGE_EMULATOR_HOST: server.origin });
      await test(inFiles(join(server.folder, "bucket/a/b"), store));
    },
  },
  {
    name: "S3 behind a cache that cannot be written",
    async use(test) {
      await using server = serveS3();
      const far = artifactsAt(`s3://bucket/a/b?endpoint=${server.origin}`);
      const file = await Deno.makeTempFile();
      try {
        const open = () => Promise.resolve(far);
        const cached = createCachedArtifacts({ cacheDir: join(file, "cache"), location: far.location, open });
        await test(inMap(server.objects, cached));
      } finally {
        await Deno.remove(file);
      }
    },
  },
];

function testEach(title: string, test: (place: Place) => Promise<void>): void {
  for (const { name, ignore = false, use } of implementations) {
    Deno.test({ name: `${name}: ${title}`, ignore, fn: () => use(test) });
  }
}

testEach("a model that is written is read as it was, and written once", async ({ store, readBytes }) => {
  assert.equal(await store.write(artifact, { "report.json": report }), "written");
  assert.deepEqual(await store.read(artifact.id), artifact);
  assert.deepEqual(await store.readKept(artifact.id, "report.json"), report);
  assert.equal(await store.readKept(artifact.id, "another.json"), undefined);
  assert.equal(await store.readKept(other.id, "report.json"), undefined);
  const before = await readBytes(`${artifact.id}/model.json`);
  assert.equal(await store.write(artifact, { "report.json": report }), "there");
  assert.deepEqual(await readBytes(`${artifact.id}/model.json`), before);
  await store.confirm(artifact.id);
  assert.equal(await store.write(other), "written");
  assert.deepEqual(await store.read(other.id), other);
});

testEach("a model that is removed is not there, and another one still is", async ({ store, readBytes }) => {
  await store.write(artifact, { "report.json": report });
  await store.write(other);
  assert.equal(await store.remove(artifact.id), true);
  await assertRejected(store.read(artifact.id), "model-unknown", new RegExp(`no model ${artifact.id}`));
  for (const name of ["model.json", "weights.bin", "report.json"]) {
    assert.equal(await readBytes(`${artifact.id}/${name}`), undefined, name);
  }
  assert.equal(await store.remove(artifact.id), false);
  assert.deepEqual(await store.read(other.id), other);
  assert.equal(await store.write(artifact), "written", "it can be written again");
});

testEach("two writers at once both end right", async ({ store }) => {
  const writing = Array.from({ length: 4 }, () => store.write(artifact, { "report.json": report }));
  const outcomes = await Promise.all(writing);
  assert.equal(outcomes.filter((outcome) => outcome === "written").length, 1, outcomes.join());
  assert.deepEqual(await store.read(artifact.id), artifact);
  assert.deepEqual(await store.readKept(artifact.id, "report.json"), report);
});

testEach("a model that was changed is refused, and writing it again repairs it", async (place) => {
  const { store, readBytes, writeBytes, removeBytes } = place;
  const damages: readonly [string, () => Promise<void>, RegExp][] = [
    [
      "a byte of the weights",
      () => writeBytes(`${artifact.id}/weights.bin`, turned(artifact.files.weights)),
      /give the id/,
    ],
    [
      "model.json cut off",
      () => writeBytes(`${artifact.id}/model.json`, artifact.files.modelJson.slice(0, 900)),
      /give the id/,
    ],
    ["a page in its place", () => writeBytes(`${artifact.id}/model.json`, page), /give the id/],
    ["weights missing", () => removeBytes(`${artifact.id}/weights.bin`), /weights\.bin is missing/],
  ];
  for (const [what, damage, message] of damages) {
    await store.write(artifact, { "report.json": report });
    await damage();
    await assertRejected(store.read(artifact.id), "artifact-corrupt", message);
    await writeBytes(`${artifact.id}/report.json`, page);
    await store.write(artifact, { "report.json": report });
    assert.deepEqual(await store.read(artifact.id), artifact, what);
    assert.deepEqual(await readBytes(`${artifact.id}/report.json`), report, what);
  }
});

testEach("what is no id is no model, and leads nowhere", async ({ store }) => {
  for (const id of ["", "..", "cw-1", `../${artifact.id}`, `${artifact.id}/..`]) {
    await assertRejected(store.read(id), "model-unknown", /There is no model/);
    await assertRejected(store.remove(id), "model-unknown", /There is no model/);
    await assertRejected(store.readKept(id, "report.json"), "model-unknown", /There is no model/);
  }
});

const page = new TextEncoder().encode("<html><body>Sign in to the network</body></html>");

function turned(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  changed[3] ^= 1;
  return changed;
}
