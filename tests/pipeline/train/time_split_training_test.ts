import assert from "node:assert/strict";
import { join } from "node:path";
import { createRandom } from "../../../pipeline/math/random.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import type { HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertClose } from "../../support/assert_close.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { specOf } from "../../support/example_rows.ts";
import {
  insertRows,
  modelsOf,
  tableOf,
  type TempStore,
  trainOn,
  withStore,
} from "../../support/temp_store.ts";
import { inFolder, run } from "../../support/program.ts";

const features = [{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }];
const spec = specOf(features, { time: "sent_at" });

interface Mail {
  readonly [column: string]: unknown;
  readonly id: number;
  readonly who: string;
  readonly clicked: number;
  readonly sent_at: number | null;
  readonly x: number;
  readonly c: string;
}

const start = 1000 * Date.parse("2024-03-01T00:00:00Z");
const day = 86_400e6;

/** Mails of a hundred days, in no order of time; few readers have mails on more than two days. */
function makeMails(count: number): Mail[] {
  const random = createRandom(11);
  return Array.from({ length: count }, (_, id) => {
    const reader = random.below(count);
    const x = 4 * random.uniform() - 2;
    const c = ["a", "b"][random.below(2)];
    return {
      id,
      who: `who-${reader}`,
      clicked: random.uniform() < 1 / (1 + Math.exp(-x - (c === "a" ? 1 : 0))) ? 1 : 0,
      sent_at: start + (reader * 7 % 100) * day + random.below(3) * day + 1_000 * random.below(80_000_000),
      x,
      c,
    };
  });
}

function withMails(mails: readonly Mail[], use: (made: TempStore) => Promise<void>): Promise<void> {
  return withStore(tableOf(["who", "clicked", "sent_at", "x", "c"]), async (made) => {
    insertRows(made.store, mails);
    await use(made);
  });
}

Deno.test("time split: a training counts each row, and its metrics are of the last days", () =>
  withMails(makeMails(2_000), async (made) => {
    insertRows(made.store, [{ id: 5_000, who: "w", clicked: 1, x: 0, c: "a" }]);
    const { artifact, account } = await trainOn(made, spec, { split: "both" });
    const { data, hyperParameters, metrics } = artifact.metadata;
    const { read = 0, train, test, left_out, straddling = 0, no_time = 0, validation } = data.rows;
    assert.equal(read, 2_001);
    assert.equal(train + test + left_out + straddling + no_time, read);
    assert.deepEqual([no_time, validation], [1, undefined]);
    assert.deepEqual([account.straddling, account.noTime], [straddling, 1]);
    assert(straddling > 0 && straddling < 200);
    assert.equal(hyperParameters.split, "both");
    const cut = data.times?.held_out_from ?? NaN;
    const heldOut = makeMails(2_000).filter(({ sent_at }) => Number(sent_at) >= cut);
    assert.equal(test, heldOut.length);
    assert(Math.abs(test - 400) <= 1);
    const predictor = createPredictor(artifact.metadata);
    const losses = heldOut.map(({ x, c, clicked }) =>
      -Math.log(Math.abs(1 - clicked - predictor.predict({ x, c }, createFindings())))
    );
    assertClose(metrics.log_loss, losses.reduce((sum, loss) => sum + loss) / test, 1e-12, "log loss");
    const { unit, parts = [] } = metrics.by_time ?? {};
    assert.equal(unit, "day");
    assert(parts.length >= 4 && parts.length <= 30);
    assert.equal(parts.reduce((sum, { rows }) => sum + rows, 0), test);
    const isOn = (from: string) => (_: unknown, i: number) =>
      new Date(Number(heldOut[i].sent_at) / 1000).toISOString().startsWith(from);
    for (const { from, rows, clicks, log_loss, observed, predicted } of parts) {
      const own = losses.filter(isOn(from));
      assert.equal(own.length, rows);
      assertClose(log_loss, own.reduce((sum, loss) => sum + loss) / rows, 1e-12, from);
      assert.equal(heldOut.filter(isOn(from)).filter(({ clicked }) => clicked === 1).length, clicks);
      assertClose(observed, clicks / rows, 1e-12, from);
      assert(predicted > 0 && predicted < 1);
    }
  }));

