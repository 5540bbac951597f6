import assert from "node:assert/strict";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { writeArtifact } from "../support/written_artifact.ts";
import { predictFile, type PredictFileOptions } from "../../pipeline/predict/predict_file.ts";
import type { PredictionFormat } from "../../pipeline/predict/prediction_file.ts";
import { assertRejected } from "../support/expected_failure.ts";
import { metadata as learnt } from "../support/trained_model.ts";
import { inFolder, run } from "../support/program.ts";
import { makeServedModels, probabilityOf, row } from "../support/served_models.ts";

const models = makeServedModels();
models.remove();
const { metadata } = models.first;

/** What a file says, and what the model takes of it. */
const rows = [
  { offer_id: 1, ...row },
  { offer_id: 2, ...row, annual_income: null, credit: null, lender_id: null },
  { offer_id: 3, ...row, requested: 1e6, loan_purpose: 'a "boat", new\nand old', lender_id: 99 },
  { offer_id: 4, ...row, apr: 0.5, loan_purpose: "ñ", lender_id: 7 },
];
type Cells = Readonly<Record<string, unknown>>;

const expected = rows.map(({ offer_id: _, ...fields }) => probabilityOf(models.first, fields));
const names = Object.keys(rows[0]) as (keyof typeof rows[0])[];

const csv = (table: readonly Cells[]) =>
  [names.join(","), ...table.map((cells) => names.map((name) => csvCell(cells[name])).join(","))].join("\n");
const ndjson = (table: readonly Cells[]) => table.map((cells) => `${JSON.stringify(cells)}\n`).join("");

function csvCell(value: unknown): string {
  return typeof value === "string" ? `"${value.replaceAll('"', '""')}"` : value === null ? "" : String(value);
}

/** Lender ids as doubles, as Python writes columns of integers with gaps. */
function parquet(table: readonly Cells[], options: { rowGroupSize?: number } = {}): Uint8Array {
  const types = { requested: "DOUBLE", annual_income: "DOUBLE", apr: "DOUBLE", lender_id: "DOUBLE" } as const;
  const columnData = names.map((name) => ({
    name,
    data: table.map((cells) => name === "offer_id" ? BigInt(Number(cells[name])) : cells[name]),
    type: name === "offer_id" ? "INT64" as const : name in types ? "DOUBLE" as const : "STRING" as const,
    nullable: true,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, ...options }));
}

