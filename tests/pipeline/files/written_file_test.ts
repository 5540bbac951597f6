import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../../pipeline/failure.ts";
import { createEarlySync, writeText, writing } from "../../../pipeline/files/written_file.ts";
import { inFolder } from "../../support/program.ts";

const failing = (error: Error) => () =>
  writing("out.parquet", () => {
    throw error;
  });

Deno.test("written file: a full disk is a failure that names the file and what to do", () => {
  const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  assert.throws(failing(full), (error) =>
    error instanceof Failure && error.kind === "file-unwritable" &&
    /^Cannot write out\.parquet: No space left.*free some space/.test(error.message));
});

Deno.test("written file: an error that is not the system's stays unchanged", () => {
  const bug = new TypeError("undefined is not a function");
  assert.throws(failing(bug), (error) => error === bug);
});

Deno.test("written file: a text appears with its folder and replaces the one before, without other files", () =>
  inFolder((folder) => {
    const path = join(folder, "a/b/text.txt");
    writeText(path, "one");
    writeText(path, "two");
    assert.equal(Deno.readTextFileSync(path), "two");
    assert.deepEqual([...Deno.readDirSync(join(folder, "a/b"))].map(({ name }) => name), ["text.txt"]);
    return Promise.resolve();
  }));

Deno.test("written file: a folder in the text's place is a failure, and stays; nothing else does", () =>
  inFolder((folder) => {
    const path = join(folder, "taken");
    Deno.mkdirSync(join(path, "inside"), { recursive: true });
    assert.throws(
      () => writeText(path, "text"),
      (error) => error instanceof Failure && error.kind === "file-unwritable",
    );
    assert(Deno.statSync(join(path, "inside")).isDirectory);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["taken"]);
    return Promise.resolve();
  }));

Deno.test("early sync: a file is written on while it is synced, and its end waits for that", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows");
    using file = Deno.openSync(path, { write: true, create: true });
    const early = createEarlySync(path);
    const part = new Uint8Array(2 ** 20).fill(7);
    for (let i = 0; i < 8; i++) {
      file.writeSync(part);
      early.start();
      if (i === 3) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // The test fails for an operation or a file that is left.
    await early.end();
    assert.equal(Deno.statSync(path).size, 8 * 2 ** 20);
    await early.end();
  }));

Deno.test("early sync: a file that is not there any more is a failure", () =>
  inFolder(async (folder) => {
    const early = createEarlySync(join(folder, "gone"));
    assert.throws(
      () => early.start(),
      (error) => error instanceof Failure && error.kind === "file-unwritable",
    );
    await early.end();
  }));
