import { createRandom, type Random } from "../../pipeline/math/random.ts";

export type Cell = number | string | null;

/** A table of rows with an outcome, in columns. */
export interface MadeTable {
  readonly name: string;
  readonly columns: Readonly<Record<string, readonly Cell[]>>;
  readonly labels: readonly number[];
  readonly groups: readonly Cell[];
  /** When each row was an example, microseconds since 1970. */
  readonly times?: readonly number[];
  readonly weights?: readonly number[];
}

const hour = 3_600e6;
const start = 1_700_000_000e6;

export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  return radius * Math.cos(2 * Math.PI * random.uniform());
}

/** Returns 1 with the probability of these log-odds. */
export function outcome(random: Random, logit: number): number {
  return random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
}

export function listOf<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** Offers to leads: several rows a group, at most one of them clicked, fields of the lead repeated on each. */
function loanOffers(random: Random): MadeTable {
  const columns = { income: [] as Cell[], credit: [] as Cell[], apr: [] as Cell[], lender: [] as Cell[] };
  const [labels, groups]: [number[], Cell[]] = [[], []];
  for (let lead = 0; labels.length < 6_000; lead++) {
    const income = random.uniform() < 0.1 ? null : Math.round(20_000 + 80_000 * random.uniform());
    const credit = ["poor", "fair", "good", "excellent"][random.below(4)];
    let isOpen = true;
    for (let k = 1 + random.below(5); k > 0; k--) {
      const apr = Number((5 + 20 * random.uniform()).toFixed(2));
      const clicked = isOpen ? outcome(random, -0.5 - 0.2 * (apr - 13) + (credit === "good" ? 0.6 : 0)) : 0;
      if (clicked === 1) isOpen = false;
      columns.income.push(income);
      columns.credit.push(credit);
      columns.apr.push(apr);
      columns.lender.push(`lender-${random.below(12)}`);
      labels.push(clicked);
      groups.push(`lead-${lead}`);
    }
  }
  return { name: "loan offers", columns, labels, groups };
}

/** E-mails in the order of their time, with an honest count and rate of the receiver's earlier clicks. */
function emails(random: Random): MadeTable {
  const times = ascending(listOf(8_000, () => start + Math.floor(2_000 * hour * random.uniform())));
  const past = new Map<number, { sent: number; clicks: number }>();
  const columns = {
    earlier: [] as Cell[],
    rate: [] as Cell[],
    subject: [] as Cell[],
    signup_at: [] as Cell[],
  };
  const [labels, groups]: [number[], Cell[]] = [[], []];
  for (let sent = 0; sent < times.length; sent++) {
    const who = random.below(900);
    const before = past.get(who) ?? { sent: 0, clicks: 0 };
    const clicked = outcome(random, -2 + (who % 7) * 0.3);
    columns.earlier.push(before.clicks);
    columns.rate.push(before.sent === 0 ? null : before.clicks / before.sent);
    columns.subject.push(["news", "sale", "survey"][random.below(3)]);
    columns.signup_at.push(start - who * hour);
    labels.push(clicked);
    groups.push(`user-${who}`);
    past.set(who, { sent: before.sent + 1, clicks: before.clicks + clicked });
  }
  return { name: "e-mails", columns, labels, groups, times };
}

/** Impressions and clicks as weights: two examples a campaign day, which differ in label and weight only. */
function campaignDays(random: Random): MadeTable {
  const columns = { budget: [] as Cell[], campaign: [] as Cell[], weekday: [] as Cell[] };
  const [labels, groups, weights]: [number[], Cell[], number[]] = [[], [], []];
  for (let day = 0; day < 3_000; day++) {
    const budget = Math.round(Math.exp(3 + 2 * random.uniform()));
    const impressions = 1 + random.below(5 * budget);
    const campaign = random.below(40);
    const clicks = listOf(impressions, () => outcome(random, -3.5 + campaign * 0.02)).reduce(
      (a, b) => a + b,
      0,
    );
    for (const [label, weight] of [[1, clicks], [0, impressions - clicks]]) {
      if (weight === 0) continue;
      columns.budget.push(budget);
      columns.campaign.push(`c${campaign}`);
      columns.weekday.push(day % 7);
      labels.push(label);
      weights.push(weight);
      groups.push(day);
    }
  }
  return { name: "campaign days", columns, labels, groups, weights };
}