/** Rows of the same fields. */
function offersOf(count: number, idOf: (i: number) => number): Uint8Array {
  const columnData = names.map((name) =>
    name === "offer_id"
      ? {
        name,
        data: BigInt64Array.from({ length: count }, (_, i) => BigInt(idOf(i))),
        type: "INT64" as const,
      }
      : {
        name,
        data: Array<unknown>(count).fill(rows[0][name]),
        type: typeof rows[0][name] === "string" ? "STRING" as const : "DOUBLE" as const,
      }
  );
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

const inputs: Readonly<Record<string, string | Uint8Array>> = {
  csv: csv(rows),
  ndjson: ndjson(rows),
  parquet: parquet(rows),
};

/** Answers a file of these bytes, and reads what was written. */
async function predicted(
  content: string | Uint8Array,
  format: PredictionFormat = "ndjson",
  options: Partial<PredictFileOptions> = {},
) {
  let found: { report: Awaited<ReturnType<typeof predictFile>>; answers: Cells[] } | undefined;
  await inFolder(async (folder) => {
    const [path, out] = [join(folder, "rows"), join(folder, `out.${format}`)];
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    const report = await predictFile({
      path,
      out,
      format,
      metadata,
      lenient: false,
      keep: [],
      keepIfPresent: ["offer_id", "lead_uuid"],
      names: {},
      allowMissing: false,
      ...options,
    });
    found = { report, answers: await readAnswers(out, format) };
    assert.deepEqual(
      [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
      [`out.${format}`, "rows"].sort(),
    );
  });
  assert.ok(found);
  return found;
}

async function readAnswers(path: string, format: PredictionFormat): Promise<Cells[]> {
  if (format === "parquet") {
    const { buffer } = Deno.readFileSync(path);
    return await parquetReadObjects({ file: buffer });
  }
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
  if (format === "ndjson") return lines.map((line) => JSON.parse(line));
  const [header, ...records] = lines.map((line) => line.split(","));
  return records.map((cells) => Object.fromEntries(header.map((name, i) => [name, cells[i]])));
}

for (const [format, content] of Object.entries(inputs)) {
  Deno.test(`predict: rows of ${format} get the server's probabilities, in their order, with their id`, async () => {
    const { report, answers } = await predicted(content);
    assert.deepEqual(answers.map(({ probability }) => probability), expected);
    assert.deepEqual(answers.map(({ offer_id }) => Number(offer_id)), [1, 2, 3, 4]);
    assert.deepEqual(
      { ...report, meanProbability: undefined },
      {
        rows: 4,
        answered: 4,
        rejected: 0,
        reasons: {},
        unseen: { loan_purpose: 2, lender_id: 1 },
        meanProbability: undefined,
      },
    );
  });
}

Deno.test("predict: CSV, NDJSON and parquet output reads back the same", async () => {
  for (const format of ["csv", "ndjson", "parquet"] as const) {
    const { answers } = await predicted(inputs.parquet, format, { keep: ["credit", "lender_id"] });
    assert.deepEqual(answers.map(({ probability }) => Number(probability)), expected, format);
    assert.deepEqual(Object.keys(answers[0]), ["offer_id", "credit", "lender_id", "probability"]);
    assert.deepEqual(answers.map(({ offer_id }) => Number(offer_id)), [1, 2, 3, 4]);
    assert.deepEqual(answers.map(({ credit }) => credit || null), rows.map(({ credit }) => credit));
  }
});

Deno.test("predict: kept text with any characters is quoted in CSV", async () => {
  await inFolder(async (folder) => {
    const [path, out] = [join(folder, "rows"), join(folder, "out.csv")];
    const odd = rows.map((cells, i) => ({ ...cells, note: ['a,"b"', "", " x ", null][i] }));
    Deno.writeTextFileSync(path, ndjson(odd));
    const options = {
      path,
      out,
      metadata,
      lenient: false,
      keepIfPresent: [],
      names: {},
      allowMissing: false,
    };
    await predictFile({ ...options, format: "csv", keep: ["note"] });
    assert.equal(
      Deno.readTextFileSync(out),
      `note,probability\n"a,""b""",${expected[0]}\n"",${expected[1]}\n" x ",${expected[2]}\n,${
        expected[3]
      }\n`,
    );
  });
});

Deno.test("predict: a number written as 12.0 is the category 12", async () => {
  const { answers } = await predicted(
    csv(
      rows.map((cells) => ({ ...cells, lender_id: `${cells.lender_id ?? ""}.0` }))
        .slice(0, 1),
    ),
  );
  assert.equal(answers[0].probability, expected[0]);
});

Deno.test("predict: fields may have other names in the file", async () => {
  const renamed = csv(rows).replace("apr", "rate");
  const { answers } = await predicted(renamed, "ndjson", { names: { apr: "rate" } });
  assert.deepEqual(answers.map(({ probability }) => probability), expected);
  await assertRejected(
    predicted(renamed),
    "file-invalid",
    /no column "apr", a field of the model\. .*--column apr=NAME/,
  );
});

Deno.test("predict: a field that the file lacks is null, if --allow-missing is given and the model allows it", async () => {
  const without = rows.map(({ credit: _, ...cells }) => cells);
  await assertRejected(predicted(ndjson(without)), "file-invalid", /no column "credit".*--allow-missing/);
  const { answers } = await predicted(ndjson(without), "ndjson", { allowMissing: true });
  assert.equal(answers[0].probability, probabilityOf(models.first, { ...row, credit: null }));
  const withoutApr = rows.map(({ apr: _, ...cells }) => cells);
  await assertRejected(
    predicted(ndjson(withoutApr), "ndjson", { allowMissing: true }),
    "file-invalid",
    /no column "apr"/,
  );
});

for (
  const [what, content, message] of [
    [
      "a number that is none",
      csv([...rows, { ...rows[0], apr: "cheap" }]),
      /row 5: column "apr": "cheap" is not a/,
    ],
    [
      "null where the model needs a value",
      csv([{ ...rows[0], apr: null }]),
      /row 1: apr must be a number, not null/,
    ],
    ["a line that is no JSON", `${ndjson(rows)}{\n`, /row 5: the line is not valid JSON/],
    ["a value of another type", ndjson([{ ...rows[0], credit: [] }]), /row 1: credit must be a category/],
    ["a line that lacks a field", ndjson([...rows, { offer_id: 5 }]), /row 5: requested is missing/],
  ] as const
) {
  Deno.test(`predict: ${what} ends it with the row and the reason, or is left without a probability`, async () => {
    await assertRejected(predicted(content), "row-rejected", message);
    const { report, answers } = await predicted(content, "ndjson", { lenient: true });
    assert.deepEqual([report.rejected, report.rows], [1, report.answered + 1]);
    const [[reason, count], ...others] = Object.entries(report.reasons);
    assert.match(`row ${report.rows}: ${reason}`, message);
    assert.deepEqual([count, others], [1, []]);
    assert.equal(answers.at(-1)?.probability, null);
    assert.deepEqual(
      answers.slice(0, -1).map(({ probability }) => probability),
      expected.slice(0, answers.length - 1),
    );
  });
}

Deno.test("predict: a line that lacks a field that may be null names the flag that takes it as null", async () => {
  const { lender_id: _, ...row } = rows[0];
  await assertRejected(
    predicted(ndjson([rows[0], row])),
    "row-rejected",
    /row 2: lender_id is missing: send .*null.*\. Correct the file, treat fields that are missing as null with --allow-missing, or write/,
  );
});

Deno.test("predict: rows without a probability are counted by reason, however many there are", async () => {
  const cheap = Array.from(
    { length: 90 },
    (_, i) => ({ ...rows[0], apr: i % 3 === 0 ? null : `cheap ${i}` }),
  );
  const { report } = await predicted(ndjson([...cheap, ...rows]), "ndjson", { lenient: true });
  assert.deepEqual([report.rows, report.answered, report.rejected], [94, 4, 90]);
  assert.equal(Object.values(report.reasons).reduce((sum, count) => sum + count, 0), 90);
  assert.equal(report.reasons["apr must be a number, not null"], 30);
  const many = csv(Array.from({ length: 50 }, (_, i) => ({ ...rows[0], apr: `cheap ${i}` })));
  const { report: { reasons } } = await predicted(many, "ndjson", { lenient: true });
  assert.deepEqual([Object.keys(reasons).length, reasons["other reasons"]], [21, 30]);
});

Deno.test("predict: a failure leaves no file behind", () =>
  inFolder(async (folder) => {
    const [path, out] = [join(folder, "rows"), join(folder, "out.csv")];
    Deno.writeTextFileSync(path, ndjson([{ ...rows[0], apr: null }]));
    const options = {
      path,
      out,
      metadata,
      lenient: false,
      keep: [],
      keepIfPresent: [],
      names: {},
      allowMissing: false,
    };
    for (const format of ["csv", "parquet"] as const) {
      await assertRejected(predictFile({ ...options, format }), "row-rejected", /apr/);
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["rows"]);
    }
    await assertRejected(
      predictFile({ ...options, format: "csv", keep: ["colour"] }),
      "file-invalid",
      /no column "colour", which --keep names/,
    );
    await assertRejected(
      predictFile({ ...options, format: "csv", out: join(folder, "no", "out.csv") }),
      "file-unwritable",
      /folder/,
    );
  }));

Deno.test("predict: an interrupted one leaves no file behind", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows");
    Deno.writeTextFileSync(path, ndjson(rows));
    const signal = AbortSignal.abort(new Error("stopped"));
    const options = { path, out: join(folder, "out.csv"), format: "csv", metadata, lenient: false } as const;
    await assert.rejects(
      predictFile({ ...options, keep: [], keepIfPresent: [], names: {}, allowMissing: false, signal }),
      /stopped/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["rows"]);
  }));

