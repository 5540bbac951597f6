import assert from "node:assert/strict";
import { join } from "node:path";
import { proposeFiles } from "../../../pipeline/init/propose_files.ts";
import type { Wishes } from "../../../pipeline/init/propose.ts";
import { schemaText } from "../../../pipeline/init/schema_text.ts";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { openStore } from "../../../pipeline/store/store.ts";
import { listTables } from "../../../pipeline/store/table.ts";
import { parentJoinOf } from "../../../pipeline/store/view/view_shape.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { upTo } from "../../support/key_tables.ts";
import { inFolder, root } from "../../support/program.ts";

type Files = Readonly<Record<string, readonly string[]>>;

/** Writes files, by name their lines. */
async function write(folder: string, files: Files): Promise<string[]> {
  for (const [name, lines] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, name), lines.join("\n") + "\n");
  }
  return Object.keys(files).map((name) => join(folder, name));
}

/** Proposes, loads the files into a store of the proposed schema, and returns both with the rows of the view. */
async function proposed(files: Files, wishes: Wishes = {}) {
  let result: Awaited<ReturnType<typeof load>> | undefined;
  await inFolder(async (folder) => {
    result = await load(folder, await write(folder, files), wishes);
  });
  assert(result);
  return result;
}

async function load(folder: string, paths: readonly string[], wishes: Wishes) {
  const { proposal, left } = await proposeFiles(paths, wishes, {});
  const store = openStore(join(folder, "data"), { mode: "create", schema: schemaText(proposal) });
  try {
    const files = Object.fromEntries(proposal.tables.map(({ name, paths }) => [name, paths]));
    await ingest(store, { files, format: proposal.format });
    const rows = store.db.prepare("SELECT * FROM examples").all();
    const isKnownJoin = parentJoinOf(store.db, "examples", listTables(store.db)) !== undefined;
    const textOf = (about: string) =>
      proposal.findings.filter((finding) => finding.about === about).map(({ text }) => text).join("\n");
    return { proposal, left, rows, isKnownJoin, textOf };
  } finally {
    store.close();
  }
}

const customers = ["id,segment,region", ...upTo(60).map((i) => `${i},${["new", "old"][i % 2]},R${i % 5}`)];
const regions = ["code,density", ...upTo(5).map((i) => `R${i - 1},${i * 1.5}`)];
const orders = [
  "order_id,customer_id,amount,accepted",
  ...upTo(300).map((i) => `${1000 + i},${1 + i % 60},${i / 2},${["yes", "no", "no"][i % 3]}`),
];

Deno.test("files: the table with the label is joined to its parents and their parents", async () => {
  const { proposal, rows, isKnownJoin, textOf } = await proposed({
    "regions.csv": regions,
    "customers.csv": customers,
    "orders.csv": orders,
  });
  assert.deepEqual(proposal.tables.map(({ name }) => name), ["regions", "customers", "orders"]);
  assert.deepEqual(proposal.label, { is: "column", name: "accepted", positive: "yes" });
  assert.deepEqual([proposal.id, proposal.group], ["order_id", "customer_id"]);
  assert.deepEqual(proposal.features.map(({ name }) => name), ["amount", "segment", "region", "density"]);
  assert.equal(rows.length, 300);
  assert.deepEqual({ ...rows[0] }, {
    order_id: 1001,
    customer_id: 2,
    amount: 0.5,
    accepted: "no",
    segment: "new",
    region: "R2",
    density: 4.5,
  });
  assert(!isKnownJoin, "a parent of a parent");
  assert.match(
    textOf("join"),
    /orders\.customer_id = customers\.id: it is named for customers; all 60 values are there/,
  );
});

Deno.test("files: a view of a table and its parents is recognised as a join by keys", async () => {
  const { isKnownJoin } = await proposed({ "customers.csv": customers, "orders.csv": orders });
  assert(isKnownJoin);
});