Deno.test("time split: a split by group has no member for the split, and its metrics are by time too", () =>
  withMails(makeMails(1_000), async (made) => {
    const { metadata } = (await trainOn(made, spec)).artifact;
    assert.equal("split" in metadata.hyperParameters, false);
    assert.equal(metadata.data.times, undefined);
    assert.equal(metadata.metrics.by_time?.unit, "week");
    const plain = (await trainOn(made, specOf(features))).artifact.metadata;
    assert.equal(plain.metrics.by_time, undefined);
    const { by_time: _, ...others } = metadata.metrics;
    assert.deepEqual(plain.metrics, others);
    assert.deepEqual(plain.coefficients, metadata.coefficients);
  }));

const settings: Readonly<Record<string, Partial<HyperParameters>>> = {
  "time": { split: "time" },
  "both": { split: "both", negatives: 0.6, classWeight: "balanced" },
  "both, mature": { split: "both", matureSeconds: 10 * 86_400 },
  "group, mature": { matureSeconds: 86_400 },
  "both, early stopping": {
    split: "both",
    optimizer: "sgd",
    epochs: 3,
    batchSize: 64,
    patience: 1,
    validationShare: 0.2,
  },
};

Deno.test("time split: threads and memory do not change the bytes", async (t) => {
  // More than a chunk.
  await withMails(makeMails(17_000), async (made) => {
    for (const [name, hyperParameters] of Object.entries(settings)) {
      await t.step(name, async () => {
        const { artifact: { id, metadata } } = await trainOn(made, spec, hyperParameters);
        const { read = 0, train, test, left_out, validation = 0, straddling = 0, immature = 0 } =
          metadata.data.rows;
        assert.equal(train + test + left_out + validation + straddling + immature, read);
        assert.equal(validation > 0, "patience" in hyperParameters);
        assert.equal(immature > 0, "matureSeconds" in hyperParameters);
        for (const options of [{ threads: 3 }, { memoryBytes: 0 }, { memoryBytes: 0, threads: 2 }]) {
          assert.equal((await trainOn(made, spec, hyperParameters, options)).artifact.id, id);
        }
      });
    }
  });
});

Deno.test("time split: notes say how many rows are of groups on both sides, and that most of them leave", () =>
  withMails(makeMails(800).map((mail) => ({ ...mail, who: `who-${mail.id % 100}` })), async (made) => {
    const notesOf = async (split: "time" | "both") =>
      (await trainOn(made, spec, { split })).artifact.metadata.notes;
    const [byTime] = await notesOf("time");
    assert.match(
      byTime,
      /^\d+ of the 6\d\d rows before the held-out time are of groups \(who\) that have held-out rows too/,
    );
    const [both] = await notesOf("both");
    assert.match(
      both,
      /^\d+ of the 6\d\d rows before the held-out time leave the training.*--split time keeps them/,
    );
  }));

Deno.test("time split: a model that left out young rows cannot be continued", () =>
  withMails(makeMails(600), async (made) => {
    const { artifact } = await trainOn(made, spec, { split: "both", matureSeconds: 86_400 });
    await assertRejected(
      update(made.store, modelsOf(made), artifact, { threads: 1, now: 2 }),
      "usage-invalid",
      /cannot be continued: it was trained with --mature/,
    );
    const { artifact: other } = await trainOn(made, spec, { split: "both" });
    insertRows(made.store, makeMails(900).slice(600));
    const updated = await update(made.store, modelsOf(made), other, { threads: 1, now: 2 });
    const { read = 0, train, test, left_out, straddling = 0 } = updated.artifact.metadata.data.rows;
    assert.equal(train + test + left_out + straddling, read);
  }));

Deno.test("time split: a time that is a text is a failure that names the row", () =>
  withMails(makeMails(20), async (made) => {
    insertRows(made.store, [{ id: 77, who: "w", clicked: 0, sent_at: "2024-03-01", x: 1, c: "a" }]);
    await assertRejected(
      trainOn(made, spec, { split: "both" }),
      "examples-invalid",
      /id 77 has the sent_at "2024-03-01", expected a time: microseconds since 1970/,
    );
  }));

