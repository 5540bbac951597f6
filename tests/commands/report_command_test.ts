import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { done, withMails } from "../support/mails.ts";
import type { Outcome } from "../support/program.ts";

function failure({ code, stdout, stderr }: Outcome): { readonly kind: string; readonly message: string } {
  assert.notEqual(code, 0);
  assert.doesNotMatch(stderr, /\n\s+at /);
  return JSON.parse(stdout).error;
}

const titlesOf = (path: string) =>
  [...Deno.readTextFileSync(path).matchAll(/<h3>(.*?)<\/h3>/g)].map(([, title]) =>
    title.replace(/<[^>]*>/g, "")
  );

Deno.test("train and evaluate --report", async (t) => {
  await withMails(async ({ folder, csv, run }) => {
    const page = join(folder, "pages", "report.html");

    await t.step("train FILE… writes the report of the new model, and says where it is", async () => {
      const { result, lines } = done(
        await run(["train", csv, "--label", "opened", "--group", "reader", "--report", page, "--json"]),
      );
      assert.equal(result.report, page);
      assert.equal(lines.at(-1), `report: ${page}`);
      const html = Deno.readTextFileSync(page);
      assert.ok(html.includes(result.model_id));
      const titles = titlesOf(page);
      for (const title of ["Predicted and observed click rate", "hour", "topic", "Rows"]) {
        assert.ok(titles.includes(title), `${title}: ${titles}`);
      }
    });

    await t.step("the same training writes the same bytes, over the file only with --replace", async () => {
      const before = Deno.readTextFileSync(page);
      const words = ["train", csv, "--label", "opened", "--group", "reader", "--report", page, "--json"];
      const { kind, message } = failure(await run([...words]));
      assert.equal(kind, "file-unwritable");
      assert.match(message, /report\.html: it exists already\. Replace it with --replace/);
      assert.ok(done(await run([...words, "--replace"])).result.report);
      assert.equal(Deno.readTextFileSync(page), before);
    });

    await t.step("what cannot be a report is refused before the work begins", async () => {
      const words = ["train", "--spec", join(folder, "data", "features.json"), "--json", "--report"];
      assert.match(
        failure(await run([...words, join(folder, "report.txt")])).message,
        /expected the name of a page/,
      );
      Deno.mkdirSync(join(folder, "a.html"));
      assert.match(failure(await run([...words, join(folder, "a.html")])).message, /it is a folder/);
      const other = join(folder, "other.html");
      assert.match(
        failure(await run([...words, other, "--repeat", "1"])).message,
        /evaluate MODEL --report FILE\.html/,
      );
      assert.ok(!existsSync(other));
    });

    await t.step(
      "evaluate writes what it found on the held-out rows: slices, times, thresholds, another model",
      async () => {
        const own = join(folder, "evaluated.html");
        done(await run(["train", "--spec", join(folder, "data", "features.json"), "--C", "0.01", "--json"]));
        const { result, lines } = done(
          await run([
            ...["evaluate", "1", "--slice", "topic", "--by-time", "--threshold", "0.5", "--against", "2"],
            ...["--report", own, "--json"],
          ]),
        );
        assert.equal(result.report, own);
        assert.equal(lines.at(-1), `report: ${own}`);
        const titles = titlesOf(own);
        for (
          const title of [
            "By topic",
            "Click rate by hour",
            "Choosing rows by a threshold",
            "Both models, metric by metric",
            "Importance of the fields",
          ]
        ) assert.ok(titles.includes(title), `${title}: ${titles}`);
        assert.equal(
          failure(await run(["evaluate", "1", "--report", own, "--json"])).kind,
          "file-unwritable",
        );
        done(await run(["evaluate", "1", "--report", own, "--replace", "--json"]));
      },
    );

    await t.step("evaluate FILE writes the report of its rows", async () => {
      const own = join(folder, "file.html");
      done(await run(["evaluate", "1", csv, "--report", own, "--json"]));
      assert.match(Deno.readTextFileSync(own), /Measured on 2,000 rows: the rows of the given files/);
    });

    await t.step("evaluate writes a report of a model that has none, or a changed one", async () => {
      const own = join(folder, "older.html");
      const [model] = [...Deno.readDirSync(join(folder, "models"))].map(({ name }) => name);
      const stored = join(folder, "models", model, "report.json");
      Deno.writeTextFileSync(stored, Deno.readTextFileSync(stored).replace("0", "1"));
      done(await run(["evaluate", model, csv, "--report", own, "--json"]));
      assert.ok(!titlesOf(own).includes("topic") && titlesOf(own).includes("Coefficients"));
      Deno.removeSync(stored);
      const changed = Deno.readTextFileSync(own);
      done(await run(["evaluate", model, csv, "--report", own, "--replace", "--json"]));
      assert.equal(Deno.readTextFileSync(own), changed);
    });
  });
});
