import assert from "node:assert/strict";
import { join } from "node:path";
import { leadLines, loanFiles, ndjsonOf } from "../support/temp_files.ts";
import { inFolder, root, run, spawn } from "../support/program.ts";

const real = join(root, "../shared/data/loan-offers");
const realFiles = ["leads", "offers", "clicks"].map((
  table,
) => [`--${table}`, join(real, `ds_${table}.parquet.gzip`)]);

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Writes the loan files and returns the words that load them. */
function loanWords(folder: string): string[] {
  return Object.entries(loanFiles).flatMap(([table, bytes]) => {
    const path = join(folder, `${table}.parquet`);
    Deno.writeFileSync(path, bytes);
    return [`--${table}`, path];
  });
}

const counts = (read: number) => ({ read, inserted: read, unchanged: 0, replaced: 0, kept: 0, rejected: 0 });

Deno.test("clickwell ingest --json prints the counts of each table's rows and the number of examples", () =>
  inFolder(async (folder) => {
    const words = ["ingest", "--data", join(folder, "data"), ...loanWords(folder), "--json"];
    const { code, stdout } = await run(words);
    assert.equal(code, 0);
    assert.equal(stdout.split("\n").length, 2, "one line");
    const { tables, examples, orphans, files } = JSON.parse(stdout);
    assert.deepEqual(tables, { leads: counts(3), offers: counts(4), clicks: counts(3) });
    assert.equal(examples, 4);
    assert.deepEqual([orphans.length, files.length], [2, 3]);
  }));

Deno.test("clickwell ingest ends with a report for people, on standard error", () =>
  inFolder(async (folder) => {
    const words = ["ingest", "--data", join(folder, "data"), ...loanWords(folder)];
    const { code, stdout, stderr } = await run(words);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.equal(
      stderr,
      [
        "table   file            read  new  unchanged  rejected  duplicate keys",
        "leads   leads.parquet      3    3          0         0               0",
        "offers  offers.parquet     4    4          0         0               0",
        "clicks  clicks.parquet     3    3          0         0               0",
        "leads: leads.parquet: without a value: credit 1 (33.3 %), annual_income 2 (66.7 %)",
        "offers: offers.parquet: without a value: apr 1 (25.0 %), lender_id 1 (25.0 %)",
        "clicks: clicks.parquet: clicked_at: from 2021-03-23T02:01:48.339Z to 2021-03-24T02:01:48.339Z",
        "examples: 4",
        "",
      ].join("\n"),
    );
    const again = await run(words.slice(0, -2));
    assert.match(
      again.stderr,
      /^leads: leads\.parquet: loaded before with the same content: nothing to do$/m,
    );
  }));

Deno.test("clickwell ingest reports rejects, orphans and columns left out", () =>
  inFolder(async (folder) => {
    const offers = join(folder, "offers.csv");
    Deno.writeTextFileSync(
      offers,
      "offer_id,lead_uuid,apr,lender_id,\u001b[31mred\n1,a,-1,2,x\n2,b,1,2,x\n3,c,x,2,x\n",
    );
    const rejects = join(folder, "rejects.ndjson");
    const { code, stderr } = await run([
      "ingest",
      "--data",
      join(folder, "data"),
      "--offers",
      offers,
      "--rejects",
      rejects,
    ]);
    assert.equal(code, 0);
    assert.match(stderr, /^offers: offers\.csv: 1 row rejected: CHECK constraint failed: apr >= 0$/m);
    assert.match(stderr, /^offers: offers\.csv: 1 row with a value that cannot be loaded$/m);
    assert.match(stderr, /^offers: offers\.csv: left out, not in the table: "\\u001b\[31mred"$/m);
    assert.match(stderr, /^offers: 1 orphan: lead_uuid is not in leads\. Load leads too\.$/m);
    assert.equal(Deno.readTextFileSync(rejects).split("\n").length, 3);
  }));