Deno.test("clickwell train: a spec with a time holds out by both, and --split and --mature say otherwise", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    Deno.writeTextFileSync(
      path("schema.sql"),
      `CREATE TABLE mails (id INTEGER NOT NULL PRIMARY KEY, who TEXT NOT NULL, clicked INTEGER, x REAL, c TEXT,
         sent_at INTEGER -- when, microseconds since 1970-01-01T00:00:00Z
       ) STRICT;
       CREATE VIEW examples AS SELECT * FROM mails;`,
    );
    const lines = makeMails(1_500).map(({ id, who, clicked, sent_at, x, c }) =>
      [id, who, clicked, new Date(Number(sent_at) / 1000).toISOString(), x, c].join(",")
    );
    Deno.writeTextFileSync(path("mails.csv"), ["id,who,clicked,sent_at,x,c", ...lines, ""].join("\n"));
    const { view: _, ...plain } = spec;
    Deno.writeTextFileSync(path("spec.json"), JSON.stringify(plain));
    Deno.writeTextFileSync(path("timeless.json"), JSON.stringify({ ...plain, time: undefined }));
    const places = ["--data", path("data"), "--models", path("models")];
    const load = await run([
      "ingest",
      "--schema",
      path("schema.sql"),
      "--table",
      `mails=${path("mails.csv")}`,
      "--data",
      path("data"),
    ]);
    assert.equal(load.code, 0, load.stderr);
    const train = (...flags: string[]) =>
      run(["train", "--spec", path("spec.json"), "--quiet", ...places, ...flags]);

    const json = await train("--json");
    assert.equal(json.code, 0, json.stderr);
    const { rows, split, metrics } = JSON.parse(json.stdout);
    assert.equal(split.by, "both");
    assert.equal(rows.train + rows.test + rows.left_out.straddling, rows.read);
    assert(Math.abs(rows.test - 300) <= 1);
    assert.equal(
      metrics.by_time.parts.reduce((sum: number, part: { rows: number }) => sum + part.rows, 0),
      rows.test,
    );

    const words = await train();
    assert.match(words.stderr, /^ {2}held out by time, from 2024-0\d-\d\dT[\d:.]+Z on$/m);
    assert.match(words.stderr, /^ {2}by day, \d+ parts from 2024-0\d-\d\d: worst is 2024-/m);
    assert.ok(
      words.stderr.includes(` ${rows.left_out.straddling} left out since their group is held out later`),
    );

    const grouped = await train("--json", "--split", "group");
    assert.equal(JSON.parse(grouped.stdout).split, undefined);
    const mature = JSON.parse((await train("--json", "--mature", "2w")).stdout);
    assert(mature.rows.left_out.immature > 0);
    assert.equal(mature.split.newest - mature.split.mature_until, 14 * day);

    const shown = await run(["models", "show", "1", ...places]);
    assert.match(shown.stderr, /^ {2}time {9}held out by time, from 2024-/m);
    const { from, rows: own, log_loss: loss } = metrics.by_time.parts[1];
    const line = shown.stderr.split("\n").find((line) => line.startsWith(`    ${from} `));
    assert.ok(line?.includes(` ${own} `) && line.includes(` ${loss.toFixed(4)} `), shown.stderr);

    const repeated = await run(["train", "--repeat", "1", ...places]);
    assert.equal(repeated.code, 0, repeated.stderr);

    for (
      const [flags, message] of [
        [["--mature", "soon"], /--mature is "soon", expected a duration such as 12h, 7d or 2w/],
        [["--spec", path("timeless.json"), "--split", "time"], /--split time needs the time of each row/],
        [["--spec", path("timeless.json"), "--mature", "1d"], /--mature needs the time of each row/],
      ] as const
    ) {
      const refused = await run(["train", "--quiet", "--spec", path("spec.json"), ...places, ...flags]);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, message);
    }
  }));

Deno.test("time split: the group as a feature is warned of, unless the split is by time alone", () =>
  withMails(makeMails(600), async (made) => {
    const grouped = specOf([...features, { name: "who", type: "categorical" }], { time: "sent_at" });
    for (const split of ["time", "both"] as const) {
      const { warnings = [] } = (await trainOn(made, grouped, { split })).artifact.metadata;
      assert.equal(warnings.some(({ kind }) => kind === "group-feature"), split === "both");
    }
  }));