/** One row a customer, with a high rate and amounts that are unique. */
function churn(random: Random): MadeTable {
  const tenure = listOf(5_000, () => random.below(72));
  const charges = listOf(5_000, () => 20 + 100 * random.uniform());
  const contract = listOf(5_000, () => ["month", "year", "two years"][random.below(3)]);
  return {
    name: "churn",
    columns: { tenure, charges, total: tenure.map((months, i) => months * charges[i]), contract },
    labels: tenure.map((months, i) =>
      outcome(random, 0.8 - 0.04 * months + (contract[i] === "month" ? 0.9 : -0.4))
    ),
    groups: listOf(5_000, (i) => i),
  };
}

/** Few categories of few levels: most rows occur many times by chance. */
function surveys(random: Random): MadeTable {
  const columns = {
    region: listOf(6_000, () => ["north", "south", "east", "west"][random.below(4)]),
    age: listOf(6_000, () => 10 * (2 + random.below(5))),
    device: listOf(6_000, () => ["phone", "tablet", "desktop"][random.below(3)]),
  };
  return {
    name: "surveys",
    columns,
    labels: columns.age.map((age, i) =>
      outcome(random, -1.5 + age / 40 + (columns.device[i] === "phone" ? 0.5 : 0))
    ),
    groups: listOf(6_000, (i) => i),
  };
}

/** Columns that are missing in most rows, which says something about the outcome, but not all. */
function mostlyMissing(random: Random): MadeTable {
  const sensors = listOf(
    5,
    (k) => [`sensor_${k}`, listOf(6_000, () => random.uniform() < 0.85 ? null : normal(random))] as const,
  );
  const labels = listOf(
    6_000,
    (i) => outcome(random, -2 + sensors.filter(([, cells]) => cells[i] !== null).length),
  );
  return {
    name: "mostly missing",
    columns: Object.fromEntries(sensors),
    labels,
    groups: listOf(6_000, (i) => i),
  };
}

/** A category of very many levels, and one strong number. */
function searches(random: Random): MadeTable {
  const relevance = listOf(12_000, () => normal(random));
  return {
    name: "searches",
    columns: {
      relevance,
      query: listOf(12_000, () => `query ${Math.floor(9_000 * random.uniform() ** 2)}`),
      position: listOf(12_000, () => 1 + random.below(10)),
      words: listOf(12_000, () => 1 + random.below(6)),
    },
    labels: relevance.map((value) => outcome(random, -1 + 2 * value)),
    groups: listOf(12_000, (i) => Math.floor(i / 10)),
  };
}

/** Times that lie before, and deadlines that lie after each example; a rare outcome. */
function promotions(random: Random): MadeTable {
  const times = listOf(10_000, () => start + Math.floor(5_000 * hour * random.uniform()));
  const shop = listOf(10_000, () => random.below(25));
  return {
    name: "promotions",
    columns: {
      opened_at: times.map((time) => time - Math.floor(100 * hour * random.uniform())),
      ends_at: times.map((time) => time + Math.floor(100 * hour * random.uniform())),
      discount: listOf(10_000, () => 5 * random.below(10)),
      shop: shop.map((i) => `shop ${i}`),
      // Last year's rate of the shop, known before.
      shop_rate: shop.map((i) => 0.02 + i / 2_000),
    },
    labels: shop.map((i) => outcome(random, -3.5 + i / 20)),
    groups: listOf(10_000, () => `visitor-${random.below(6_000)}`),
    times,
  };
}

/** The same people again and again, each with a rate that stays, and a count of an earlier year. */
function regulars(random: Random): MadeTable {
  const people = listOf(700, () => {
    const logit = -1 + normal(random);
    const rate = 1 / (1 + Math.exp(-logit));
    const earlier = listOf(8, () => random.uniform() < rate ? 1 : 0).reduce<number>((a, b) => a + b, 0);
    return { logit, earlier, age: 18 + random.below(60), height: 150 + 50 * random.uniform() };
  });
  const who = listOf(5_600, (i) => i % 700);
  return {
    name: "regulars",
    columns: {
      last_year: who.map((i) => people[i].earlier),
      age: who.map((i) => people[i].age),
      height: who.map((i) => people[i].height),
      slot: listOf(5_600, () => ["top", "side", "end"][random.below(3)]),
    },
    labels: who.map((i) => outcome(random, people[i].logit)),
    groups: who.map((i) => `person ${i}`),
  };
}

/** Three hundred rows: what chance does to few rows is no leak. */
function few(random: Random): MadeTable {
  const x = listOf(300, () => random.uniform());
  return {
    name: "three hundred rows",
    columns: {
      x,
      town: listOf(300, () => `town ${random.below(60)}`),
      visits: listOf(300, () => random.below(4)),
      note: listOf(300, () => random.uniform() < 0.5 ? null : "yes"),
    },
    labels: x.map((value) => outcome(random, 2 * value - 2)),
    groups: listOf(300, (i) => i % 140),
  };
}