Deno.test("predict: a file of many batches is predicted to its end", async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => rows[i % rows.length]);
  const seen: number[] = [];
  const { answers } = await predicted(parquet(many), "parquet", { observe: (count) => seen.push(count) });
  assert.deepEqual(
    answers.map(({ probability }) => probability),
    many.map((_, i) => expected[i % rows.length]),
  );
  assert.equal(seen.at(-1), many.length);
  assert.ok(seen.every((count, i) => count - (seen[i - 1] ?? 0) <= 4_096), `answered up to ${seen}`);
});

Deno.test("predict: a parquet file of many row groups is written whole, and no failure leaves one behind", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows");
    const count = 300_000;
    Deno.writeFileSync(path, offersOf(count, (i) => 2 ** 40 + 3 * i));
    const options = { path, metadata, format: "parquet", lenient: false, allowMissing: false } as const;
    const rest = { ...options, keep: ["offer_id"], keepIfPresent: [], names: {} };
    const out = join(folder, "whole.parquet");
    assert.equal((await predictFile({ ...rest, out })).answered, count);
    const { row_groups, num_rows } = parquetMetadata(Deno.readFileSync(out).buffer);
    assert.deepEqual([row_groups.length, num_rows], [5, BigInt(count)]);
    assert.ok(Deno.statSync(out).size > 4 * count);
    Deno.removeSync(out);
    await assertRejected(
      predictFile({ ...rest, out: join(folder, "no", "out.parquet") }),
      "file-unwritable",
      /folder/,
    );
    const controller = new AbortController();
    await assert.rejects(
      predictFile({
        ...rest,
        out: join(folder, "out.parquet"),
        signal: controller.signal,
        observe: (count) => count > 200_000 && controller.abort(new Error("stopped")),
      }),
      /stopped/,
    );
    Deno.writeFileSync(path, parquet([...rows, { ...rows[0], apr: null }]));
    await assertRejected(
      predictFile({ ...rest, out: join(folder, "out.parquet") }),
      "row-rejected",
      /row 5: apr/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["rows"]);
  }));

