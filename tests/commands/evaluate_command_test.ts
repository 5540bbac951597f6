import assert from "node:assert/strict";
import { join } from "node:path";
import { readArtifact } from "../../pipeline/model/artifact_folder.ts";
import { createRandom } from "../../pipeline/math/random.ts";
import { assertClose } from "../support/assert_close.ts";
import { inFolder, type Outcome, run } from "../support/program.ts";

const schema = `
  CREATE TABLE mails (
    id      INTEGER NOT NULL PRIMARY KEY,
    reader  TEXT NOT NULL,
    sent_at INTEGER, -- microseconds since 1970-01-01T00:00:00Z
    hour    INTEGER,
    topic   TEXT,
    opened  TEXT
  ) STRICT;
  CREATE VIEW examples AS SELECT id, reader, sent_at, hour, topic, opened FROM mails;
`;

const spec = (features: readonly unknown[]) => ({
  id: "id",
  group: "reader",
  label: "opened",
  positive: "yes",
  time: "sent_at",
  features,
});
const [hour, topic] = [{ name: "hour", type: "numeric" }, { name: "topic", type: "categorical" }];

interface Mail {
  readonly id: number;
  readonly reader: string;
  readonly sent_at: string;
  readonly hour: number;
  readonly topic: string;
  readonly opened: string;
}

/** Mails of six days to 300 readers; mails about sales are opened more often. Every 40th has no label. */
function makeMails(seed: number, from: number, count: number): Mail[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const [hour, topic] = [random.below(24), ["news", "sale", "survey"][random.below(3)]];
    const isOpened = random.uniform() < 0.1 + hour / 80 + (topic === "sale" ? 0.5 : 0);
    const sent_at = new Date(Date.UTC(2026, 0, 1 + random.below(6), hour)).toISOString();
    const opened = i % 40 === 39 ? "" : isOpened ? "yes" : "no";
    return { id: from + i, reader: `r${random.below(300)}`, sent_at, hour, topic, opened };
  });
}

function csvOf(mails: readonly Mail[], names = Object.keys(mails[0]).join(",")): string {
  return `${names}\n${mails.map((mail) => Object.values(mail).join(",")).join("\n")}\n`;
}

interface Mailing {
  readonly folder: string;
  write(name: string, text: string): string;
  run(words: readonly string[]): Promise<Outcome>;
  /** Runs `evaluate --json`. */
  evaluate(words: readonly string[]): Promise<ReturnType<typeof JSON.parse>>;
  /** Runs `evaluate`, which fails. */
  failure(words: readonly string[]): Promise<{ readonly kind: string; readonly message: string }>;
}

/** Trains version 1 on hour and topic, version 2 on the hour alone. */
function withMailing(test: (mailing: Mailing) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const write = (name: string, text: string) => {
      Deno.writeTextFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const data = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    const own = ([command, ...words]: readonly string[]) => run([command, ...data, ...words]);
    const done = async (words: readonly string[]) => {
      const outcome = await own(words);
      assert.equal(outcome.code, 0, outcome.stderr);
      return outcome;
    };
    const mails = write("mails.csv", csvOf(makeMails(1, 1, 3000)));
    await done(["ingest", "--schema", write("mails.sql", schema), "--table", `mails=${mails}`]);
    const [both, one] = [[hour, topic], [hour]].map((features, i) =>
      write(`spec${i}.json`, JSON.stringify(spec(features)))
    );
    for (const path of [both, one]) {
      await done(["train", "--spec", path, "--split", "group", "--activate=false"]);
    }
    await test({
      folder,
      write,
      run: own,
      evaluate: async (words) => JSON.parse((await done(["evaluate", "--json", ...words])).stdout),
      async failure(words) {
        const { code, stdout, stderr } = await own(["evaluate", "--json", ...words]);
        assert.notEqual(code, 0);
        assert.doesNotMatch(stderr, /\n\s+at /);
        return JSON.parse(stdout).error;
      },
    });
  });
}