/** Makes ten tables without a leak. */
export function cleanTables(seed: number): MadeTable[] {
  const makers = [
    loanOffers,
    emails,
    campaignDays,
    churn,
    surveys,
    mostlyMissing,
    searches,
    promotions,
    regulars,
    few,
  ];
  return makers.map((make, i) => make(createRandom(seed * 100 + i)));
}

/** A leak to be put into a table. */
export interface Plant {
  /** What is planted, for the name of a test. */
  readonly name: string;
  /** The kind of warning that it should give. */
  readonly kind: string;
  /** The columns that the warning should name; default: `planted`. */
  readonly columns?: readonly string[];
  /** Index of the table of `cleanTables`. */
  readonly table: number;
  readonly plant: (table: MadeTable, random: Random) => MadeTable;
}

/** Adds a column. */
function withColumn(
  table: MadeTable,
  cellOf: (label: number, row: number) => Cell,
  name = "planted",
): MadeTable {
  return { ...table, columns: { ...table.columns, [name]: table.labels.map(cellOf) } };
}

/** Returns rows of a table, by index; an index may occur twice. */
function rowsAt(table: MadeTable, rows: readonly number[]): MadeTable {
  const pick = <T>(cells: readonly T[]) => rows.map((i) => cells[i]);
  const { columns, labels, groups, times, weights } = table;
  return {
    ...table,
    columns: Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, pick(cells)])),
    labels: pick(labels),
    groups: pick(groups),
    ...(times ? { times: pick(times) } : {}),
    ...(weights ? { weights: pick(weights) } : {}),
  };
}

/** Counts rows and clicks by key. */
function countsBy(
  keys: readonly Cell[],
  labels: readonly number[],
): Map<Cell, { rows: number; clicks: number }> {
  const counts = new Map<Cell, { rows: number; clicks: number }>();
  keys.forEach((key, i) => {
    const { rows, clicks } = counts.get(key) ?? { rows: 0, clicks: 0 };
    counts.set(key, { rows: rows + 1, clicks: clicks + labels[i] });
  });
  return counts;
}

function aggregate(
  table: MadeTable,
  keys: readonly Cell[],
  of: (counts: { rows: number; clicks: number }, label: number) => Cell,
): MadeTable {
  const counts = countsBy(keys, table.labels);
  return withColumn(table, (label, i) => of(counts.get(keys[i]) ?? { rows: 1, clicks: 0 }, label));
}

