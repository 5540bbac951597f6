import assert from "node:assert/strict";
import { join } from "node:path";
import { keptToken, tokenFileName } from "../../../server/http/admin_token.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";

Deno.test("admin token: generated once per folder, then read", () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    const made = keptToken(data);
    assert.ok(made?.isNew);
    assert.match(made.token, /^[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(keptToken(data), { ...made, isNew: false });
    assert.notEqual(keptToken(join(folder, "other"))?.token, made.token);
    assert.equal((await Deno.readTextFile(join(data, tokenFileName))).trim(), made.token);
  }));

Deno.test("admin token: a folder in place of the file is rejected, and without a writable folder there is no token", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, tokenFileName));
    assertFailure(() => keptToken(folder), "usage-invalid", /not a regular file/);
    await Deno.writeTextFile(join(folder, "file"), "");
    assert.equal(keptToken(join(folder, "file", "data")), undefined);
  }));