Deno.test("clickwell ingest --schema and --table load custom tables", () =>
  inFolder(async (folder) => {
    const schema = join(folder, "mails.sql");
    Deno.writeTextFileSync(
      schema,
      `CREATE TABLE mails (mail_id INTEGER NOT NULL PRIMARY KEY, opened INTEGER) STRICT;
       CREATE VIEW examples AS SELECT mail_id, opened AS clicked FROM mails;`,
    );
    const mails = join(folder, "mails.ndjson");
    Deno.writeTextFileSync(mails, ndjsonOf([{ id: 1, opened: 0 }, { id: 2, opened: 1 }]));
    const words = [
      "ingest",
      "--data",
      join(folder, "data"),
      "--table",
      `mails=${mails}`,
      "--column",
      "mails.mail_id=id",
      "--json",
    ];
    const { code, stdout } = await run([...words, "--schema", schema]);
    assert.equal(code, 0);
    assert.deepEqual([JSON.parse(stdout).tables.mails.inserted, JSON.parse(stdout).examples], [2, 2]);
    const again = await run(words);
    assert.equal(JSON.parse(again.stdout).tables.mails.unchanged, 2);
  }));

Deno.test("clickwell ingest exits with 2 for wrong usage and with 1 for a bad file, and creates no store in either case", () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    const rows: [words: string[], code: number, message: RegExp][] = [
      [[], 2, /clickwell ingest needs a file: --leads, --offers, --clicks FILE or --table NAME=FILE/],
      [["--table", "mails.parquet"], 2, /--table is "mails\.parquet", expected NAME=FILE/],
      [["--leads", "x", "--column", "apr=rate"], 2, /--column is "apr=rate", expected TABLE\.COLUMN=NAME/],
      [["--leads", "x", "--on-conflict", "merge"], 2, /--on-conflict is "merge"/],
      [["--leads", join(folder, "missing.parquet")], 1, /The file .*missing\.parquet/],
      [["--leads", folder], 1, /it is not a file/],
    ];
    for (const [words, code, message] of rows) {
      const outcome = await run(["ingest", "--data", data, ...words]);
      assert.equal(outcome.code, code, outcome.stderr);
      assert.match(outcome.stderr, message);
      assert.equal(isThere(data), false);
    }
  }));

Deno.test("clickwell ingest stopped by Ctrl-C exits with 130 and leaves the store as it was", {
  ignore: Deno.build.os === "windows",
}, () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    const path = join(folder, "leads.ndjson");
    Deno.writeTextFileSync(path, leadLines(400_000, "auto"));
    await using child = spawn(["ingest", "--data", data, "--leads", path]);
    // Made when the first rows are inserted.
    const journal = join(data, "tables.db-journal");
    for (let tries = 0; tries < 1_000 && !isThere(journal); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    assert.equal(code, 130, new TextDecoder().decode(stderr));
    const { stdout } = await run(["ingest", "--data", data, ...loanWords(folder), "--json"]);
    assert.equal(JSON.parse(stdout).tables.leads.inserted, 3);
    assert.equal(JSON.parse(stdout).examples, 4);
  }));

Deno.test({
  name: `clickwell ingest loads the real loan offers${
    isThere(real) ? "" : " (skipped: ../shared/data/loan-offers is not there)"
  }`,
  ignore: !isThere(real),
  fn: () =>
    inFolder(async (folder) => {
      const { code, stdout, stderr } = await run(["ingest", "--data", folder, ...realFiles.flat(), "--json"]);
      assert.equal(code, 0, stderr);
      const { tables, examples, orphans, files } = JSON.parse(stdout);
      assert.deepEqual(tables, { leads: counts(15_130), offers: counts(19_661), clicks: counts(6_530) });
      assert.equal(examples, 19_661);
      assert.deepEqual(orphans.map(({ rows }: { rows: number }) => rows), [0, 0]);
      assert.deepEqual(files[0].leftOut, ["__index_level_0__"]);
      assert.equal(files[0].nulls.credit, 8);
    }),
});
