import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest } from "../../pipeline/ingest/ingest.ts";
import { loadedFiles } from "../../pipeline/ingest/load_log.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { openStore, type Store } from "../../pipeline/store/store.ts";
import { inFolder, root, run, spawn } from "../support/program.ts";

interface Folders {
  readonly data: string;
  readonly models: string;
}

const foldersIn = (folder: string): Folders => ({
  data: join(folder, "data"),
  models: join(folder, "models"),
});
const flagsOf = ({ data, models }: Folders) => ["--data", data, "--models", models];
const sample = ["leads", "offers", "clicks"].flatMap((
  name,
) => [`--${name}`, join(root, `data/sample/${name}.parquet`)]);

async function demo(folders: Folders, flags: readonly string[] = []) {
  const { code, stdout, stderr } = await run(["demo", ...flagsOf(folders), "--json", ...flags]);
  return { code, stderr, report: stdout === "" ? {} : JSON.parse(stdout) };
}

function inStore<T>({ data }: Folders, visit: (store: Store) => T): T {
  const store = openStore(data, { mode: "read" });
  try {
    return visit(store);
  } finally {
    store.close();
  }
}

/** The transcript without what its head says differs from run to run. */
function lasting(transcript: string): string {
  return transcript
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replaceAll(/^< date: .*$/gm, "< date: DATE")
    .replaceAll(/^< etag: .*$/gm, "< etag: ETAG")
    .replaceAll(/"assigned_at":"[^"]*"/g, '"assigned_at":"DATE"')
    .replaceAll(/(x-request-id: |"request_id":")[\w.-]+/g, "$1ID")
    .replaceAll(/^> user-agent: .*$/gm, "> user-agent: DENO")
    .replaceAll(/^< vary: .*\n/gm, "");
}

Deno.test("demo: its transcript is the one in docs/, on every machine", () =>
  inFolder(async (folder) => {
    const { code, stderr, report } = await demo(foldersIn(folder));
    assert.equal(code, 0, stderr);
    assert(report.seconds < 15, `it took ${report.seconds} s`);
    const written = await Deno.readTextFile(report.transcript);
    const kept = await Deno.readTextFile(join(root, "docs/transcript.txt"));
    const repair = "docs/transcript.txt is outdated; write it again: " +
      "t=$(mktemp -d); deno task clickwell demo --data $t --models $t/models --transcript docs/transcript.txt";
    assert.equal(lasting(written), lasting(kept), repair);
    assert.equal(written.match(/^\d+\. /gm)?.length, report.requests);
  }));

Deno.test("demo: a second run changes only the history and restores the model in production", () =>
  inFolder(async (folder) => {
    const folders = foldersIn(folder);
    const first = await demo(folders, sample);
    const [l2, none] = first.report.models;
    assert.equal((await openRegistry(folders.data).activeModel())?.modelId, l2.model_id);
    const registry = openRegistry(folders.data);
    await registry.assign({ modelId: none.model_id, assignedAt: 1, assignedBy: "test" });
    const stateOf = async () => ({
      loads: inStore(folders, loadedFiles),
      models: await registry.listModels(),
    });
    const before = await stateOf();
    const second = await demo(folders, sample);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(second.report.models, first.report.models);
    assert.deepEqual(await stateOf(), before);
    assert.equal((await openRegistry(folders.data).activeModel())?.modelId, none.model_id);
    assert((await registry.history()).length > 5);
  }));

Deno.test("demo: a store with other data is left unchanged", () =>
  inFolder(async (folder) => {
    const folders = foldersIn(folder);
    const store = openStore(folders.data, { mode: "create" });
    await ingest(store, { files: { leads: [join(root, "data/sample/leads.parquet")] } });
    store.close();
    const { code, report } = await demo(folders);
    assert.equal(code, 2);
    assert.match(report.error.message, /holds other data \(leads\.parquet\).*--data/);
    assert.equal(inStore(folders, loadedFiles).length, 1);
    assert.deepEqual(await openRegistry(folders.data).listModels(), []);
  }));

Deno.test("demo: requires all three tables or none", () =>
  inFolder(async (folder) => {
    const { code, report } = await demo(foldersIn(folder), sample.slice(0, 4));
    assert.equal(code, 2);
    assert.match(report.error.message, /--clicks FILE/);
  }));

Deno.test("demo: the printed next steps and the calls of the README work unchanged", async (test) => {
  const hasCurl = await new Deno.Command("curl", { args: ["--version"], stdout: "null" }).output().catch(() =>
    undefined
  );
  if (!hasCurl) return console.log("skipped: there is no curl here");
  await inFolder(async (folder) => {
    const folders = foldersIn(folder);
    const { code, stderr } = await demo(folders);
    assert.equal(code, 0, stderr);
    const readme = await Deno.readTextFile(join(root, "README.md"));
    const server = spawn(["serve", ...flagsOf(folders), "--port", "0"]);
    const output = server.stdout.getReader();
    const { listening } = JSON.parse(new TextDecoder().decode((await output.read()).value));
    try {
      for (
        const [source, text] of Object.entries({ "the demo's last words": stderr, "the README": readme })
      ) {
        await test.step(source, async () => {
          const calls = curlCalls(text);
          assert(calls.length >= 2);
          for (const call of calls) {
            const answer = await shell(call.replaceAll("http://127.0.0.1:7999", listening));
            if (call.includes("/predict")) assert(answer.probability > 0 && answer.probability < 1, call);
            else assert.equal(answer.version, 2, call);
          }
        });
      }
    } finally {
      server.kill("SIGINT");
      await output.cancel();
      await server.stderr.cancel();
      await server.status;
    }
  });
});

/** The curl commands in a text; one may go over several lines within its quotes. */
function curlCalls(text: string): string[] {
  return [...text.matchAll(/^ *(curl (?:[^'\n]|'[^']*')*)$/gm)].map(([, call]) => call);
}

async function shell(command: string): Promise<Record<string, never>> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", command], stderr: "null" }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