/** The leaks that the detector must find, each in a table that is clean without it. */
export const plants: readonly Plant[] = [
  {
    name: "the label copied, as another pair of numbers",
    kind: "label-copy",
    table: 3,
    plant: (table) => withColumn(table, (label) => 7 - 4 * label),
  },
  {
    name: "the label copied, as text",
    kind: "label-copy",
    table: 0,
    plant: (table) => withColumn(table, (label) => label === 1 ? "won" : "lost"),
  },
  {
    name: "the label with a tenth of the rows flipped",
    kind: "label-copy",
    table: 1,
    plant: (table, random) => withColumn(table, (label) => random.uniform() < 0.1 ? 1 - label : label),
  },
  {
    name: "the label with a sixth of the rows flipped, as text",
    kind: "label-copy",
    table: 3,
    plant: (table, random) =>
      withColumn(table, (label) => (random.uniform() < 1 / 6) === (label === 1) ? "stays" : "leaves"),
  },
  {
    name: "the label with noise, as a number",
    kind: "label-copy",
    table: 6,
    plant: (table, random) => withColumn(table, (label) => 10 * label + 3.5 * normal(random)),
  },
  {
    name: "a number that lies in the middle where clicked",
    kind: "label-copy",
    table: 4,
    plant: (table, random) => withColumn(table, (label) => (random.uniform() - 0.5) * (label === 1 ? 1 : 12)),
  },
  {
    name: "NULL only where not clicked",
    kind: "missing-by-label",
    table: 1,
    plant: (table, random) =>
      withColumn(table, (label) => label === 0 && random.uniform() < 0.5 ? null : normal(random)),
  },
  {
    name: "a text that is there only where clicked",
    kind: "missing-by-label",
    table: 4,
    plant: (table, random) =>
      withColumn(table, (label) => label === 1 && random.uniform() < 0.6 ? `r${random.below(9)}` : null),
  },
  {
    name: "a level that only clicked rows have",
    kind: "value-by-label",
    table: 1,
    plant: (table, random) =>
      withColumn(
        table,
        (label) => label === 1 && random.uniform() < 0.2 ? "thanks" : ["a", "b"][random.below(2)],
      ),
  },
  {
    name: "a time after the click",
    kind: "later-than-example",
    table: 1,
    plant: (table, random) =>
      withColumn(
        table,
        (label, i) =>
          Math.floor((table.times?.[i] ?? 0) + hour * (label === 1 ? 0.1 : -500) * random.uniform()),
      ),
  },
  {
    name: "a time that comes later where clicked, always after the example",
    kind: "later-than-example",
    table: 7,
    plant: (table, random) =>
      withColumn(
        table,
        (label, i) =>
          Math.floor(
            (table.times?.[i] ?? 0) + hour * (label === 1 ? 0.2 + random.uniform() : 0.3 * random.uniform()),
          ),
      ),
  },
  {
    name: "a time after the click next to another time, with no time of the example",
    kind: "later-than-example",
    table: 7,
    columns: ["planted", "ends_at"],
    plant: ({ times: _, ...table }, random) =>
      withColumn(
        table,
        (label, i) =>
          Number(table.columns.ends_at[i]) + Math.floor(hour * (label === 1 ? 1 : -1) * random.uniform()),
      ),
  },
  {
    name: "a count of clicks by group over the whole table",
    kind: "label-aggregate",
    table: 8,
    plant: (table) => aggregate(table, table.groups, ({ clicks }) => clicks),
  },
  {
    name: "a count of clicks by group where at most one is clicked",
    kind: "label-aggregate",
    table: 0,
    plant: (table) => aggregate(table, table.groups, ({ clicks }) => clicks + 3),
  },
  {
    name: "a smoothed rate by group over the whole table",
    kind: "label-aggregate",
    table: 1,
    plant: (table) => aggregate(table, table.groups, ({ rows, clicks }) => (clicks + 2) / (rows + 10)),
  },
  {
    name: "a rate by a level over the whole table",
    kind: "label-aggregate",
    table: 7,
    plant: (table) => aggregate(table, table.columns.shop, ({ rows, clicks }) => 100 * clicks / rows),
  },
  {
    name: "a rate by one of twelve levels over the whole table",
    kind: "label-aggregate",
    table: 0,
    plant: (table) => aggregate(table, table.columns.lender, ({ rows, clicks }) => clicks / rows),
  },
  {
    name: "a rate by a level of very many over the whole table",
    kind: "label-aggregate",
    table: 6,
    plant: (table) => aggregate(table, table.columns.query, ({ rows, clicks }) => (clicks + 1) / (rows + 4)),
  },
  {
    name: "a rate by group without the row itself, which is lower where it is clicked",
    kind: "own-row",
    table: 8,
    plant: (table) =>
      aggregate(table, table.groups, ({ rows, clicks }, label) => (clicks - label) / (rows - 1)),
  },
  {
    name: "a running count that includes the row itself",
    kind: "own-row",
    table: 8,
    plant: (table) => {
      const counts = new Map<Cell, number>();
      return withColumn(table, (label, i) => {
        const count = (counts.get(table.groups[i]) ?? 4) + label;
        counts.set(table.groups[i], count);
        return count;
      });
    },
  },
  {
    name: "a count that is zero only where not clicked",
    kind: "value-by-label",
    table: 5,
    plant: (table, random) =>
      withColumn(table, (label) => label === 1 ? 1 + random.below(3) : random.below(4)),
  },
  {
    name: "ids in time order",
    kind: "running-number",
    table: 1,
    plant: (table, random) => {
      let id = 40_000;
      return withColumn(table, () => id += 1 + random.below(3));
    },
  },
  {
    name: "ids in the order of the rows, with gaps of any size",
    kind: "running-number",
    table: 3,
    plant: (table, random) => {
      let id = 1e9;
      return withColumn(table, () => id += 1 + random.below(1e9));
    },
  },
  {
    name: "a number of the row, in an order that says nothing",
    kind: "running-number",
    table: 5,
    plant: (table) => withColumn(table, (_, i) => 9 + (i * 2_741) % 6_000),
  },
  {
    name: "a level per row",
    kind: "level-per-row",
    table: 6,
    plant: (table) => withColumn(table, (_, i) => `s-${(i * 7_919) % 12_000}`),
  },
  {
    name: "the group as a feature under another name",
    kind: "group-feature",
    table: 8,
    plant: (table) => withColumn(table, (_, i) => `mail-${table.groups[i]}@example.org`),
  },
  {
    name: "the group as a number",
    kind: "group-feature",
    table: 8,
    plant: (table) => withColumn(table, (_, i) => 5_000 + 3 * (i % 700)),
  },
  {
    name: "a join that multiplies rows, with a column of the joined table",
    kind: "multiplied-rows",
    columns: ["tag"],
    table: 3,
    plant: (table, random) => {
      const rows = table.labels.flatMap((_, i) => listOf(1 + random.below(3), () => i));
      return withColumn(rowsAt(table, rows), () => `tag ${random.below(8)}`, "tag");
    },
  },
  {
    name: "a join that multiplies rows, whose columns are not read",
    kind: "multiplied-rows",
    columns: [],
    table: 0,
    plant: (table, random) =>
      rowsAt(table, table.labels.flatMap((_, i) => listOf(1 + random.below(2), () => i))),
  },
  {
    name: "duplicate rows across the split",
    kind: "duplicate-rows",
    columns: [],
    table: 3,
    plant: (table) => {
      const count = table.labels.length;
      const twice = rowsAt(table, listOf(count + 400, (i) => i < count ? i : (i - count) * 11));
      return { ...twice, groups: twice.groups.map((_, i) => i) };
    },
  },
  {
    name: "two columns that are equal where clicked",
    kind: "comparison",
    columns: ["bought", "shown"],
    table: 8,
    plant: (table, random) => {
      const shown = table.labels.map(() => `item ${random.below(30)}`);
      const bought = table.labels.map((label, i) => label === 1 ? shown[i] : `item ${random.below(30)}`);
      return { ...table, columns: { ...table.columns, bought, shown } };
    },
  },
  {
    name: "two numbers of which one is above the other where clicked",
    kind: "comparison",
    columns: ["after", "before"],
    table: 5,
    plant: (table, random) => {
      const before = table.labels.map(() => 100 * random.uniform());
      const after = before.map((value, i) =>
        value + (table.labels[i] === 1 ? 1 : -1) * 20 * random.uniform()
      );
      return { ...table, columns: { ...table.columns, after, before } };
    },
  },
  {
    name: "a rate by a number that is a key",
    kind: "label-aggregate",
    table: 8,
    plant: (table) => {
      const ids = table.labels.map((_, i) => 900 + (i * 31) % 250);
      const keyed = aggregate(table, ids, ({ rows, clicks }) => (clicks + 1) / (rows + 9));
      return { ...keyed, columns: { ...keyed.columns, campaign: ids } };
    },
  },
  {
    name: "a count of the group's later clicks",
    kind: "own-row",
    table: 8,
    plant: (table) => {
      const counts = new Map<Cell, number>();
      const later = table.labels.map(() => 0);
      for (let i = later.length - 1; i >= 0; i--) {
        const count = counts.get(table.groups[i]) ?? 0;
        later[i] = count;
        counts.set(table.groups[i], count + table.labels[i]);
      }
      return withColumn(table, (_, i) => later[i]);
    },
  },
  {
    name: "numbers that are whole where clicked",
    kind: "form-by-label",
    table: 3,
    plant: (table, random) =>
      withColumn(
        table,
        (label) => label === 1 ? random.below(100) : Number((100 * random.uniform()).toFixed(2)),
      ),
  },
  {
    name: "times at midnight where not clicked",
    kind: "form-by-label",
    table: 8,
    plant: (table, random) =>
      withColumn(
        table,
        (label) =>
          start - 80_000e6 + 24 * hour * random.below(300) + (label === 1 ? random.below(86_400) * 1e6 : 0),
      ),
  },
];

/** Makes the table of a plant, with the leak. @param copies Tables of other seeds that are put below each other. */
export function planted({ table, plant }: Plant, seed: number, copies = 1): MadeTable {
  return plant(largeTable(table, seed, copies), createRandom(seed * 100 + 77));
}

/** Puts tables of different seeds below each other; their groups are different ones. */
export function largeTable(table: number, seed: number, copies: number): MadeTable {
  const parts = listOf(copies, (i) => cleanTables(seed + 1_000 * i)[table]);
  const [first] = parts;
  return {
    ...first,
    columns: Object.fromEntries(
      Object.keys(first.columns).map((name) => [name, parts.flatMap(({ columns }) => columns[name])]),
    ),
    labels: parts.flatMap(({ labels }) => labels),
    groups: parts.flatMap(({ groups }, i) => groups.map((group) => copies === 1 ? group : `${i} ${group}`)),
    ...(first.times ? { times: parts.flatMap(({ times = [] }) => times) } : {}),
    ...(first.weights ? { weights: parts.flatMap(({ weights = [] }) => weights) } : {}),
  };
}
