import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { TextFormat } from "../../../pipeline/files/text/text_format.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { predictFile } from "../../../pipeline/predict/predict_file.ts";
import { openStore } from "../../../pipeline/store/store.ts";
import { createLog } from "../../../server/runtime/log.ts";
import { createService, type Service } from "../../../server/service/service.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { specOf } from "../../support/example_rows.ts";
import { trainOn } from "../../support/temp_store.ts";
import { send } from "../../scenarios/scenario.ts";
import { levels, type Spelled, type SpelledRow, spellings } from "../../support/spelled_values.ts";

fc.configureGlobal({ seed: 20261130 });

const columns = ["i", "r", "t"] as const;
const spec = specOf([
  ...columns.map((name) => ({ name, type: "categorical", nullable: true })),
  { name: "x", type: "numeric" },
]);
const schema = `
CREATE TABLE shown (
  id INTEGER NOT NULL PRIMARY KEY, who INTEGER NOT NULL, clicked INTEGER NOT NULL,
  i INTEGER, r REAL, t TEXT, x REAL
) STRICT;
CREATE VIEW examples AS SELECT * FROM shown;
`;
const firstId = 2n ** 60n + 1n;
const rowCount = 240;
const x = 0.25;

/** The training rows, in the spelling of each format. */
const trainingRows = Array.from({ length: rowCount }, (_, k) => {
  const pick = <T>(list: readonly T[], step: number) => list[Math.floor(k / step) % list.length];
  return {
    id: firstId + BigInt(k),
    who: 2n ** 60n + BigInt(k % 50),
    clicked: (k * 7919) % 11 < 4 + (k % 3) ? 1 : 0,
    i: k % 19 === 0 ? null : pick(levels.i, 1),
    r: k % 23 === 0 ? null : pick(levels.r, 2),
    t: k % 29 === 0 ? null : pick(levels.t, 3),
    x: (k % 8) / 4,
  };
});

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** The same rows in each format: integers of CSV and JSON in several spellings. */
const trainingFiles = {
  csv: [
    "id,who,clicked,i,r,t,x",
    ...trainingRows.map(({ id, who, clicked, i, r, t, x }, k) => {
      const odd = i === null ? "" : [`${i}`, i < 0n ? `${i}` : `0${i}`, `${i}.0`, ` ${i}`][k % 4];
      const truth = k % 2 === 1 && (i === 0n || i === 1n) ? (i === 1n ? "True" : "FALSE") : odd;
      const real = r === null ? (k % 2 === 0 ? '""' : "") : String(r);
      return [id, who, clicked, truth, real, t === null ? '""' : quoted(t), x].join(",");
    }),
  ].join("\n"),
  ndjson: trainingRows.map(({ id, who, clicked, i, r, t, x }, k) => {
    const integer = i === null
      ? null
      : k % 3 === 0 && (i === 0n || i === 1n)
      ? i === 1n
      : k % 2 === 0
      ? String(i)
      : i;
    return `{"id":${id},"who":"${who}","clicked":${clicked},"i":${
      typeof integer === "string" ? JSON.stringify(`+${integer}`.replace("+-", "-")) : integer
    },"r":${r},"t":${JSON.stringify(t)},"x":${x}}\n`;
  }).join(""),
  parquet: new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "id", data: trainingRows.map(({ id }) => id), type: "INT64" },
      { name: "who", data: trainingRows.map(({ who }) => who), type: "INT64" },
      { name: "clicked", data: trainingRows.map(({ clicked }) => clicked === 1), type: "BOOLEAN" },
      { name: "i", data: trainingRows.map(({ i }) => i), type: "INT64", nullable: true },
      { name: "r", data: trainingRows.map(({ r }) => r), type: "DOUBLE", nullable: true },
      { name: "t", data: trainingRows.map(({ t }) => t), type: "STRING", nullable: true },
      { name: "x", data: trainingRows.map(({ x }) => x), type: "DOUBLE" },
    ],
  })),
};

interface Trained {
  readonly folder: string;
  readonly id: string;
  readonly metadata: ArtifactMetadata;
}