Deno.test("files: a table with several rows for an example is not joined, and the findings say so", async () => {
  const churned = ["id,plan,churned", ...upTo(60).map((i) => `${i},${"ABC"[i % 3]},${i % 2}`)];
  const { proposal, rows, textOf } = await proposed({
    "customers.csv": churned,
    "orders.csv": orders.map((line) => line.replace(/,[^,]*$/, "")),
  });
  assert.deepEqual(proposal.tables.map(({ name }) => name), ["customers"]);
  assert.equal(rows.length, 60);
  assert.match(
    textOf("join"),
    /orders is not joined by customer_id: several of its rows belong to one row of customers/,
  );
});

Deno.test("files: a file whose keys are a part of another's is the label", async () => {
  const buyers = [
    "id,bought_at",
    ...upTo(20).map((i) => `${3 * i},2024-01-${String(1 + i % 28).padStart(2, "0")}T10:00:00Z`),
  ];
  const { proposal, rows, textOf } = await proposed({
    "customers.csv": customers,
    "purchases.csv": buyers.map((line) => line.replace(/^id/, "customer_id")),
  });
  assert.deepEqual(proposal.label, {
    is: "exists",
    name: "bought",
    table: "purchases",
    column: "customer_id",
    childColumn: "id",
  });
  assert.deepEqual(
    rows.filter(({ bought }) => bought === 1).map(({ id }) => id),
    upTo(20).map((i) => 3 * i),
  );
  assert.match(textOf("label"), /1 where purchases has a row .*: 33\.3 % of the rows/);
});

Deno.test("files: --label names a table, whatever the columns of the others", async () => {
  const { proposal, rows } = await proposed(
    { "customers.csv": customers, "orders.csv": orders.slice(0, 31) },
    { label: "orders" },
  );
  assert.equal(proposal.label.is, "exists");
  const byFile = await proposed(
    { "customers.csv": customers, "orders.csv": orders.slice(0, 31) },
    { label: "orders.csv" },
  );
  assert.deepEqual(byFile.proposal.label, proposal.label);
  assert.equal(rows.filter(({ bought }) => bought === 1).length, 30);
});

Deno.test("files: clicks of impressions are two examples a row, by weight", async () => {
  const ads = ["ad,place,shown,clicks", ...upTo(40).map((i) => `ad${i},${"XY"[i % 2]},${10 * i},${i % 7}`)];
  const { proposal, rows } = await proposed({ "ads.csv": ads }, { label: "clicks/shown" });
  assert.deepEqual([proposal.id, proposal.group, proposal.weight, proposal.label.name], [
    "example_id",
    "ad",
    "weight",
    "clicked",
  ]);
  assert.deepEqual(proposal.features.map(({ name }) => name), ["place"]);
  assert.equal(rows.length, 80);
  assert.equal(new Set(rows.map(({ example_id }) => example_id)).size, 80);
  const sum = (label: number) =>
    rows.filter(({ clicked }) => clicked === label).reduce((sum, { weight }) => sum + Number(weight), 0);
  assert.equal(sum(1), upTo(40).reduce((sum, i) => sum + i % 7, 0));
  assert.equal(sum(0) + sum(1), upTo(40).reduce((sum, i) => sum + 10 * i, 0));
});

Deno.test("files: clicks of impressions of rows without a key have whole numbers as ids", () =>
  inFolder(async (folder) => {
    const paths = await write(folder, {
      "ads.csv": ["place,shown,clicked", ...upTo(40).map((i) => `${"XY"[i % 2]},${10 * i},${i % 7}`)],
    });
    const { proposal } = await proposeFiles(paths, { label: "clicked/shown" }, {});
    assert.deepEqual([proposal.group, proposal.label.name], ["row_number", "clicked"]);
    const store = openStore(join(folder, "data"), { mode: "create", schema: schemaText(proposal) });
    try {
      store.db.exec("INSERT INTO ads (place, shown, clicked) VALUES ('X', 10, 1), ('Y', 20, 5)");
      const rows = store.db.prepare("SELECT example_id, clicked, weight FROM examples ORDER BY example_id")
        .all();
      assert.deepEqual(rows.map((row) => Object.values(row)), [[2, 0, 9], [3, 1, 1], [4, 0, 15], [5, 1, 5]]);
    } finally {
      store.close();
    }
  }));

