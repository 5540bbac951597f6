import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, run } from "../support/program.ts";
import { startServe } from "../support/serve_process.ts";

const schema = `
  CREATE TABLE shown (
    id INTEGER NOT NULL PRIMARY KEY,
    who TEXT NOT NULL,
    bought TEXT,
    shown_at INTEGER,                      -- when, microseconds since 1970-01-01T00:00:00Z
    joined_at INTEGER,                     -- when, microseconds since 1970-01-01T00:00:00Z
    size TEXT,
    position INTEGER
  ) STRICT;
  CREATE VIEW examples AS SELECT * FROM shown;
`;

const spec = {
  id: "id",
  label: "bought",
  positive: "yes",
  group: "who",
  features: [
    { name: "shown_at", type: "time", parts: ["hour", "weekday", "age"], since: "joined_at" },
    { name: "size", type: "ordinal", levels: ["S", "M", "L"] },
    { name: "position", type: "numeric", servedAs: 1 },
  ],
};

const start = Date.UTC(2024, 0, 1);
const hour = 3_600_000;

/** As a spreadsheet writes times. */
const timeText = (millis: number) => new Date(millis).toISOString().slice(0, 19).replace("T", " ");

function rowsText(): string {
  const lines = ["id,who,bought,shown_at,joined_at,size,position"];
  for (let i = 0; i < 600; i++) {
    const shown = start + i * 7 * hour;
    const likes = new Date(shown).getUTCHours() < 12 ? 55 : 25;
    const bought = i % 50 === 9 ? "" : (i * 7919) % 100 < likes - 4 * (i % 5) ? "yes" : "no";
    const joined = timeText(start - (i % 40) * 24 * hour);
    lines.push([i, `w${i % 200}`, bought, timeText(shown), joined, "SML"[i % 3], 1 + i % 5].join(","));
  }
  return lines.join("\n") + "\n";
}

Deno.test("clickwell: times, ordinals and positions are answered alike by files and by every protocol", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    await Deno.writeTextFile(path("my.sql"), schema);
    await Deno.writeTextFile(path("my.json"), JSON.stringify(spec));
    await Deno.writeTextFile(path("rows.csv"), rowsText());
    const folders = ["--data", path("data"), "--models", path("models")];
    const trained = await run([
      ...["train", ...folders, "--schema", path("my.sql"), "--table", `shown=${path("rows.csv")}`],
      ...["--spec", path("my.json"), "--json"],
    ]);
    assert.equal(trained.code, 0, trained.stderr);
    const { rows } = JSON.parse(trained.stdout);
    assert.equal(rows.left_out.no_label, 12);

    const [shown, joined] = ["2024-02-29 08:15:00", "2024-02-01"];
    const micros = (text: string) => Date.parse(`${text.replace(" ", "T")}Z`) * 1000;
    const shownMicros = micros(shown);
    const joinedMicros = micros("2024-02-01 00:00:00");
    await Deno.writeTextFile(path("new.csv"), `shown_at,joined_at,size\n${shown},${joined},M\n`);
    const text = { shown_at: shown, joined_at: joined, size: "M" };
    await Deno.writeTextFile(path("new.ndjson"), `${JSON.stringify(text)}\n`);

    await using server = await startServe(folders);
    const call = async (target: string, body: unknown, type = "application/json") => {
      const response = await fetch(new URL(target, server.origin), {
        method: "POST",
        headers: { "content-type": type },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      const answer = await response.json();
      assert.equal(response.status, 200, `${target}: ${JSON.stringify(answer)}`);
      return answer;
    };
    const { probability } = await call("/predict", text);
    const numbers = { shown_at: shownMicros, joined_at: joinedMicros, size: "M" };
    for (
      const row of [numbers, { ...text, position: 5 }, { ...numbers, shown_at: "2024-02-29T09:15:00+01:00" }]
    ) {
      assert.equal((await call("/predict", row)).probability, probability, JSON.stringify(row));
    }
    for (const name of ["new.csv", "new.ndjson"]) {
      const predicted = await run(["predict", ...folders, path(name), "--out", "-"]);
      assert.equal(predicted.code, 0, predicted.stderr);
      assert.ok(predicted.stdout.includes(String(probability)), `${name}: ${predicted.stdout}`);
    }
    const columns = Object.fromEntries(Object.entries(text).map(([name, value]) => [name, [value]]));
    const batch = await call("/predict/batch", { columns: { ...columns, position: [3] } });
    assert.deepEqual(batch.columns.probability, [probability]);
    const csv = `shown_at,joined_at,size\n${shownMicros},${joined},M\n`;
    assert.deepEqual((await call("/invocations", csv, "text/csv")).predictions, [probability]);
    const tensor = (name: string, datatype: string, value: unknown) => ({
      name,
      datatype,
      shape: [1],
      data: [value],
    });
    const inferred = await call("/v2/models/clickwell/infer", {
      inputs: [
        tensor("shown_at", "INT64", shownMicros),
        tensor("joined_at", "BYTES", joined),
        tensor("size", "BYTES", "M"),
      ],
    });
    assert.deepEqual(inferred.outputs[0].data, [probability]);
    const served = await call("/v1/models/clickwell:predict", { instances: [text] });
    assert.deepEqual(served.predictions, [probability]);

    const metadata = await (await fetch(new URL("/v2/models/clickwell", server.origin))).json();
    assert.deepEqual(
      metadata.inputs.map(({ name, datatype }: Record<string, unknown>) => `${name} ${datatype}`),
      ["shown_at INT64", "joined_at INT64", "size BYTES"],
    );
    const index =
      await (await fetch(new URL("/", server.origin), { headers: { accept: "application/json" } })).json();
    assert.deepEqual(
      index.model.fields.map(({ name, type }: Record<string, unknown>) => `${name} ${type}`),
      ["shown_at time", "joined_at time", "size categorical"],
    );
    const { explanation } = await call("/predict?explain=true", text);
    assert.deepEqual(Object.keys(explanation.contributions), ["shown_at", "joined_at", "size", "position"]);
    // A stored row is found by its id, with its times; its position is not used.
    assert.ok((await call("/predict", { id: 42 })).probability > 0);
  }));