async function trainFrom(content: string | Uint8Array<ArrayBuffer>): Promise<Trained> {
  const folder = Deno.makeTempDirSync();
  const [dataDir, modelsDir, path] = ["data", "models", "rows"].map((name) => join(folder, name));
  if (typeof content === "string") Deno.writeTextFileSync(path, content);
  else Deno.writeFileSync(path, content);
  const store = openStore(dataDir, { mode: "create", schema, freeBytesMin: 0 });
  try {
    const { tables } = await ingest(store, { files: { shown: [path] } });
    assert.equal(tables.shown.inserted, rowCount);
    const made = { store, dataDir, modelsDir, registry: openRegistry(dataDir) };
    const { artifact } = await trainOn(made, spec, { testShare: 0, C: 1 }, { activate: true });
    return { folder, id: artifact.id, metadata: artifact.metadata };
  } finally {
    store.close();
  }
}

/** Trains on each format, serves one of the models, and removes everything. */
async function withModels(use: (service: Service, model: Trained) => Promise<void>): Promise<void> {
  const trained: Trained[] = [];
  try {
    for (const content of Object.values(trainingFiles)) trained.push(await trainFrom(content));
    assert.deepEqual(
      trained.map(({ id }) => id),
      trained.map(() => trained[0].id),
      "one model of each format",
    );
    const [{ folder }] = trained;
    const service = createService({
      dataDir: join(folder, "data"),
      modelsDir: join(folder, "models"),
      token: undefined,
      insecure: false,
      log: createLog({ format: "json", level: "error", write: () => {} }),
      vertex: { health: "/vertex/health", predict: "/vertex/predict" },
    });
    try {
      await service.production.sync();
      await use(service, trained[0]);
    } finally {
      service.rejectionLog.flush();
    }
  } finally {
    for (const { folder } of trained) Deno.removeSync(folder, { recursive: true });
  }
}

/** The reference: the probability of a row of levels. */
function referenceOf({ metadata }: Trained): (row: SpelledRow) => number {
  const predictor = createPredictor(metadata);
  return ({ i, r, t }) => {
    const findings = createFindings();
    const probability = predictor.predict({ i: i.level, r: r.level, t: t.level, x }, findings);
    assert.deepEqual(findings.errors, []);
    const spelled = { i, r, t };
    const isKnown = (name: typeof columns[number]) => {
      const { level } = spelled[name];
      const [feature] = metadata.encoder.features.filter((feature) => feature.name === name);
      return level === null || (feature.type === "categorical" && feature.levels.includes(level));
    };
    assert.deepEqual(findings.unseen, columns.filter((name) => !isKnown(name)));
    return probability;
  };
}

const anyRow: fc.Arbitrary<SpelledRow> = fc.record({
  i: fc.constantFrom(...spellings.i),
  r: fc.constantFrom(...spellings.r),
  t: fc.constantFrom(...spellings.t),
});

/** Rows as JSON text, because JavaScript cannot write the literals of their values. */
const objectOf = (row: SpelledRow) => `{${columns.map((name) => `"${name}":${row[name].json}`)},"x":${x}}`;
const listOf = (row: SpelledRow) => `[${columns.map((name) => row[name].json)},${x}]`;
const columnsOf = (rows: readonly SpelledRow[]) =>
  `{${columns.map((name) => `"${name}":[${rows.map((row) => row[name].json)}]`)},"x":[${rows.map(() => x)}]}`;
const csvOf = (rows: readonly SpelledRow[]) =>
  ["i,r,t,x", ...rows.map((row) => `${columns.map((name) => csvCell(row[name]))},${x}`)].join("\n");
const csvCell = ({ csv }: Spelled) => csv === "" ? "" : quoted(String(csv));

/** Datatype of a tensor of these values. */
function datatypeOf(values: readonly Spelled[]): string {
  if (values.some(({ json }) => json.startsWith('"'))) return "BYTES";
  return values.every(({ json }) => json === "true" || json === "false") ? "BOOL" : "FP64";
}

