import assert from "node:assert/strict";
import { join } from "node:path";
import { profileFile } from "../../../pipeline/init/profile.ts";
import { propose, type Wishes } from "../../../pipeline/init/propose.ts";
import type { Proposal } from "../../../pipeline/init/proposal.ts";
import { schemaText } from "../../../pipeline/init/schema_text.ts";
import { configText, specText } from "../../../pipeline/init/settings_text.ts";
import { parseSpec } from "../../../pipeline/examples/spec.ts";
import { checkSchema } from "../../../pipeline/store/schema.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";

type Row = Readonly<Record<string, string | number>>;

/** Proposes what to make of rows, written as CSV. */
async function proposed(rows: readonly Row[], wishes?: Wishes): Promise<Proposal> {
  const found: Proposal[] = [];
  await inFolder(async (folder) => {
    const path = join(folder, "mails.csv");
    const lines = [Object.keys(rows[0]), ...rows.map((row) => Object.values(row))];
    await Deno.writeTextFile(path, lines.map((cells) => cells.join(";")).join("\n"));
    found.push(propose(await profileFile(path), wishes));
  });
  return found[0];
}

/** Rows with a column of each kind. */
const mails: readonly Row[] = Array.from({ length: 400 }, (_, i) => ({
  mail_id: 1_000 + i,
  customer: `c${i % 90}`,
  signup_date: `2023-0${1 + i % 9}-2${i % 8}`,
  sent: `2024-0${1 + i % 6}-1${i % 10}T0${i % 9}:15:00Z`,
  income: Math.round(1_000 * Math.exp(((i * 37) % 100) / 25)),
  age: 20 + (i * 7) % 60,
  country: ["DE", "AT", "CH"][i % 3],
  land: ["Germany", "Austria", "Switzerland"][i % 3],
  size: ["small", "medium", "large"][(i * 5) % 7 % 3],
  lender_id: i % 25,
  is_new: i % 2 ? "true" : "false",
  version: 7,
  note: `the customer wrote a long text number ${i}`,
  trace: `t-${(i * 7_919) % 1_009}`,
  opened: (i * 11) % 17 < 5 ? "yes" : "no",
}));

Deno.test("init: key, label, group and time are found by names and values", async () => {
  const proposal = await proposed(mails);
  const { id, label, group, time, tables, view } = proposal;
  assert.deepEqual({ id, label, group, time }, {
    id: "mail_id",
    label: { is: "column", name: "opened", positive: "yes" },
    group: "customer",
    time: "sent",
  });
  assert.deepEqual([tables[0].name, tables[0].key, tables[0].isNumbered, view.child], [
    "mails",
    ["mail_id"],
    false,
    "mails",
  ]);
});

Deno.test("init: the time of monthly snapshots is no feature, and its entry can be moved up", async () => {
  const { features, leftOut } = await proposed(
    mails.map((row, i) => ({ ...row, sent: `2024-0${1 + i % 9}-01` })),
  );
  assert.ok(!features.some(({ name }) => name === "sent"));
  assert.deepEqual(leftOut.find(({ column }) => column === "sent"), {
    column: "sent",
    why: "it is the time of the examples, and rows to come have later ones",
    feature: { name: "sent", type: "time", parts: ["weekday"] },
  });
});

Deno.test("init: rows are held out by time alone if most groups come again, else by the default", async () => {
  const splitOf = async (rows: readonly Row[]) => {
    const proposal = await proposed(rows);
    const config = JSON.parse(configText(proposal, (path) => path));
    assert.equal(config.split, proposal.split);
    assert.equal(/held out together/.test(JSON.stringify(proposal)), config.split === undefined);
    return { split: config.split, text: proposal.findings.find(({ about }) => about === "time")?.text ?? "" };
  };
  const loyal = await splitOf(mails.map((mail, i) => ({ ...mail, customer: `c${i % 31}` })));
  assert.equal(loyal.split, "time");
  assert.match(
    loyal.text,
    /by time alone \(--split time\): \d+(\.\d)? % of the earlier rows are of a customer that comes again/,
  );
  const passing = await splitOf(mails);
  assert.equal(passing.split, undefined);
  assert.match(passing.text, /; the last fifth is held out$/);
});

Deno.test("init: each column is a feature of its kind, or left out with a reason and the feature that it would be", async () => {
  const { features, leftOut } = await proposed(mails);
  assert.deepEqual(features, [
    { name: "signup_date", type: "time", parts: ["age"], since: "sent" },
    { name: "sent", type: "time", parts: ["hour", "weekday"] },
    { name: "income", type: "numeric", transform: "log1p" },
    { name: "age", type: "numeric" },
    { name: "country", type: "categorical", minCount: 2 },
    { name: "size", type: "ordinal", levels: ["small", "medium", "large"] },
    { name: "lender_id", type: "categorical", minCount: 2 },
    { name: "is_new", type: "categorical" },
  ]);
  assert.deepEqual(
    leftOut.map(({ column, why, feature }) => [column, why.replace(/:.*/, ""), feature.type]),
    [
      ["customer", "it is the group", "categorical"],
      ["land", "it is the same as country in every row that was looked at", "categorical"],
      ["version", "it is constant", "numeric"],
      ["note", "it is a free text of 8 words, with 400 values", "words"],
      ["trace", "it is an id", "categorical"],
    ],
  );
});

