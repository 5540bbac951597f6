import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run } from "../support/program.ts";
import { postJson, startServe } from "../support/serve_process.ts";

const schema = `
  CREATE TABLE mails (
    mail_id INTEGER NOT NULL PRIMARY KEY, -- the number of the e-mail
    person TEXT NOT NULL,
    subject TEXT,
    zip TEXT,
    hour INTEGER,
    opened INTEGER
  ) STRICT;
  CREATE VIEW examples AS SELECT * FROM mails;
`;

const spec = {
  id: "mail_id",
  label: "opened",
  group: "person",
  features: [
    { name: "subject", type: "words", minCount: 2 },
    { name: "zip", type: "rate", prior: 10 },
    { name: "hour", type: "categorical" },
  ],
  rates: [{ of: ["zip", "hour"] }],
};

function rowsText(): string {
  const subjects = ["Sale: 50% off", "Your invoice", "Für dich: SALE", ""];
  const lines = ["mail_id,person,subject,zip,hour,opened"];
  for (let i = 0; i < 600; i++) {
    const opened = (i * 7919) % 97 < 15 + (i % 4) * 8 + (i % 7) * 6 ? 1 : 0;
    lines.push(`${i + 1},p${i % 150},"${subjects[i % 4]}",0${1000 + (i % 7)},${(i * 5) % 3},${opened}`);
  }
  return lines.join("\n") + "\n";
}

Deno.test("clickwell: words and click rates, from a file to answers of a file, a request and a batch", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    await Deno.writeTextFile(path("my.sql"), schema);
    await Deno.writeTextFile(path("my.json"), JSON.stringify(spec));
    await Deno.writeTextFile(path("mails.csv"), rowsText());
    const folders = ["--data", path("data"), "--models", path("models")];
    const loaded = await run([
      ...["ingest", "--data", path("data"), "--schema", path("my.sql")],
      ...["--table", `mails=${path("mails.csv")}`],
    ]);
    assert.equal(loaded.code, 0, loaded.stderr);
    const trained = await run(["train", ...folders, "--spec", path("my.json"), "--json"]);
    assert.equal(trained.code, 0, trained.stderr);
    const { metrics } = JSON.parse(trained.stdout);
    assert.ok(metrics.log_loss < metrics.base_log_loss);
    const searched = await run(["sweep", ...folders, "--spec", path("my.json"), "--C", "0.1,1", "--json"]);
    assert.equal(searched.code, 0, searched.stderr);

    const row = { subject: "sale FÜR alle", zip: "01003", hour: 1 };
    await Deno.writeTextFile(path("new.csv"), "subject,zip,hour\nsale FÜR alle,01003,1\n,,\n");
    const predicted = await run(["predict", ...folders, path("new.csv"), "--out", path("out.csv")]);
    assert.equal(predicted.code, 0, predicted.stderr);
    const answers = await Deno.readTextFile(path("out.csv"));

    await using server = await startServe(folders);
    const post = (path: string, body: unknown) => postJson(server.origin, path, body);
    const { answer: { probability } } = await post("/predict", row);
    assert.ok(answers.includes(String(probability)), answers);
    const { answer: explained } = await post("/predict?explain=true", row);
    const { contributions } = explained.explanation;
    assert.deepEqual(Object.keys(contributions), ["subject", "zip", "hour"]);
    assert.ok(Object.values(contributions).every((part) => part !== 0), JSON.stringify(contributions));
    const columns = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]]));
    const byColumns = await post("/predict/batch", { columns });
    assert.deepEqual(byColumns.answer.columns.probability, [probability]);
    const byRows = await post("/predict/batch", {
      rows: [row, { ...row, subject: "x", zip: "9", hour: null }],
    });
    assert.equal(byRows.answer.rows[0].probability, probability);
    const ofMlflow = await post("/invocations", { dataframe_records: [row] });
    assert.deepEqual(ofMlflow.answer.predictions, [probability], JSON.stringify(ofMlflow.answer));
    const ofTensorFlow = await post("/v1/models/clickwell:predict", { instances: [row] });
    assert.ok(JSON.stringify(ofTensorFlow.answer).includes(String(probability)));
    const inputs = Object.entries(row).map(([name, value]) => (
      { name, shape: [1], datatype: "BYTES", data: [String(value)] }
    ));
    const ofTensors = await post("/v2/models/clickwell/infer", { inputs });
    assert.deepEqual(ofTensors.answer.outputs?.[0].data, [probability], JSON.stringify(ofTensors.answer));
    const { answer: unseen } = await post("/predict", { subject: "x", zip: "9", hour: 1 });
    assert.deepEqual(unseen.unseen, ["subject", "zip"]);
    const { status, answer: problem } = await post("/predict", { ...row, subject: ["sale"] });
    assert.deepEqual([status, problem.errors[0].pointer], [422, "#/subject"]);
    const byId = await post("/predict", { mail_id: 5 });
    assert.equal(byId.status, 200, JSON.stringify(byId.answer));
    const document = await (await fetch(new URL("/openapi.json", server.origin))).json();
    const { subject } = document.components.schemas.Row.properties;
    assert.match(subject.description, /^a text; the model knows \d+ words/);
    assert.deepEqual(subject.type, ["string", "number", "boolean", "null"]);
  }));