interface RequestForm {
  readonly name: string;
  readonly path: string;
  readonly body: (rows: readonly SpelledRow[]) => string;
  readonly read: (text: string) => number[];
  readonly type?: string;
  /** Whether the protocol can represent the row's values. */
  readonly takes?: (row: SpelledRow) => boolean;
}

const member = (name: string) => (text: string) => JSON.parse(text)[name];
const probabilities = (rows: { probability: number }[]) => rows.map(({ probability }) => probability);
const tensors = (rows: readonly SpelledRow[]) =>
  `{"inputs":[${
    columns.map((name) =>
      `{"name":"${name}","datatype":"${datatypeOf(rows.map((row) => row[name]))}","shape":[${rows.length}],` +
      `"data":[${rows.map((row) => row[name].json)}]}`
    )
  },{"name":"x","datatype":"FP64","shape":[${rows.length}],"data":[${rows.map(() => x)}]}]}`;

const requestForms: readonly RequestForm[] = [
  {
    name: "a batch",
    path: "/predict/batch",
    body: (rows) => `[${rows.map(objectOf)}]`,
    read: (text) => probabilities(JSON.parse(text)),
  },
  {
    name: "a batch of columns",
    path: "/predict/batch",
    body: (rows) => `{"columns":${columnsOf(rows)}}`,
    read: (text) => JSON.parse(text).columns.probability,
  },
  {
    name: "a batch of columns, with explanations",
    path: "/predict/batch?explain=true",
    body: (rows) => `{"columns":${columnsOf(rows)}}`,
    read: (text) => JSON.parse(text).columns.probability,
  },
  {
    name: "lines",
    path: "/predict/batch",
    type: "application/x-ndjson",
    body: (rows) => rows.map((row) => `${objectOf(row)}\n`).join(""),
    read: (text) => probabilities(text.trimEnd().split("\n").map((line) => JSON.parse(line))),
  },
  {
    name: "a ranking",
    path: "/rank",
    body: (rows) => `{"offers":[${rows.map(objectOf)}]}`,
    read: (text) =>
      probabilities(
        JSON.parse(text).ranking.sort((a: { index: number }, b: { index: number }) => a.index - b.index),
      ),
  },
  {
    name: "what if",
    path: "/predict/what-if",
    body: (rows) => `{"features":${objectOf(rows[0])},"changes":[${rows.map(objectOf)}]}`,
    read: (text) => probabilities(JSON.parse(text).variants),
  },
  {
    name: "MLflow, split",
    path: "/invocations",
    body: (rows) => `{"dataframe_split":{"columns":["i","r","t","x"],"data":[${rows.map(listOf)}]}}`,
    read: member("predictions"),
  },
  {
    name: "MLflow, records",
    path: "/invocations",
    body: (rows) => `{"dataframe_records":[${rows.map(objectOf)}]}`,
    read: member("predictions"),
  },
  {
    name: "MLflow, inputs",
    path: "/invocations",
    body: (rows) => `{"inputs":${columnsOf(rows)}}`,
    read: member("predictions"),
  },
  {
    name: "MLflow and SageMaker, CSV",
    path: "/invocations",
    type: "text/csv",
    body: csvOf,
    read: member("predictions"),
    takes: (row) => columns.every((name) => row[name].csv !== undefined),
  },
  {
    name: "SageMaker, CSV without a header",
    path: "/invocations",
    type: "text/csv",
    body: (rows) => csvOf(rows).split("\n").slice(1).join("\n"),
    read: member("predictions"),
    takes: (row) => columns.every((name) => row[name].csv !== undefined),
  },
  {
    name: "TensorFlow, rows",
    path: "/v1/models/clickwell:predict",
    body: (rows) => `{"instances":[${rows.map(objectOf)}]}`,
    read: member("predictions"),
  },
  {
    name: "TensorFlow, columns",
    path: "/v1/models/clickwell:predict",
    body: (rows) => `{"inputs":${columnsOf(rows)}}`,
    read: member("outputs"),
  },
  {
    name: "TensorFlow, examples",
    path: "/v1/models/clickwell:regress",
    body: (rows) => `{"examples":[${rows.map(objectOf)}]}`,
    read: member("results"),
  },
  {
    name: "Vertex AI",
    path: "/vertex/predict",
    body: (rows) => `{"instances":[${rows.map(listOf)}]}`,
    read: member("predictions"),
  },
  {
    name: "Open Inference, JSON",
    path: "/v2/models/clickwell/infer",
    body: tensors,
    read: (text) => JSON.parse(text).outputs[0].data,
  },
];