Deno.test("files: clicks and impressions may be in two files, of which that of the clicks lacks rows without any", async () => {
  const shown = ["ad_id,place,impressions", ...upTo(60).map((i) => `a${i},${"XY"[i % 2]},${10 * i}`)];
  const clicks = ["ad_id,clicks,device", ...upTo(20).map((i) => `a${3 * i},${i % 7},${"PQ"[i % 2]}`)];
  const { proposal, rows, textOf } = await proposed(
    { "impressions.csv": shown, "clicks.csv": clicks },
    { label: "clicks/impressions" },
  );
  assert.deepEqual(proposal.features.map(({ name }) => name), ["place"]);
  assert.equal(rows.length, 120);
  const sum = (label: number) =>
    rows.filter(({ clicked }) => clicked === label).reduce((sum, { weight }) => sum + Number(weight), 0);
  assert.equal(sum(1), upTo(20).reduce((sum, i) => sum + i % 7, 0));
  assert.equal(sum(0) + sum(1), upTo(60).reduce((sum, i) => sum + 10 * i, 0));
  assert.match(textOf("label"), /clicks of impressions: 0\.\d+ %/);
  await assertRejected(
    proposed({ "impressions.csv": shown, "clicks.csv": [...clicks, "a3,5,P"] }, {
      label: "clicks/impressions",
    }),
    "usage-invalid",
    /several rows of clicks belong to one row of impressions \(ad_id\)\. Sum them/,
  );
});

Deno.test("files: the names of two files as counts are clicks on the rows of the second", async () => {
  const shown = ["shown_id,place", ...upTo(60).map((i) => `s${i},${"XY"[i % 2]}`)];
  const clicks = ["shown_id,at", ...upTo(20).map((i) => `s${3 * i},2024-01-01`)];
  const { proposal } = await proposed({ "shows.csv": shown, "hits.csv": clicks }, { label: "hits/shows" });
  assert.equal(proposal.label.is, "exists");
});

Deno.test("files: more clicks than impressions are refused, with the counts", () =>
  assertRejected(
    proposed({ "ads.csv": ["ad,shown,clicks", "a,5,1", "b,5,9", "c,5,2"] }, { label: "clicks/shown" }),
    "usage-invalid",
    /1 of the rows of ads .* have more clicks than shown, such as 9 and 5/,
  ));

const weather = ["day,rain", ...upTo(30).map((i) => `2024-01-${String(i).padStart(2, "0")},${i % 4}`)];

