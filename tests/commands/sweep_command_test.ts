import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { done, withMails } from "../support/mails.ts";

Deno.test("sweep --report writes the report of the best model", () =>
  withMails(async ({ folder, csv, run }) => {
    done(await run(["train", csv, "--label", "opened", "--group", "reader", "--json"]));
    const best = join(folder, "best.html");
    const words = [
      ...["sweep", "--spec", join(folder, "data", "features.json"), "--C", "0.1,1", "--folds", "2"],
      ...["--split", "group", "--report", best, "--json"],
    ];
    const { result } = done(await run(words));
    assert.equal(result.report, best);
    assert.ok(Deno.readTextFileSync(best).includes(result.model_id));
    const again = await run(words);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /best\.html: it exists already/);
    assert.ok(existsSync(best));
  }));