Deno.test("clickwell evaluate", async (t) => {
  await withMailing(async ({ folder, write, run, evaluate, failure }) => {
    await t.step("without a file, the rows are those that training held out, with its metrics", async () => {
      const found = await evaluate([]);
      const { data, metrics } = readArtifact(join(folder, "models"), found.model_id).metadata;
      assert.equal(found.evaluated_on, "held-out rows");
      assert.deepEqual([found.rows, found.clicks], [data.rows.test, data.clicks.test]);
      for (const name of ["log_loss", "auc", "brier"] as const) {
        assertClose(found.metrics[name].value, metrics[name] ?? NaN, 1e-12, name);
        assert.ok(found.metrics[name].low < found.metrics[name].value);
        assert.ok(found.metrics[name].high > found.metrics[name].value);
      }
      assertClose(found.baselines.base_rate.log_loss.value, metrics.base_log_loss, 1e-12, "base rate");
      assert.equal(found.baselines.strongest_field.field, "topic");
      assert.ok(found.baselines.strongest_field.difference.value > 0);
      assert.deepEqual(found.notes, []);
      const { stderr } = await run(["evaluate"]);
      assert.match(
        stderr,
        /groups, [\d,]+ with opened = yes\n +observed +rate of opened = yes 0\.\d+, mean/,
      );
      assert.doesNotMatch(stderr, /click|label 1/);
    });

    await t.step(
      "the same rows in a file get the same metrics, under other names of columns, too",
      async () => {
        const found = await evaluate(["1"]);
        const all = makeMails(1, 1, 3000);
        const path = write("all.csv", csvOf(all, "id,reader,sent_at,hour,subject,was_opened"));
        const names = ["--column", "topic=subject", "--column", "opened=was_opened"];
        const onFile = await evaluate(["1", path, ...names]);
        assert.equal(onFile.rows, 2925);
        assert.deepEqual(onFile.left_out.unlabelled, 75);
        const { metrics: { log_loss } } = found;
        assert.ok(
          onFile.metrics.log_loss.low < log_loss.value && log_loss.value < onFile.metrics.log_loss.high,
        );
        // Newline-delimited JSON, in two files.
        const lines = all.map((mail) => `${JSON.stringify({ ...mail, opened: mail.opened || null })}\n`);
        const parts = [lines.slice(0, 1000), lines.slice(1000)]
          .map((part, i) => write(`part${i}.ndjson`, part.join("")));
        const onLines = await evaluate(["1", ...parts]);
        assert.deepEqual(onLines.metrics, onFile.metrics);
        assert.deepEqual([onLines.groups, onLines.rows], [onFile.groups, onFile.rows]);
      },
    );

    await t.step(
      "--against: a model without the field that matters is worse by more than chance",
      async () => {
        const { against, metrics } = await evaluate(["1", "--against", "2"]);
        assert.ok(against.test.p_value < 0.001 && against.test.difference > 0.02);
        assertClose(
          against.test.difference,
          against.metrics.log_loss.value - metrics.log_loss.value,
          1e-12,
          "difference",
        );
        const { against: same } = await evaluate(["1", "--against", "1"]);
        assert.deepEqual([same.test.difference, same.test.p_value], [0, null]);
      },
    );

    await t.step("--fail-if-worse: exits with 1 for a model that is worse by more than chance", async () => {
      const outcome = await run(["evaluate", "2", "--fail-if-worse", "--json"]);
      assert.equal(outcome.code, 1);
      const { error, ...found } = JSON.parse(outcome.stdout);
      assert.equal(error.kind, "model-worse");
      assert.match(error.message, /^cw-\w+ is worse than cw-\w+: its log loss is 0\.\d+ higher.*\(p = /);
      assert.deepEqual(found, await evaluate(["2", "--against", "1"]), "with the whole evaluation");
      assert.match(outcome.stderr, /more than chance explains/);
      // Against the one that is named, and against itself.
      const better = await evaluate(["1", "--against", "2", "--fail-if-worse"]);
      assert.deepEqual(better, await evaluate(["1", "--against", "2"]));
      assert.equal((await evaluate(["1", "--fail-if-worse"])).against.test.p_value, null);
      assert.equal((await failure(["--fail-if-worse"])).kind, "usage-invalid");
      // In a store in which none is in production.
      const [exported, other] = [join(folder, "exported"), join(folder, "other")];
      const elsewhere = ["--data", other, "--models", join(other, "models")];
      for (
        const words of [["models", "export", "1", exported], ["models", "import", exported, ...elsewhere]]
      ) {
        assert.equal((await run(words)).code, 0);
      }
      const rows = write("rows.csv", csvOf(makeMails(1, 1, 3000)));
      const first = await evaluate(["1", rows, "--fail-if-worse", ...elsewhere]);
      assert.match(first.notes.join(), /no model is in production/);
    });

    await t.step("@FILE names the model that a command wrote to --json-file", async () => {
      const path = join(folder, "result.json");
      const trained = await run([
        "train",
        "--spec",
        join(folder, "spec1.json"),
        "--C",
        "0.2",
        "--json-file",
        path,
      ]);
      assert.equal(trained.code, 0, trained.stderr);
      const { model_id } = JSON.parse(Deno.readTextFileSync(path));
      assert.equal((await evaluate([`@${path}`, "--against", `@${path}`])).model_id, model_id);
      const shown = await run(["models", "show", `@${path}`, "--json"]);
      assert.equal(JSON.parse(shown.stdout).model_id, model_id);
      const invalid = [
        write("none.json", "{}"),
        write("null.json", "null"),
        write("text.json", "cw-"),
        folder,
      ];
      for (const file of invalid) {
        assert.match((await failure([`@${file}`])).kind, /^file-(invalid|missing)$/, file);
      }
    });

    await t.step("--slice, --by-time and --threshold", async () => {
      const found = await evaluate([
        "1",
        "--slice",
        "topic",
        "--slice",
        "reader",
        "--by-time",
        "--threshold",
        "0.3,0.6",
      ]);
      const [topics, readers] = found.slices;
      assert.deepEqual(topics.parts.map(({ name }: { name: string }) => name), ["news", "sale", "survey"]);
      // A column that is no field, of numbers: as in a file, those of a few values by value, others in tenths.
      const [hours, ids] = (await evaluate(["2", "--slice", "hour", "--slice", "id"])).slices;
      assert.deepEqual([hours.parts.length, ids.parts.length], [10, 10]);
      assert.match(ids.parts[0].name, /^\d+ to \d+$/);
      assert.equal(readers.parts.length, 20);
      assert.match(readers.parts.at(-1).name, /^\d+ others$/);
      const rowsOf = (parts: readonly { rows: number }[]) => parts.reduce((sum, { rows }) => sum + rows, 0);
      assert.deepEqual([topics, readers].map(({ parts }) => rowsOf(parts)), [found.rows, found.rows]);
      assert.equal(found.by_time.unit, "day");
      assert.equal(found.by_time.parts.length, 6);
      assert.equal(rowsOf(found.by_time.parts), found.rows);
      assert.deepEqual(found.thresholds.map(({ threshold }: { threshold: number }) => threshold), [0.3, 0.6]);
      assert.ok(found.thresholds[0].recall > found.thresholds[1].recall);
    });

    await t.step("the report for people has every metric with its interval", async () => {
      const { stdout, stderr } = await run(["evaluate", "1", "--against", "2", "--slice", "topic"]);
      assert.equal(stdout, "");
      assert.match(stderr, /on \d+ held-out rows of \d+ groups/);
      assert.match(stderr, /log loss +0\.\d{4} \(0\.\d{4} to 0\.\d{4}\)/);
      assert.match(stderr, /a perfect model would show about 0\.0\d+/);
      assert.match(stderr, /more than chance explains/);
      assert.match(stderr, /\n +sale +\d+/);
    });

    await t.step("rows that were added since are no held-out rows", async () => {
      const before = await evaluate(["1"]);
      const path = write("more.csv", csvOf(makeMails(2, 5000, 1000)));
      assert.equal((await run(["ingest", "--table", `mails=${path}`])).code, 0);
      const after = await evaluate(["1"]);
      assert.deepEqual(after.metrics, before.metrics);
      assert.ok(after.left_out.newer > 100);
      assert.match(after.notes.join(), /which were added since/);
    });

    await t.step("a file that cannot be evaluated on is named with the reason", async () => {
      const mails = makeMails(3, 1, 50);
      const cases: readonly (readonly [words: string[], kind: string, message: RegExp])[] = [
        [
          [write("a.csv", csvOf(mails, "id,reader,sent_at,hour,topic,other"))],
          "file-invalid",
          /no column "opened", the label/,
        ],
        [
          [write("b.csv", csvOf(mails, "id,reader,sent_at,hour,other,opened"))],
          "file-invalid",
          /no column "topic"/,
        ],
        [
          [write("c.csv", csvOf(mails.map((mail) => ({ ...mail, opened: "yes" }))))],
          "examples-invalid",
          /50 rows with a label, of which 50 have opened 1/,
        ],
        [
          [write("d.csv", csvOf(mails.map((mail) => ({ ...mail, opened: "" }))))],
          "examples-invalid",
          /0 rows with a label.*50 have no opened/,
        ],
        [
          [write("e.csv", csvOf(mails.map((mail, i) => i === 7 ? { ...mail, opened: "maybe" } : mail)))],
          "examples-invalid",
          /e\.csv: row 8 has the opened "maybe", a third value/,
        ],
        [
          [write(
            "f.csv",
            csvOf(mails).replaceAll("sale,yes", "sale,yes").replace(/,\d+,(news|sale|survey)/, ",noon,$1"),
          )],
          "row-rejected",
          /row 1 of .*f\.csv/,
        ],
        [["missing.csv"], "file-missing", /missing\.csv/],
        [
          ["--slice", "colour"],
          "usage-invalid",
          /"colour", which is neither a field .* nor a column of the view/,
        ],
        [["--threshold", "2"], "usage-invalid", /--threshold is "2"/],
        [["--column", "topic=x"], "usage-invalid", /columns of files/],
      ];
      for (const [words, kind, message] of cases) {
        const error = await failure(["1", ...words]);
        assert.match(error.message, message);
        assert.equal(error.kind, kind, error.message);
      }
      const lenient = await evaluate(["1", join(folder, "f.csv"), "--lenient"]);
      assert.equal(lenient.left_out.rejected, 1);
      assert.match(lenient.notes.join(), /1 rows? cannot be answered/);
    });

    await t.step("a model that held nothing out, and one that another store does not know", async () => {
      const trained = await run([
        "train",
        "--spec",
        join(folder, "spec1.json"),
        "--test-share",
        "0",
        "--json",
      ]);
      const { model_id } = JSON.parse(trained.stdout);
      const error = await failure([model_id]);
      assert.match(error.message, /held no rows out: name files/);
      const other = join(folder, "other");
      assert.equal(
        (await run(["ingest", "--data", other, "--schema", join(folder, "mails.sql")])).code !== 1,
        true,
      );
      const { model_id: known } = await evaluate(["1"]);
      const unknown = await run(["evaluate", known, "--data", other, "--json"]);
      assert.notEqual(unknown.code, 0);
      assert.match(JSON.parse(unknown.stdout).error.kind, /model-unknown|store-missing/);
    });
  });
});

Deno.test("clickwell evaluate: a split by time is found again, and a model that continues another has the other's held-out rows", () =>
  withMailing(async ({ folder, write, run, evaluate }) => {
    const path = join(folder, "spec0.json");
    const trained = await run(["train", "--spec", path, "--split", "both", "--mature", "12h", "--json"]);
    assert.equal(trained.code, 0, trained.stderr);
    const { model_id } = JSON.parse(trained.stdout);
    const { data, metrics } = readArtifact(join(folder, "models"), model_id).metadata;
    const found = await evaluate([model_id]);
    assert.deepEqual([found.rows, found.clicks], [data.rows.test, data.clicks.test]);
    assertClose(found.metrics.log_loss.value, metrics.log_loss, 1e-12, "log loss");
    assert.match(
      (await evaluate([model_id, "--against", "2"])).notes.join(),
      /held out other rows: it may have been trained on some of these/,
    );

    const before = await evaluate(["1"]);
    const more = write("more.csv", csvOf(makeMails(2, 5000, 1000)));
    assert.equal((await run(["ingest", "--table", `mails=${more}`])).code, 0);
    const updated = await run(["train", "--from", "1", "--json"]);
    assert.equal(updated.code, 0, updated.stderr);
    const continued = await evaluate([JSON.parse(updated.stdout).model_id]);
    assert.deepEqual([continued.rows, continued.clicks], [before.rows, before.clicks]);
    assert.notEqual(continued.metrics.log_loss.value, before.metrics.log_loss.value);
  }));