Deno.test("init: the user's wishes come first, and a name that the file lacks is a failure", async () => {
  const { label, group, time } = await proposed(mails, { label: "is_new", group: "country", time: "sent" });
  assert.deepEqual([label.name, group, time], ["is_new", "country", "sent"]);
  await assertRejected(
    proposed(mails, { group: "custmer" }),
    "usage-invalid",
    /^--group is "custmer", but .*mails\.csv has no column of that name\. Did you mean customer\? It has mail_id, /,
  );
});

Deno.test("init: without a key the store numbers the rows, under a name that is free", async () => {
  const rows = mails.map(({ mail_id: _, ...row }) => ({ row_number: "x", ...row }));
  const proposal = await proposed(rows);
  assert.deepEqual([proposal.id, proposal.tables[0].isNumbered], ["row_number_2", true]);
  assert.match(schemaText(proposal), /^ {2}row_number_2 INTEGER PRIMARY KEY, +-- the number of the row/m);
  assert.match(
    proposal.findings.find(({ about }) => about === "key")?.text ?? "",
    /^none found: the store numbers the rows in row_number_2\. A corrected file can then not replace this one/,
  );
});

Deno.test("init: the schema is one that the store takes, whatever the names are", async () => {
  const rows = mails.map(({ opened, ...row }, i) => ({
    ...row,
    "größe in cm": i,
    select: i % 5,
    "a b": i % 4,
    "count_at": i % 3,
    opened,
  }));
  const text = schemaText(await proposed(rows));
  checkSchema(text);
  assert.match(
    text,
    /^ {2}mail_id +INTEGER NOT NULL PRIMARY KEY,|^ {2}mail_id INTEGER NOT NULL PRIMARY KEY,/m,
  );
  assert.match(text, /^ {2}sent INTEGER, +-- a time, microseconds since 1970-01-01T00:00:00Z$/m);
  assert.match(text, /^ {2}"größe in cm" INTEGER, /m);
  assert.match(text, /^ {2}"select" INTEGER, /m);
  // The store takes an INTEGER in _at for a time.
  assert.match(text, /^ {2}count_at REAL, /m);
});

Deno.test("init: spec and settings are JSON with a line for each feature", async () => {
  const proposal = await proposed(mails);
  const spec = JSON.parse(specText(proposal));
  parseSpec(spec, "features.json");
  assert.deepEqual(
    [spec.view, spec.id, spec.label, spec.positive, spec.group, spec.time],
    ["examples", "mail_id", "opened", "yes", "customer", "sent"],
  );
  assert.deepEqual(spec.features, proposal.features);
  assert.deepEqual(spec.leftOut, proposal.leftOut);
  assert.match(
    specText(proposal),
    /^ {4}\{ "name": "size", "type": "ordinal", "levels": \["small", "medium", "large"\] \},?$/m,
  );
  assert.deepEqual(JSON.parse(configText(proposal, () => "../mails.csv")), {
    relativeTo: "file",
    schema: "schema.sql",
    spec: "features.json",
    table: ["mails=../mails.csv"],
    data: ".",
    models: "models",
  });
});

Deno.test("init: two texts are a label; the word that means yes is 1, else the rarer one", async () => {
  const labelled = async (...texts: readonly string[]) => {
    const rows = mails.map(({ opened: _, ...row }, i) => ({ ...row, state: texts[i % 5 === 0 ? 0 : 1] }));
    const { label } = await proposed(rows, { label: "state" });
    return label.is === "column" ? label.positive : "?";
  };
  assert.equal(await labelled("nein", "ja"), "ja");
  assert.equal(await labelled("No", "other"), "other");
  assert.equal(await labelled("gone", "here"), "gone");
  assert.equal(await labelled("1", "-1"), "1");
  assert.equal(await labelled("1", "0"), undefined);
  assert.equal(await labelled("TRUE", "false"), undefined);
});

Deno.test("init: --group none makes each row a group", async () => {
  const { group, features } = await proposed(mails, { group: "none" });
  assert.equal(group, "mail_id");
  assert.ok(features.some(({ name }) => name === "customer"));
  const rows = mails.map((row, i) => ({ ...row, none: i % 40 }));
  assert.equal((await proposed(rows, { group: "none" })).group, "none");
});

Deno.test("init: integers that number the rows, in whatever order, are an id", async () => {
  const rows = mails.map((row, i) => ({ ...row, place: (i * 7) % 400 + 3, income: (i * 7_919) % 1_000_003 }));
  const { features, leftOut } = await proposed(rows);
  assert.equal(leftOut.find(({ column }) => column === "place")?.why, "it is an id: it numbers the rows");
  assert.ok(features.some(({ name }) => name === "income"));
});