Deno.test("predict: row groups of parquet with a dictionary, without one, and of both give the server's probabilities", async () => {
  const many = Array.from({ length: 9_000 }, (_, i) => ({
    ...rows[i % rows.length],
    offer_id: 2 ** 40 + 3 * i,
    // At first few amounts, then more and more others.
    requested: i < 2_000 ? 1_000 * (i % 3 + 1) : i,
    loan_purpose: i % 5 === 0 ? null : `purpose ${i % 13}`,
  }));
  const expected = many.map(({ offer_id: _, ...fields }) => probabilityOf(models.first, fields));
  for (const rowGroupSize of [9_000, 1_000]) {
    const content = parquet(many, { rowGroupSize });
    for (const format of ["parquet", "ndjson"] as const) {
      const { report, answers } = await predicted(content, format, { keep: ["requested", "loan_purpose"] });
      assert.deepEqual(answers.map(({ probability }) => probability), expected);
      assert.deepEqual(answers.map(({ offer_id }) => Number(offer_id)), many.map(({ offer_id }) => offer_id));
      assert.deepEqual(answers.map(({ requested }) => requested), many.map(({ requested }) => requested));
      assert.deepEqual(answers.map((row) => row.loan_purpose), many.map((row) => row.loan_purpose));
      assert.equal(report.answered, many.length);
      assert.equal(report.unseen.loan_purpose, many.filter((row) => row.loan_purpose !== null).length);
      assert.equal(report.unseen.lender_id, many.filter(({ lender_id }) => lender_id === 99).length);
    }
  }
});