Deno.test("files: two files that do not join are refused with what was seen, and the flag that joins them", () =>
  assertRejected(
    proposed({ "orders.csv": orders, "weather.csv": weather }),
    "usage-invalid",
    /weather\.csv does not join orders\.csv: .*orders has order_id \("1001"\), .*weather has day \(.*Name the columns with --join orders\.COLUMN=weather\.KEY/s,
  ));

Deno.test("files: names that do not match their values are refused with the counts", () =>
  assertRejected(
    proposed({
      "orders.csv": orders,
      "customers.csv": customers.map((line) => line.replace(/^(\d+)/, "9$1")),
    }),
    "usage-invalid",
    /orders\.customer_id is named for customers, but only 0 of its 60 values are in customers\.id/,
  ));

Deno.test("files: a join that the user names is taken", async () => {
  const other = customers.map((line, i) => i === 0 ? "nummer,segment,region" : line);
  const renamed = orders.map((line, i) => i === 0 ? "order_id,buyer,amount,accepted" : line);
  const files = { "orders.csv": renamed, "kunden.csv": other };
  await assertRejected(proposed(files), "usage-invalid", /does not join/);
  const { proposal } = await proposed(files, { join: ["orders.buyer=kunden.nummer"] });
  assert.deepEqual(proposal.tables.map(({ name, key }) => [name, ...key]), [["kunden", "nummer"], [
    "orders",
    "order_id",
  ]]);
  await assertRejected(
    proposed(files, { join: ["orders.buyer"] }),
    "usage-invalid",
    /expected TABLE\.COLUMN=TABLE\.KEY/,
  );
  await assertRejected(
    proposed(files, { join: ["orders.buyr=kunden.nummer"] }),
    "usage-invalid",
    /Did you mean buyer/,
  );
});

Deno.test("files: of a folder, what does not join and what is no table are named and left", () =>
  inFolder(async (folder) => {
    const data = join(folder, "in");
    await Deno.mkdir(data);
    await write(data, {
      "customers.csv": customers,
      "orders.csv": orders,
      "weather.csv": weather,
      "empty.csv": ["a,b"],
      "notes.md": ["# Notes"],
    });
    await Deno.writeFile(join(data, "broken.parquet"), new Uint8Array([1, 2, 3]));
    const { proposal, left, rows, textOf } = await load(folder, [data], {});
    assert.deepEqual(proposal.tables.map(({ name }) => name), ["customers", "orders"]);
    assert.equal(rows.length, 300);
    assert.deepEqual(
      left.map(({ file }) => file),
      ["notes.md", "broken.parquet", "empty.csv"].map((name) => join(data, name)),
    );
    assert.match(textOf("join"), /weather\.csv is left out: no column joins it to the others/);
  }));

Deno.test("files: parts of a table are loaded into one table", () =>
  inFolder(async (folder) => {
    const [head, ...lines] = orders;
    const paths = await write(folder, {
      "customers.csv": customers,
      "orders-2024-01.csv": [head, ...lines.slice(0, 100)],
      "orders-2024-02.csv": [head, ...lines.slice(100)],
    });
    const { proposal, rows } = await load(folder, paths, {});
    assert.deepEqual(proposal.tables.map(({ name, paths }) => [name, paths.length]), [["customers", 1], [
      "orders",
      2,
    ]]);
    assert.equal(rows.length, 300);
  }));

Deno.test("files: the rows of all parts of a table are looked at: each may have one outcome", async () => {
  const part = (month: number, outcome: string) => [
    "sent,amount,size,opened",
    ...upTo(60).map((i) =>
      `2024-0${month}-1${i % 10},${month === 1 ? i : i / 2},${month === 1 ? "S" : "M"},${outcome}`
    ),
  ];
  const { proposal, textOf } = await proposed({
    "mails-2024-01.csv": part(1, "no"),
    "mails-2024-02.csv": part(2, "yes"),
  }, { label: "opened" });
  assert.deepEqual(proposal.label, { is: "column", name: "opened", positive: "yes" });
  assert.match(textOf("label"), /50\.0 % of the rows/);
  assert.match(textOf("file"), /120 rows, 4 columns/);
  assert.match(textOf("time"), /2024-01-10.* to 2024-02-19/);
  assert.ok(!proposal.leftOut.some(({ why }) => why.includes("constant")));
});

Deno.test("files: each column of a table of parts has the type that holds the values of all", async () => {
  const part = (price: string, paid: string, place: string) => [
    "price,paid,place,opened",
    ...upTo(40).map((i) => `${i}${price},${i}${paid},${place},${["yes", "no", "no"][i % 3]}`),
  ];
  const { proposal, rows } = await proposed({
    "mails-1.csv": part("", ".5", ""),
    "mails-2.csv": part(".25", "", "Köln"),
  });
  const types = proposal.tables[0].columns.map(({ name, type }) => `${name} ${type}`);
  assert.deepEqual(types.slice(-4), ["price REAL", "paid REAL", "place TEXT", "opened TEXT"]);
  assert.equal(rows.length, 80);
});

Deno.test("files: parts of a table with other columns are refused with the columns that only one has", () =>
  assert.rejects(
    proposed({
      "mails-1.csv": ["hour,size,opened", "1,2,yes", "2,3,no"],
      "mails-2.csv": ["hour,size,opened,extra", "1,2,yes,1", "2,3,no,2"],
    }),
    /mails-1\.csv and mails-2\.csv look like parts of one table.*but only mails-2\.csv has extra\. Give them/,
  ));

Deno.test("files: a key that occurs in two parts of a table is none", () =>
  inFolder(async (folder) => {
    const [head, ...lines] = orders;
    const paths = await write(folder, {
      "orders-1.csv": [head, ...lines],
      "orders-2.csv": [head, ...lines.map((line) => line.replace(/,(yes|no)$/, ",no"))],
    });
    const { proposal } = await proposeFiles(paths, {}, {});
    assert.deepEqual(proposal.tables.map(({ key, isNumbered }) => [key, isNumbered]), [[
      ["row_number"],
      true,
    ]]);
  }));

Deno.test("files: a folder whose files are no tables is refused, with the reasons", () =>
  inFolder(async (folder) => {
    await write(folder, { "a.csv": ["x,y"], "b.parquet": ["no"] });
    await assertRejected(
      proposeFiles([folder], {}, {}),
      "usage-invalid",
      /There is no table in .*: it has a\.csv \(it has no row\), b\.parquet \(it is not a parquet file, despite its name\)/,
    );
  }));

Deno.test("files: rows without a parent beyond those that were looked at stay examples", () =>
  inFolder(async (folder) => {
    const [head] = orders;
    const many = upTo(160_000).map((i) =>
      `${i},${i === 90_001 ? "" : 1 + i % 60},${i % 97},${["yes", "no", "no"][i % 3]}`
    );
    const paths = await write(folder, { "customers.csv": customers, "orders.csv": [head, ...many] });
    const { proposal } = await proposeFiles(paths, {}, {});
    assert.deepEqual(proposal.view.joins.map(({ parent, isOptional }) => [parent, isOptional]), [[
      "customers",
      true,
    ]]);
  }));

Deno.test("files: rows that refer to nothing stay examples with missing values if there are many", async () => {
  const some = orders.map((line, i) => i % 4 === 1 ? line.replace(/^(\d+),\d+/, "$1,") : line);
  const { rows, isKnownJoin } = await proposed({ "customers.csv": customers, "orders.csv": some });
  assert.equal(rows.length, 300);
  assert(!isKnownJoin);
  assert.equal(rows.filter(({ segment }) => segment === null).length, 75);
});

Deno.test("files: a parent may repeat rows, which are loaded once; rows that differ make it no key", async () => {
  const repeated = [...customers, customers[1], customers[7]];
  const { proposal, rows } = await proposed({ "customers.csv": repeated, "orders.csv": orders });
  assert.deepEqual(proposal.tables.map(({ name, key }) => [name, ...key]), [["customers", "id"], [
    "orders",
    "order_id",
  ]]);
  assert.equal(rows.length, 300);
  await assertRejected(
    proposed({ "customers.csv": [...customers, "7,other,R9"], "orders.csv": orders }),
    "usage-invalid",
    /orders\.customer_id is named for customers, but customers\.id has a value in several rows that differ/,
  );
  await assertRejected(
    proposed({
      "customers.csv": [...customers, "7,other,R9"].map((line) => line.replace(/^id/, "customer_id")),
      "orders.csv": orders,
    }),
    "usage-invalid",
    /orders\.customer_id have values in common, but some of them in several rows each, so a join would multiply rows/,
  );
});

const day = (i: number) => `2024-01-${String(i).padStart(2, "0")}T00:00:00Z`;
const plans = [
  "customer,known_at,plan",
  ...upTo(20).flatMap((i) => [`c${i},${day(5)},old`, `c${i},${day(15)},${i % 2 ? "new" : "old"}`]),
];
const mails = [
  "mail_id,customer,sent_at,opened",
  ...upTo(280).map((i) => `${i},c${1 + i % 20},${day(1 + i % 28)},${(i * 7) % 11 < 4 ? 1 : 0}`),
];

Deno.test("files: of a table with a row for each change, the newest one known at the time of the example is joined", async () => {
  const { proposal, rows, textOf } = await proposed({ "mails.csv": mails, "plans.csv": plans });
  assert.deepEqual(proposal.tables.map(({ name, key }) => [name, ...key]), [
    ["plans", "customer", "known_at"],
    ["mails", "mail_id"],
  ]);
  assert.deepEqual([proposal.time, proposal.group], ["sent_at", "customer"]);
  assert.deepEqual(proposal.features.map(({ name }) => name), ["sent_at", "plan"]);
  assert.equal(rows.length, 280);
  const expected = upTo(280).map((i) => {
    const [sent, customer] = [1 + i % 28, 1 + i % 20];
    return sent < 5 ? null : sent < 15 || customer % 2 === 0 ? "old" : "new";
  });
  assert.deepEqual(rows.map(({ plan }) => plan), expected);
  assert.match(
    textOf("join"),
    /mails\.customer = plans\.customer: .*the newest row whose known_at is not after sent_at/,
  );
});

Deno.test("files: changes of one time are named as the reason why a file of a folder is left out", () =>
  inFolder(async (folder) => {
    const data = join(folder, "in");
    await Deno.mkdir(data);
    await write(data, { "mails.csv": mails, "plans.csv": [...plans, plans[1].replace("old", "other")] });
    const { textOf } = await load(folder, [data], {});
    assert.match(textOf("join"), /plans\.csv is left out: .* in several rows of the same known_at each/);
  }));

Deno.test("files: tables are joined by several columns of the same names, if no single column joins them", async () => {
  const cities = ["Bonn", "Köln", "Ulm"];
  const visits = [
    "visit_id,city,day,pages,bought",
    ...upTo(300).map((i) =>
      `${i},${cities[i % 3]},${day(1 + i % 28)},${(i * 5) % 8},${(i * 7) % 11 < 4 ? 1 : 0}`
    ),
  ];
  const weather = [
    "city,day,rain",
    ...cities.flatMap((city, c) => upTo(27).map((i) => `${city},${day(i)},${100 * c + i}`)),
  ];
  const { proposal, rows, textOf } = await proposed({ "visits.csv": visits, "weather.csv": weather });
  assert.deepEqual(proposal.tables.map(({ name, key }) => [name, ...key]), [
    ["weather", "city", "day"],
    ["visits", "visit_id"],
  ]);
  assert.deepEqual(
    rows.map(({ rain }) => rain),
    upTo(300).map((i) => i % 28 === 27 ? null : 100 * (i % 3) + 1 + i % 28),
  );
  assert.match(
    textOf("join"),
    /visits\.city = weather\.city and visits\.day = weather\.day: it has the same names; 81 of 84/,
  );
});

const kunden = ["id,stadt", ...upTo(60).map((i) => `${i},${["Köln", "Bonn"][i % 2]}`)].join("\n");
const asLatin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

Deno.test("files: text files of one encoding, and parquet files, are loaded together", () =>
  inFolder(async (folder) => {
    await Deno.writeFile(join(folder, "kunden.csv"), asLatin1(kunden));
    const [orderFile] = await write(folder, {
      "orders.csv": orders.map((line) => line.replace("customer_id", "kunde_id")),
    });
    const { proposal, rows } = await load(folder, [join(folder, "kunden.csv"), orderFile], {});
    assert.equal(proposal.format.encoding, "windows-1252");
    assert.deepEqual(new Set(rows.map(({ stadt }) => stadt)), new Set(["Köln", "Bonn"]));

    const sample = join(root, "data", "sample");
    const lead = await Deno.makeTempDir({ dir: folder });
    const store = openStore(join(lead, "data"), { mode: "create" });
    try {
      const clicks = join(lead, "clicks.csv");
      await Deno.writeTextFile(clicks, "offer_id;clicked_at;w\n1;2026-01-01T00:00:00Z;0,5\n");
      const files = { leads: [join(sample, "leads.parquet")], clicks: [clicks] };
      const report = await ingest(store, { files, format: { decimalComma: true, encoding: "windows-1252" } });
      assert.deepEqual(Object.values(report.tables).map(({ inserted }) => inserted > 0), [true, true]);
    } finally {
      store.close();
    }
  }));

Deno.test("files: text files of different encodings are refused", () =>
  inFolder(async (folder) => {
    await Deno.writeFile(join(folder, "kunden.csv"), asLatin1(kunden));
    const [orderFile] = await write(folder, {
      "orders.csv": orders.map((line, i) =>
        line.replace("customer_id", "kunde_id") + (i === 0 ? ",größe" : ",groß")
      ),
    });
    await assertRejected(
      proposeFiles([join(folder, "kunden.csv"), orderFile], {}, {}),
      "usage-invalid",
      /Cannot load kunden\.csv and orders\.csv together: the first is CSV, windows-1252, the second is CSV.* Convert one/,
    );
  }));

Deno.test("files: changes are not joined to examples without a time", () =>
  assertRejected(
    proposed({
      "mails.csv": mails.map((line) => line.replace(/^([^,]*,[^,]*),[^,]*,/, "$1,")),
      "plans.csv": plans,
    }),
    "usage-invalid",
    /plans has a row for each change, known from known_at on, but mails has no time: name its column with --time/,
  ));

Deno.test("files: a column of a joined table that gives the outcome away is left out", async () => {
  const users = [
    "user,bought_before,age",
    ...upTo(100).map((i) => `u${i},${i % 2},${20 + ((i >> 1) * 7) % 40}`),
  ];
  const visits = [
    "visit_id,user,pages,bought",
    ...upTo(600).map((i) => `${i},u${1 + i % 100},${(i * 11) % 9},${(1 + i % 100) % 2}`),
  ];
  const { proposal } = await proposed({ "users.csv": users, "visits.csv": visits });
  assert.deepEqual(proposal.features.map(({ name }) => name), ["pages", "age"]);
  assert(proposal.leftOut.some(({ column }) => column === "bought_before"));
});

Deno.test("files: a column that several tables have is named by its table", async () => {
  const both = {
    "a.csv": ["a_id,won", ...upTo(20).map((i) => `${i},${i % 2}`)],
    "b.csv": ["b_id,a_id,won", ...upTo(40).map((i) => `${i},${1 + i % 20},${i % 3 >> 1}`)],
  };
  await assertRejected(proposed(both), "usage-invalid", /Several things could be the label: a\.won, b\.won/);
  await assertRejected(
    proposed(both, { label: "won" }),
    "usage-invalid",
    /write --label a\.won or --label b\.won/,
  );
  const { proposal } = await proposed(both, { label: "b.won" });
  assert.deepEqual([proposal.view.child, proposal.label.name], ["b", "won"]);
  assert.deepEqual(proposal.features.map(({ name }) => name), ["a_won"]);
});

Deno.test("files: tables without a label are refused with their columns", () =>
  assertRejected(
    proposed({
      "customers.csv": customers,
      "regions.csv": regions.map((line) => line.replace("code", "region")),
    }),
    "usage-invalid",
    /There is no label: .*customers \(id, segment, region\).*--label/s,
  ));