Deno.test("init: integers of more than 64 bits are texts", async () => {
  const rows = mails.map((row, i) => ({
    ...row,
    mail_id: `123456789012345678${90 + i % 10}${i}`,
    shop: `9999999999999999999${i % 5}`,
  }));
  const { id, tables, features } = await proposed(rows);
  assert.equal(id, "mail_id");
  const typeOf = (name: string) => tables[0].columns.find((column) => column.name === name)?.type;
  assert.deepEqual([typeOf("mail_id"), typeOf("shop")], ["TEXT", "TEXT"]);
  assert.equal(features.find(({ name }) => name === "shop")?.type, "categorical");
});

Deno.test("init: two numbers are a label; the greater one is 1", async () => {
  const labelled = async (one: number, other: number) => {
    const rows = mails.map(({ opened: _, ...row }, i) => ({ ...row, state: i % 5 === 0 ? one : other }));
    const { label, findings } = await proposed(rows, { label: "state" });
    return [
      label.is === "column" ? label.positive : "?",
      findings.find(({ about }) => about === "label")?.text,
    ];
  };
  assert.deepEqual(await labelled(2, 1), [
    "2",
    'state, 1 for "2": 20.0 % of the rows, the greater value; for "1" write it as "positive" in the spec',
  ]);
  assert.equal((await labelled(1999, 2008))[0], "2008");
  assert.equal((await labelled(-0.25, -1.5))[0], "-0.25");
  assert.equal((await labelled(0, 2))[0], "2");
  assert.deepEqual(await labelled(1, -1), ["1", 'state, 1 for "1": 20.0 % of the rows']);
});

Deno.test("init: a label that is not one says what was seen and what to do", async () => {
  const withLabel = (valueOf: (i: number) => string | number) =>
    mails.map(({ opened: _, is_new: __, ...row }, i) => ({ ...row, y: valueOf(i) }));
  const cases: [(i: number) => string | number, RegExp][] = [
    [
      () => 0,
      /it has one value, "0", in the 400 rows looked at, expected two values\. A model needs rows of both outcomes/,
    ],
    [
      (i) => `v${i % 17}`,
      /it has 17 values \(v0, v1, .* and 12 more\), expected two values\..*write a column that is 1/,
    ],
    [
      (i) => i === 7 ? "maybe" : ["no", "yes"][i % 2],
      /it has "maybe" in 1 of the 400 rows looked at, beside "no" and "yes", expected two values\. Correct or remove such rows/,
    ],
    [
      (i) => i === 7 ? 200 : i % 2,
      /it has "200" in 1 of the 400 rows .* leave the field empty where the outcome is not known\.$/,
    ],
    [
      (i) => i % 3 === 0 ? "1" : "",
      /it has one value, "1", and none in 266 of the 400 rows .* write 0 there\.$/,
    ],
    [
      (i) => i % 5 < 3 ? "unknown" : ["no", "yes"][i % 2],
      /it has "unknown" in 240 of the 400 rows looked at, beside .*, expected two values\. Correct or remove/,
    ],
    [(i) => i / 3, /it is a number, with 400 values from 0 to 133, expected two values\..*above a limit/],
    [(i) => `2024-01-0${1 + i % 2}`, /it is a date, expected two values\. Write a column that is 1 where/],
    [() => "", /it has no value/],
    [
      (i) => ["Yes", "yes ", "NO"][i % 3],
      /it has 3 values \("Yes", "yes ", "NO"\), expected two values\. Write "yes" and "no" in one way each/,
    ],
  ];
  for (const [valueOf, message] of cases) {
    await assertRejected(proposed(withLabel(valueOf), { label: "y" }), "examples-invalid", message);
  }
  await assertRejected(
    proposed(withLabel((i) => i)),
    "usage-invalid",
    /has no column of two values that could be the label; it has.*name it with --label COLUMN/,
  );
  await assertRejected(
    proposed(mails.map(({ opened, ...row }) => ({ ...row, state: opened }))),
    "usage-invalid",
    /has 2 columns of two values: is_new \(.*\), state \(no, yes\)\. Say which one is the label: --label is_new$/,
  );
  await assertRejected(
    proposed(mails.slice(0, 1)),
    "examples-invalid",
    /it has one row, expected rows of both outcomes/,
  );
});

Deno.test("init: a free text is a feature if there is no other, and a table without any is rejected", async () => {
  const texts = mails.map(({ mail_id, note, opened }) => ({ mail_id, note, opened }));
  const { features, leftOut } = await proposed(texts);
  assert.deepEqual([features.map(({ name, type }) => [name, type]), leftOut], [[["note", "words"]], []]);
  await assertRejected(
    proposed(mails.map(({ mail_id, version, opened }) => ({ mail_id, version, opened }))),
    "examples-invalid",
    /^There is no column from which to predict the label: version \(it is constant: "7" in every row\)\. Add columns/,
  );
});
