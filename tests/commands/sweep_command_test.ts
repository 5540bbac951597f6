import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readArtifact } from "../../pipeline/model/artifact_folder.ts";
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

Deno.test("sweep --intervals robust trains the best candidate with intervals by groups, or says before the work why not", () =>
  withMails(async ({ folder, csv, run }) => {
    done(await run(["train", csv, "--label", "opened", "--group", "reader", "--json"]));
    const words = [
      "sweep",
      "--spec",
      join(folder, "data", "features.json"),
      "--C",
      "0.1,1",
      "--folds",
      "2",
      "--split",
      "group",
    ];
    const plain = done(await run([...words, "--json"])).result;
    const { result } = done(await run([...words, "--intervals", "robust", "--json"]));
    assert.notEqual(result.model_id, plain.model_id);
    const { covariance, hyperParameters } = readArtifact(join(folder, "models"), result.model_id).metadata;
    assert.ok(covariance !== undefined && hyperParameters.intervals === "robust");
    for (
      const [flags, reason] of [
        [["--penalty", "l1"], /leave out --penalty l1/],
        [["--class-weight", "balanced"], /leave out --class-weight balanced/],
        [
          ["--features", "auto"],
          /--intervals robust is not for --features auto, which have those of --intervals bootstrap/,
        ],
      ] as const
    ) {
      const refused = await run([...words.slice(0, 3), "--intervals", "robust", ...flags, "--json"]);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr + refused.stdout, reason);
    }
  }));
