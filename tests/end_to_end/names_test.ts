import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writeClients } from "../../packaging/clients/write_clients.ts";
import { inFolder, run } from "../support/program.ts";
import { postJson, startServe } from "../support/serve_process.ts";

/** Names that SQL, CSV, JavaScript, JSON pointers and flags each read in another way. */
const names = {
  table: 'the "Kunden" table',
  id: "Kunden-Nr.",
  group: "who?",
  label: "ge=kauft",
  number: "Preis in €/Stück -- netto",
  category: "__proto__",
  inherited: "constructor",
  other: "2024, Größe ~ '--'",
};
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const csv = (texts: readonly unknown[]) =>
  texts.map((text) => `"${String(text).replaceAll('"', '""')}"`).join(",");

const schema = `
  CREATE TABLE ${quoted(names.table)} (
    ${quoted(names.id)} INTEGER NOT NULL PRIMARY KEY, -- the number
    ${quoted(names.group)} TEXT NOT NULL,
    ${quoted(names.label)} TEXT,
    ${quoted(names.number)} REAL CHECK (${quoted(names.number)} >= 0), -- net price
    ${quoted(names.category)} TEXT,
    ${quoted(names.inherited)} TEXT,
    ${quoted(names.other)} TEXT
  ) STRICT;
  CREATE VIEW examples AS SELECT * FROM ${quoted(names.table)};
`;

const spec = {
  id: names.id,
  label: names.label,
  positive: "ja",
  group: names.group,
  features: [
    { name: names.number, type: "numeric" },
    { name: names.category, type: "categorical" },
    { name: names.inherited, type: "categorical" },
    { name: names.other, type: "categorical" },
  ],
};

/** @param priceName Name of the price in the file. */
function rowsText(priceName: string, priceOf = (i: number): number | string => (i * 37) % 100): string {
  const lines = [
    csv([names.id, names.group, names.label, priceName, names.category, names.inherited, names.other]),
  ];
  for (let i = 0; i < 400; i++) {
    const isBought = (i * 7919) % 97 < 20 + (i % 3) * 20;
    lines.push(
      csv([
        i + 1,
        `k${i % 90}`,
        isBought ? "ja" : "nein",
        priceOf(i),
        `team ${i % 3}`,
        `c${i % 2}`,
        `S${i % 4}`,
      ]),
    );
  }
  return lines.join("\n") + "\n";
}

Deno.test("clickwell: names with any characters stay as they are, from the file to the answer", () =>
  inFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    await Deno.writeTextFile(path("my.sql"), schema);
    await Deno.writeTextFile(path("my.json"), JSON.stringify(spec));
    await Deno.writeTextFile(path("rows.csv"), rowsText("x.y=z"));
    await Deno.writeTextFile(path("bad.csv"), rowsText(names.number, (i) => i === 3 ? -1 : 1));
    const folders = ["--data", path("data"), "--models", path("models")];
    const tableFile = (file: string) => ["--table", `${quoted(names.table)}=${path(file)}`];
    const mapped = `${quoted(names.table)}.${quoted(names.number)}=x.y=z`;

    const bad = await run([
      "ingest",
      "--data",
      path("bad"),
      "--schema",
      path("my.sql"),
      ...tableFile("bad.csv"),
    ]);
    assert.equal(bad.code, 1);
    assert.ok(bad.stderr.includes(`${names.number} is -1`), bad.stderr);
    const loaded = await run([
      ...["ingest", "--data", path("data"), "--schema", path("my.sql"), ...tableFile("rows.csv")],
      ...["--column", mapped, "--index", `${quoted(names.table)}.${names.group}`, "--json"],
    ]);
    assert.equal(loaded.code, 0, loaded.stderr);
    assert.equal(JSON.parse(loaded.stdout).tables[names.table].inserted, 400);

    const trained = await run(["train", ...folders, "--spec", path("my.json"), "--json"]);
    assert.equal(trained.code, 0, trained.stderr);
    assert.ok(JSON.parse(trained.stdout).metrics.log_loss < 0.7);

    const row = {
      [names.number]: 12.5,
      [names.category]: "team 1",
      [names.inherited]: "c1",
      [names.other]: "S2",
    };
    await Deno.writeTextFile(path("new.csv"), `${csv(Object.keys(row))}\n${csv(Object.values(row))}\n`);
    const predicted = await run(["predict", ...folders, path("new.csv"), "--out", path("out.csv")]);
    assert.equal(predicted.code, 0, predicted.stderr);
    const answers = await Deno.readTextFile(path("out.csv"));

    await using server = await startServe(folders);
    const post = (path: string, body: unknown) => postJson(server.origin, path, body);
    const { answer: { probability } } = await post("/predict", row);
    assert.ok(probability > 0 && probability < 1);
    assert.ok(answers.includes(String(probability)), answers);
    const { answer: explained } = await post("/predict?explain=true", row);
    assert.deepEqual(Object.keys(explained.explanation.contributions), Object.keys(row));

    const byColumns = await post("/predict/batch", {
      columns: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]])),
    });
    assert.deepEqual(byColumns.answer.columns.probability, [probability]);
    const byCsv = await fetch(new URL("/invocations", server.origin), {
      method: "POST",
      headers: { "content-type": "text/csv" },
      body: `${csv(Object.keys(row))}\n${csv(Object.values(row))}\n`,
    });
    assert.deepEqual((await byCsv.json()).predictions ?? [], [probability]);

    const { [names.category]: _, [names.inherited]: _other, ...lacking } = row;
    const { status, answer: problem } = await post("/predict", { ...lacking, [names.number]: "much" });
    assert.equal(status, 422);
    assert.deepEqual(problem.errors.map(({ pointer }: { pointer: string }) => pointer), [
      `#/${encodeURIComponent(names.number.replaceAll("/", "~1"))}`,
      "#/__proto__",
      "#/constructor",
    ]);
    assert.match(problem.errors[1].detail, /is missing/);

    const whatIf = await post("/predict/what-if", {
      features: row,
      changes: [{ [names.category]: "team 2" }],
    });
    assert.ok(whatIf.answer.variants[0].difference !== 0, JSON.stringify(whatIf.answer));
    const byId = await post("/predict", { [names.id]: 5 });
    assert.equal(byId.status, 200, JSON.stringify(byId.answer));
    const ranked = await post("/rank", { [names.group]: "k7" });
    assert.equal(ranked.status, 200, JSON.stringify(ranked.answer));
    const document = await (await fetch(new URL("/openapi.json", server.origin))).json();
    assert.deepEqual(
      Object.keys(document.components.schemas.Row.properties).sort(),
      [
        ...[names.id, names.group],
        ...Object.keys(row),
      ].sort(),
    );
    // Clients in other languages have the names in quotes.
    const clients = writeClients(document);
    for (const [file, text] of Object.entries(clients)) {
      for (const name of Object.keys(row)) {
        assert.ok(
          text.includes(/^[a-z_]+$/.test(name) ? name : JSON.stringify(name)),
          `${file} lacks ${name}`,
        );
      }
    }
    await Deno.writeTextFile(path("client.ts"), clients["clients/typescript/clickwell.ts"]);
    const { createClient } = await import(pathToFileURL(path("client.ts")).href);
    assert.equal((await createClient(server.origin).predict(row)).probability, probability);
  }));