const start = Date.UTC(2024, 0, 1) * 1000;
const dayMicros = 86_400e6;

const timedSchema = `
  CREATE TABLE mails (
    mail_id INTEGER NOT NULL PRIMARY KEY, -- the number of the e-mail
    person TEXT NOT NULL,
    zip TEXT,
    sent_at INTEGER, -- microseconds since 1970-01-01T00:00:00Z
    opened INTEGER
  ) STRICT;
  CREATE VIEW examples AS SELECT * FROM mails;
`;

const timedSpec = {
  id: "mail_id",
  label: "opened",
  group: "person",
  time: "sent_at",
  features: [{ name: "zip", type: "rate", prior: 10, halfLife: "10d" }],
};

Deno.test("clickwell: a rate with a half-life is as of the time that a row has, however it is sent", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    const lines = Array.from({ length: 800 }, (_, i) => {
      const [zip, day] = [i % 5, i >> 3];
      // The zip that clicks most changes before half of the time.
      const opened = (i * 7919) % 97 < 15 + (zip === (day < 40 ? 1 : 3) ? 55 : 0) ? 1 : 0;
      return `${i + 1},p${i},z${zip},${new Date((start + day * dayMicros) / 1000).toISOString()},${opened}`;
    });
    await Deno.writeTextFile(path("my.sql"), timedSchema);
    await Deno.writeTextFile(path("my.json"), JSON.stringify(timedSpec));
    await Deno.writeTextFile(
      path("mails.csv"),
      ["mail_id,person,zip,sent_at,opened", ...lines, ""].join("\n"),
    );
    const folders = ["--data", path("data"), "--models", path("models")];
    const loaded = await run([
      ...["ingest", "--data", path("data"), "--schema", path("my.sql")],
      ...["--table", `mails=${path("mails.csv")}`],
    ]);
    assert.equal(loaded.code, 0, loaded.stderr);
    const train = async (...flags: string[]) => {
      const trained = await run(["train", ...folders, "--spec", path("my.json"), "--json", ...flags]);
      assert.equal(trained.code, 0, trained.stderr);
      return JSON.parse(trained.stdout);
    };
    const byTime = await train("--split", "time", "--threads", "1");
    assert.ok(byTime.metrics.log_loss < byTime.metrics.base_log_loss - 0.02, JSON.stringify(byTime.metrics));
    assert.equal(
      (await train("--split", "time", "--threads", "3", "--memory", "1MB")).model_id,
      byTime.model_id,
    );
    for (const split of ["group", "both"]) await train("--split", split);
    const searched = await run(["sweep", ...folders, "--spec", path("my.json"), "--C", "0.1,1", "--json"]);
    assert.equal(searched.code, 0, searched.stderr);

    const later = new Date((start + 200 * dayMicros) / 1000).toISOString();
    await Deno.writeTextFile(path("new.csv"), `zip,sent_at\nz3,${later}\nz3,\n`);
    const predicted = await run(["predict", ...folders, path("new.csv"), "--out", path("out.csv")]);
    assert.equal(predicted.code, 0, predicted.stderr);
    const answers = await Deno.readTextFile(path("out.csv"));

    await using server = await startServe(folders);
    const post = (path: string, body: unknown) => postJson(server.origin, path, body);
    const probability = async (sentAt: unknown) =>
      (await post("/predict", { zip: "z3", sent_at: sentAt })).answer.probability;
    const [old, recent] = [await probability(later), await probability(null)];
    assert.ok(old < recent, "the rows of a zip of many clicks count less and less");
    assert.equal(await probability(start + 200 * dayMicros), old);
    assert.equal(await probability("2020-01-01"), recent, "before the last row the rate is as of that");
    assert.ok(answers.includes(String(old)) && answers.includes(String(recent)), answers);
    const byRows = await post("/predict/batch", { columns: { zip: ["z3", "z3"], sent_at: [later, null] } });
    assert.deepEqual(byRows.answer.columns.probability, [old, recent]);
    const tensor = (name: string, data: unknown) => ({ name, shape: [1], datatype: "BYTES", data: [data] });
    const ofTensors = await post("/v2/models/clickwell/infer", {
      inputs: [tensor("zip", "z3"), tensor("sent_at", later)],
    });
    assert.deepEqual(ofTensors.answer.outputs?.[0].data, [old], JSON.stringify(ofTensors.answer));
    const { status, answer: problem } = await post("/predict", { zip: "z3", sent_at: "soon" });
    assert.deepEqual([status, problem.errors[0].pointer], [422, "#/sent_at"]);
    const byId = await post("/predict?explain=true", { mail_id: 5 });
    assert.deepEqual(byId.answer.explanation?.contributions.sent_at, 0, JSON.stringify(byId.answer));
    const document = await (await fetch(new URL("/openapi.json", server.origin))).json();
    assert.match(document.components.schemas.Row.properties.sent_at.description, /^a time/);
  }));
