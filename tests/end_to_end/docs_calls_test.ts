import assert from "node:assert/strict";
import { join } from "node:path";
import { callsOf, pagesWithCalls, type ShownCall } from "../support/document_page.ts";
import { inFolder, run } from "../support/program.ts";
import { startServe } from "../support/serve_process.ts";
import { differenceFrom } from "../support/documented_answers.ts";

/** The server's address on the pages. */
const shownHost = "127.0.0.1:7999";
const curl = findCurl();
if (!curl) console.log("skipped: the calls in the documents need curl");

Deno.test("an answer is compared with the part of it that a page shows", () => {
  const answer = '{"p":0.97812,"id":"cw-0a1b","rows":[1,2,3],"error":{"status":404,"detail":"gone"}}';
  const agree = [
    '{"p":0.978,"id":"cw-…","rows":[1,2,3],"error":{"status":404,…}}',
    '{"p":0.97812,"rows":[1,…],…}',
    '{"error":{…},…}',
  ];
  assert.deepEqual(agree.map((shown) => differenceFrom(shown, answer)), [undefined, undefined, undefined]);
  for (
    const shown of ['{"p":0.977,…}', '{"id":"cw-",…}', '{"rows":[1,2],…}', '{"p":0.978}', '{"q":1,…}', "[]"]
  ) {
    assert.notEqual(differenceFrom(shown, answer), undefined, shown);
  }
  assert.equal(differenceFrom('{"p":0.1}\n{"p":0.2}', '{"p":0.1}\n{"p":0.2}\n'), undefined);
  assert.notEqual(differenceFrom('{"p":0.1}', '{"p":0.1}\n{"p":0.2}\n'), undefined);
});

Deno.test({
  name: "docs: every call on a page gets the answer that the page shows",
  ignore: !curl,
  async fn(test) {
    await inFolder(async (folder) => {
      const demo = join(folder, "demo");
      const made = await run(["demo", "--data", demo, "--models", join(demo, "models")]);
      assert.equal(made.code, 0, made.stderr);
      const pages = pagesWithCalls();
      assert.ok(pages.includes("README.md") && pages.length > 2);
      // A page may change the model in production, so each gets a separate copy of the store.
      for (const page of pages) {
        await test.step(page, () => tryPage(page, { demo, folder: join(folder, page.replaceAll("/", "-")) }));
      }
    });
  },
});

async function tryPage(page: string, { demo, folder }: { demo: string; folder: string }): Promise<void> {
  await copyFolder(demo, folder);
  await using server = await startServe(["--data", folder, "--models", join(folder, "models")]);
  for (const call of callsOf(page)) {
    const { success, stdout, stderr, statuses } = await runCall(call, server.port);
    const place = `${page}:${call.line}`;
    assert.ok(success, `${place} failed: ${stderr}`);
    // A problem is expected if the page shows one.
    const expected = call.answer &&
      /^\s*\{\s*"type": ?"urn:clickwell:problem:[^]*?"status": ?(\d{3})/.exec(call.answer)?.[1];
    const odd = statuses.filter((status) => expected ? status !== expected : !status.startsWith("2"));
    assert.ok(
      statuses.length > 0 && odd.length === 0,
      `${place} was answered with ${statuses}: ${stdout.slice(0, 500)}`,
    );
    if (call.answer !== undefined) assert.equal(differenceFrom(call.answer, stdout), undefined, place);
  }
}

/** Runs a script with the server's port in place of the shown one, and a curl that records the status of each answer. */
async function runCall({ script }: ShownCall, port: number) {
  const folder = await Deno.makeTempDir();
  try {
    const recordingCurl = `#!/bin/sh\nexec "${curl}" "$@" --max-time 10 --dump-header "${folder}/$$.head"\n`;
    await Deno.writeTextFile(join(folder, "curl"), recordingCurl, { mode: 0o755 });
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-e", "-c", script.replaceAll(shownHost, `127.0.0.1:${port}`)],
      env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
      stdin: "null",
    }).output();
    const heads = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".head"));
    const statuses = heads.map(({ name }) =>
      Deno.readTextFileSync(join(folder, name)).match(/^HTTP\/\S+ (\d{3})/gm)?.at(-1)?.slice(-3) ?? "none"
    );
    const decoder = new TextDecoder();
    return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), statuses };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

function findCurl(): string | undefined {
  try {
    const { success, stdout } = new Deno.Command("sh", { args: ["-c", "command -v curl"] }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