async function ask(service: Service, path: string, body: string | Uint8Array, headers = {}): Promise<string> {
  const response = await send(service, { method: "POST", path, body, headers });
  const text = await response.text();
  assert.equal(response.status, 200, `${path} ${typeof body === "string" ? body : ""}: ${text}`);
  return text;
}

/** Tensors of one row after the JSON. */
function binaryOf(row: SpelledRow): { body: Uint8Array; headers: Record<string, string> } {
  const tensors = [
    ...columns.map((name) => ({ name, ...row[name].tensor })),
    { name: "x", datatype: "FP64", bytes: [...new Uint8Array(Float64Array.of(x).buffer)] },
  ];
  const inputs = tensors.map(({ name, datatype, bytes }) => ({
    name,
    datatype,
    shape: [1],
    parameters: { binary_data_size: bytes.length },
  }));
  const head = new TextEncoder().encode(JSON.stringify({ inputs }));
  return {
    body: Uint8Array.of(...head, ...tensors.flatMap(({ bytes }) => bytes)),
    headers: { "inference-header-content-length": String(head.length) },
  };
}

Deno.test("levels: each spelling of a value is one level in every protocol, bit for bit", async () => {
  await withModels(async (service, model) => {
    const reference = referenceOf(model);
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 5 }), async (rows) => {
        for (const row of rows) {
          const answer = JSON.parse(await ask(service, "/predict", objectOf(row)));
          assert.equal(answer.probability, reference(row), objectOf(row));
          const { body, headers } = binaryOf(row);
          const { outputs } = JSON.parse(await ask(service, "/v2/models/clickwell/infer", body, headers));
          assert.equal(outputs[0].data[0], reference(row), `tensors of ${objectOf(row)}`);
        }
        for (
          const { name, path, body, read, type = "application/json", takes = () => true } of requestForms
        ) {
          const taken = rows.filter(takes);
          if (taken.length === 0) continue;
          const text = await ask(service, path, body(taken), { "content-type": type });
          assert.deepEqual(read(text), taken.map(reference), `${name}: ${body(taken)}`);
        }
      }),
      { numRuns: 120 },
    );
  });
});