Deno.test("predict: a trained model gives its golden rows the probabilities of training", () =>
  inFolder(async (folder) => {
    const [path, out] = [join(folder, "rows"), join(folder, "out.ndjson")];
    Deno.writeTextFileSync(path, ndjson(learnt.golden.map(({ features }) => features)));
    const options = { path, out, format: "ndjson", metadata: learnt, lenient: false } as const;
    await predictFile({ ...options, keep: [], keepIfPresent: [], names: {}, allowMissing: false });
    assert.deepEqual(
      (await readAnswers(out, "ndjson")).map(({ probability }) => probability),
      learnt.golden.map(({ probability }) => probability),
    );
  }));

Deno.test("clickwell predict: takes the model in production, or a model by id without a store, and replaces no file unasked", async () => {
  const { dataDir, modelsDir, first, second, remove } = makeServedModels();
  try {
    const [path, out] = [join(dataDir, "rows.ndjson"), join(dataDir, "out.csv")];
    Deno.writeTextFileSync(path, ndjson(rows));
    const words = ["predict", path, "--out", out, "--models", modelsDir];
    const made = await run([...words, "--data", dataDir, "--json"]);
    assert.equal(made.code, 0, made.stderr);
    const { model_id, rows: count, answered, mean_probability } = JSON.parse(made.stdout);
    assert.deepEqual([model_id, count, answered], [first.id, 4, 4]);
    assert.ok(Math.abs(mean_probability - expected.reduce((sum, p) => sum + p, 0) / 4) < 1e-12);
    assert.match(
      (await run([...words, "--data", dataDir])).stderr,
      /exists already\. Replace it with --replace/,
    );
    const other = await run([...words, "--data", "nowhere", "--model", second.id, "--replace", "--json"]);
    assert.equal(JSON.parse(other.stdout).model_id, second.id);
    const [, line] = Deno.readTextFileSync(out).split("\n");
    assert.equal(Number(line.split(",")[1]), probabilityOf(second));
    assert.match((await run(["predict", path, "--out", "scores.xls"])).stderr, /ends in \.csv, \.ndjson/);
    assert.match((await run(["predict", path])).stderr, /needs an output file: --out FILE/);
  } finally {
    remove();
  }
});

Deno.test("predict: a model with hidden layers gives the same probabilities by rows and by columns", () =>
  inFolder(async (folder) => {
    const units = 3;
    const { columnCount } = metadata.encoder;
    const weight = (i: number) => Math.fround(Math.sin(i) / 3);
    const network = {
      layers: [{
        activation: "relu" as const,
        weights: Array.from({ length: columnCount * units }, (_, i) => weight(i)),
        bias: Array.from({ length: units }, (_, i) => weight(i)),
      }],
      output: Array.from({ length: units }, (_, i) => weight(i + 1)),
    };
    const deep = writeArtifact(join(folder, "models"), { ...metadata, network, golden: [] });
    const [path, out] = [join(folder, "rows"), join(folder, "out.ndjson")];
    Deno.writeTextFileSync(path, ndjson(rows));
    const options = { path, out, format: "ndjson", metadata: deep.metadata, lenient: false } as const;
    const { unseen } = await predictFile({
      ...options,
      keep: [],
      keepIfPresent: [],
      names: {},
      allowMissing: false,
    });
    assert.deepEqual(
      (await readAnswers(out, "ndjson")).map(({ probability }) => probability),
      rows.map(({ offer_id: _, ...fields }) => probabilityOf(deep, fields)),
    );
    assert.deepEqual(unseen, { loan_purpose: 2, lender_id: 1 });
  }));