/** Predicts a file and returns the answers. */
async function predicted(
  { folder, metadata }: Trained,
  content: string | Uint8Array<ArrayBuffer>,
  textFormat: TextFormat = {},
): Promise<{ probability: number; id?: unknown }[]> {
  const [path, out] = [join(folder, "asked"), join(folder, "answers.ndjson")];
  if (typeof content === "string") Deno.writeTextFileSync(path, content);
  else Deno.writeFileSync(path, content);
  await predictFile({
    path,
    out,
    format: "ndjson",
    metadata,
    lenient: false,
    keep: [],
    keepIfPresent: ["id"],
    names: {},
    allowMissing: true,
    textFormat,
  });
  const lines = Deno.readTextFileSync(out).trimEnd().split("\n");
  // As text, because JSON.parse would round them.
  return lines.map((line) => ({ ...JSON.parse(line), id: /"id":"?(\d+)/.exec(line)?.[1] }));
}

Deno.test("levels: each spelling of a value is one level in files to predict, bit for bit", async () => {
  await withModels(async (_service, model) => {
    const reference = referenceOf(model);
    const [i, r, t] = [spellings.i[0], spellings.r[0], spellings.t[0]];
    const one = { i, r, t };
    const all = columns.flatMap((name) => spellings[name].map((spelled) => ({ ...one, [name]: spelled })));
    const answers = await predicted(model, all.map((row) => `${objectOf(row)}\n`).join(""));
    assert.deepEqual(
      answers.map(({ probability }, at) => [objectOf(all[at]), probability]),
      all.map((row) => [objectOf(row), reference(row)]),
    );
    const inCsv = all.filter((row) => columns.every((name) => row[name].csv !== undefined));
    assert.deepEqual(probabilities(await predicted(model, csvOf(inCsv))), inCsv.map(reference));
    for (const name of columns) {
      for (const type of ["STRING", "INT64", "DOUBLE", "BOOLEAN"] as const) {
        const rows = spellings[name].filter(({ parquet }) => parquet.type === type);
        if (rows.length === 0) continue;
        const columnData = [
          { name, data: rows.map(({ parquet }) => parquet.value), type, nullable: true },
          ...columns.filter((other) => other !== name).map((other) => ({
            name: other,
            data: rows.map(() => String(one[other].level)),
            type: "STRING" as const,
          })),
          { name: "x", data: rows.map(() => x), type: "DOUBLE" as const },
        ];
        const found = await predicted(model, new Uint8Array(parquetWriteBuffer({ columnData })));
        const expected = rows.map((spelled) => reference({ ...one, [name]: spelled }));
        assert.deepEqual(probabilities(found), expected, `${name} as ${type}`);
      }
    }
  });
});

Deno.test("levels: a numeric field rounds an integer beyond 2^53 to a double, in every protocol", async () => {
  await withModels(async (service, model) => {
    const one = { i: spellings.i[0], r: spellings.r[0], t: spellings.t[0] };
    const wide = (text: string) => text.replace(/(?<=[:,\[])0\.25(?=[,}\]]|$)/gm, String(firstId));
    const expected = createPredictor(model.metadata).predict(
      { i: one.i.level, r: one.r.level, t: one.t.level, x: Number(firstId) },
      createFindings(),
    );
    for (const { name, path, body, read, type = "application/json" } of requestForms) {
      const text = await ask(service, path, wide(body([one])), { "content-type": type });
      assert.deepEqual(read(text), [expected], name);
    }
    const explained = JSON.parse(
      await ask(service, "/predict?explain=true&interval=0.9", wide(objectOf(one))),
    );
    assert.equal(explained.probability, expected);
    const { logit, intercept, contributions } = explained.explanation;
    assert.equal(Object.values<number>(contributions).reduce((sum, part) => sum + part, intercept), logit);
    for (const content of [wide(`${objectOf(one)}\n`), wide(csvOf([one]))]) {
      assert.deepEqual(probabilities(await predicted(model, content)), [expected]);
    }
  });
});

const rounded = "1.152921504606846977e18";

Deno.test("levels: a number that stands for several integers is rejected in every protocol, and by predict", async () => {
  await withModels(async (service, model) => {
    const one = { i: spellings.i[0], r: spellings.r[0], t: spellings.t[0] };
    const asked = { ...one, i: { ...one.i, json: rounded } };
    const batch = ["/predict/batch", "/rank"];
    for (const { path, body, type = "application/json", name } of requestForms) {
      if (type === "text/csv") continue;
      const question = path.includes("?") || batch.includes(path)
        ? `${path}${path.includes("?") ? "&" : "?"}strict=true`
        : path;
      const response = await send(service, {
        method: "POST",
        path: question,
        body: body([asked]),
        headers: { "content-type": type },
      });
      const text = await response.text();
      if (type !== "application/x-ndjson") {
        assert.ok([400, 422].includes(response.status), `${name}: ${text}`);
      }
      assert.match(text, /beyond 2\^53.*Send the category as a string/, name);
    }
    const double = { datatype: "FP64", bytes: [...new Uint8Array(Float64Array.of(Number(rounded)).buffer)] };
    for (const name of ["i", "t"] as const) {
      const { body, headers } = binaryOf({ ...one, [name]: { ...one[name], tensor: double } });
      const response = await send(service, {
        method: "POST",
        path: "/v2/models/clickwell/infer",
        body,
        headers,
      });
      assert.equal(response.status, 400);
      assert.match(await response.text(), new RegExp(`#/inputs/${columns.indexOf(name)}/data/0`));
    }
    await assertRejected(
      predicted(model, `${objectOf(one)}\n${objectOf(asked)}\n`),
      "row-rejected",
      /row 2: i is 1152921504606847000, a number beyond 2\^53.*as a string/,
    );
  });
});

Deno.test("levels: ids and groups beyond 2^53 are exact, in files and in lookups", async () => {
  await withModels(async (service, model) => {
    const predictor = createPredictor(model.metadata);
    const probabilityOf = ({ i, r, t, x }: typeof trainingRows[number]) =>
      predictor.predict({ i, r, t, x }, createFindings());
    const asked = trainingRows.slice(1, 4);
    const lines = asked.map(({ id, i, r, t, x }) =>
      `{"id":${id},"i":${i},"r":${r},"t":${JSON.stringify(t)},"x":${x}}\n`
    );
    const answers = await predicted(model, lines.join(""));
    assert.deepEqual(answers.map(({ id }) => id), asked.map(({ id }) => String(id)));
    assert.deepEqual(probabilities(answers), asked.map(probabilityOf));
    for (const row of asked) {
      for (const id of [`${row.id}`, `"${row.id}"`, `"${row.id}.0"`, `"+${row.id}"`]) {
        for (
          const body of [`{"id":${id}}`, `{"id":${id},"who":${row.who}}`, `{"id":${id},"who":"${row.who}"}`]
        ) {
          assert.equal(
            JSON.parse(await ask(service, "/predict", body)).probability,
            probabilityOf(row),
            body,
          );
          const [batched] = JSON.parse(await ask(service, "/predict/batch", `[${body}]`));
          assert.equal(batched.probability, probabilityOf(row), body);
        }
      }
      const ranking = await ask(service, "/rank", `{"lead":{"who":${row.who}}}`);
      const own = trainingRows.filter(({ who }) => who === row.who);
      const ids = [...ranking.matchAll(/"id":"?(\d+)/g)].map(([, id]) => id);
      assert.deepEqual(ids.toSorted(), own.map(({ id }) => String(id)).toSorted());
      const echoed = await ask(service, "/rank", `{"offers":[{"id":${row.id}}]}`);
      assert.match(echoed, new RegExp(`"id":${row.id},`));
      const changed = await ask(
        service,
        "/predict/what-if",
        `{"features":{"id":${row.id}},"changes":[{"id":${row.id},"i":${firstId}}]}`,
      );
      assert.match(changed, new RegExp(`"changes":\\{"id":${row.id},"i":${firstId}\\}`));
    }
    const inexact = await send(service, { method: "POST", path: "/predict", body: `{"id":${rounded}}` });
    assert.equal(inexact.status, 422);
    assert.match(await inexact.text(), /"#\/id".*Send the key as a string/);
  });
});

Deno.test("levels: in CSV an empty field is missing, quoted or not, and NA is a text, in bodies and in files", async () => {
  await withModels(async (service, model) => {
    const predictor = createPredictor(model.metadata);
    const probabilityOf = (row: Record<string, unknown>) => predictor.predict(row, createFindings());
    const ask = async (line: string) => {
      const body = `i,r,t,x\n${line}\n`;
      const response = await send(service, {
        method: "POST",
        path: "/invocations",
        body,
        headers: { "content-type": "text/csv" },
      });
      const json = await response.json();
      if (response.status !== 200) return { status: response.status, json };
      const [{ probability }] = await predicted(model, body);
      assert.equal(probability, json.predictions[0], line);
      return { status: 200, probability };
    };
    const none = { i: null, r: null, t: null, x: null };
    const lines: [string, Record<string, unknown>][] = [
      [",,,", none],
      ['"","","",""', none],
      [" , ,, ", none],
      ["NaN,nan,,NaN", none],
      ["NA,NA,NA,0.25", { ...none, i: "NA", r: "NA", t: "NA", x }],
      ["None,NULL,None,0.25", { ...none, i: "None", r: "NULL", t: "None", x }],
      ['"","",NaN," 0.25 "', { ...none, t: "NaN", x }],
      ['1,1," ",true', { i: 1, r: 1, t: " ", x: 1 }],
    ];
    for (const [line, row] of lines) {
      assert.deepEqual(await ask(line), { status: 200, probability: probabilityOf(row) }, line);
    }
    assert.notEqual(probabilityOf({ ...none, t: "NA", x }), probabilityOf({ ...none, x }));
    for (const text of ["NA", "NULL", "None", "1,5", "x"]) {
      const { status, json } = await ask(`1,1,a,"${text}"`);
      assert.deepEqual([status, json.errors[0].pointer], [400, "#/0/3"]);
      await assertRejected(predicted(model, `i,r,t,x\n1,1,a,"${text}"\n`), "row-rejected", /"x".*number/);
    }
  });
});

Deno.test("levels: a decimal comma is read in categories of numbers, and kept in texts", async () => {
  await withModels(async (_service, model) => {
    const predictor = createPredictor(model.metadata);
    const expected = predictor.predict({ i: 12, r: 0.5, t: "0,5", x }, createFindings());
    const format = { decimalComma: true };
    const files = ["i;r;t;x\n12,0;0,5;0,5;0,25\n", '{"i":"12,0","r":"0,5","t":"0,5","x":0.25}\n'];
    for (const content of files) {
      assert.deepEqual(probabilities(await predicted(model, content, format)), [expected]);
    }
  });
});

Deno.test("levels: numeric fields of a file are read as ingest reads them", async () => {
  await withModels(async (_service, model) => {
    const predictor = createPredictor(model.metadata);
    const row = { i: 12, r: 0.5, t: "12" };
    const probabilityOf = (x: unknown) => predictor.predict({ ...row, x }, createFindings());
    const lines: [string, unknown][] = [
      ["true", 1],
      ["false", 0],
      ['"1.5"', 1.5],
      ['" +15e-1 "', 1.5],
      ['"True"', 1],
      ['"NaN"', null],
      ["1152921504606846977", 2 ** 60],
    ];
    const text = lines.map(([value]) => `{"i":12,"r":0.5,"t":"12","x":${value}}\n`).join("");
    assert.deepEqual(probabilities(await predicted(model, text)), lines.map(([, x]) => probabilityOf(x)));
    for (const wrong of ['"1,5"', '""', '"x"', "[1]", "{}"]) {
      const line = `{"i":12,"r":0.5,"t":"12","x":${wrong}}\n`;
      await assertRejected(predicted(model, line), "row-rejected", /row 1: x must be a number/);
    }
    const columnData = [
      { name: "i", data: [12n, 12n], type: "INT64" as const },
      { name: "r", data: [0.5, 0.5], type: "DOUBLE" as const },
      { name: "t", data: ["12", "12"], type: "STRING" as const },
      { name: "x", data: [firstId, 1n], type: "INT64" as const },
    ];
    const found = await predicted(model, new Uint8Array(parquetWriteBuffer({ columnData })));
    assert.deepEqual(probabilities(found), [2 ** 60, 1].map(probabilityOf));
  });
});

Deno.test("levels: integers beyond 2^53 are exact in a long body too, which is parsed in time slices", async () => {
  await withModels(async (service, model) => {
    const reference = referenceOf(model);
    const rows: SpelledRow[] = Array.from({ length: 3000 }, (_, k) => ({
      i: spellings.i[(7 * k) % spellings.i.length],
      r: spellings.r[(5 * k) % spellings.r.length],
      t: spellings.t[k % spellings.t.length],
    }));
    const expected = rows.map(reference);
    for (const { name, path, body, read, type = "application/json", takes = () => true } of requestForms) {
      const taken = rows.filter(takes);
      const text = body(taken);
      // What if accepts fewer than a thousand changes, and /rank at most 1 MiB.
      if (name === "what if" || text.length < 128 * 1024) continue;
      const answer = await ask(service, path, text, { "content-type": type });
      assert.deepEqual(read(answer), expected.filter((_, k) => takes(rows[k])), name);
    }
  });
});
