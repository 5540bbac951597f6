import { createRandom, type Random } from "../../pipeline/math/random.ts";
import { type Cell, listOf, type MadeTable, normal, outcome } from "./made_tables.ts";

type Maker = (random: Random) => MadeTable;

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Math.round(value)));
}

/** A table of a row each. */
function rowsOf(
  name: string,
  columns: Record<string, readonly Cell[]>,
  labels: readonly number[],
): MadeTable {
  return { name, columns, labels, groups: labels.map((_, i) => i) };
}

/** Scores from 1 to 10 of two kinds of samples: the extreme values are pure, and so nearly are those next to them. */
function orderedScores(random: Random): MadeTable {
  const labels = listOf(700, () => outcome(random, -0.64));
  const severity = labels.map((label) => label === 1 ? 6.5 + 2 * normal(random) : 1.3 + 0.6 * normal(random));
  const score = (slope: number, noise: number) =>
    severity.map((value) => clamp(1 + slope * (value - 1) + noise * normal(random), 1, 10));
  return rowsOf("ordered scores", {
    clump: score(0.9, 2),
    size: score(1, 1.2),
    shape: score(1, 1.2),
    adhesion: score(0.8, 1.5),
    nuclei: score(1.1, 1.6),
    chromatin: score(0.8, 1.2),
    mitoses: score(0.3, 0.8),
  }, labels);
}

/** The same in words, and fewer. */
function ratings(random: Random): MadeTable {
  const words = ["awful", "bad", "fair", "good", "great"];
  const mood = listOf(500, () => normal(random));
  const rating = (noise: number) =>
    mood.map((value) => words[clamp(2 + 1.1 * value + noise * normal(random), 0, 4)]);
  return rowsOf(
    "ratings",
    { service: rating(0.5), price: rating(0.8), again: rating(0.6) },
    mood.map((value) => outcome(random, 3 * value)),
  );
}

/** Thirty measures of a few strong and correlated properties. */
function measures(random: Random): MadeTable {
  const labels = listOf(569, () => outcome(random, 0.5));
  const base = labels.map((label) => listOf(5, (k) => (label === 1 ? 1.9 - 0.3 * k : 0) + normal(random)));
  return rowsOf(
    "measures",
    Object.fromEntries(listOf(30, (k) => [
      `measure_${k}`,
      base.map((values) => Number((10 + 3 * values[k % 5] + (0.3 + k / 20) * normal(random)).toFixed(3))),
    ])),
    labels,
  );
}

/** One hundred and fifty rows, of which two columns tell the outcome, and a third nearly does. */
function flowers(random: Random): MadeTable {
  const labels = listOf(150, (i) => i % 3 === 0 ? 1 : 0);
  const measure = (of0: number, of1: number, noise: number) =>
    labels.map((label) => Number(((label === 1 ? of1 : of0) + noise * normal(random)).toFixed(1)));
  return rowsOf("flowers", {
    petal_length: measure(4.9, 1.5, 0.5),
    petal_width: measure(1.7, 0.2, 0.3),
    sepal_length: measure(6.3, 5, 0.5),
    sepal_width: measure(2.9, 3.4, 0.35),
  }, labels);
}

/** Two groups that differ in most of what is known: earnings that are zero for many, flags and ages. */
function program(random: Random): MadeTable {
  const labels = listOf(2_600, () => outcome(random, -2.6));
  const flag = (of0: number, of1: number) =>
    labels.map((label) => random.uniform() < (label === 1 ? of1 : of0) ? "yes" : "no");
  const earnings = (of0: number, of1: number) =>
    labels.map((label) =>
      random.uniform() < (label === 1 ? 0.6 : 0.08)
        ? 0
        : Math.round((label === 1 ? of1 : of0) * random.uniform())
    );
  return rowsOf("program", {
    age: labels.map((label) => clamp((label === 1 ? 25 : 35) + 9 * normal(random), 17, 55)),
    education: labels.map((label) => clamp((label === 1 ? 10 : 12) + 2.5 * normal(random), 0, 17)),
    married: flag(0.87, 0.19),
    unemployed: flag(0.1, 0.7),
    origin: labels.map((label) =>
      random.uniform() < (label === 1 ? 0.84 : 0.25) ? "b" : random.uniform() < 0.1 ? "h" : "o"
    ),
    earned_before: earnings(40_000, 6_000),
    earned_then: earnings(42_000, 5_000),
    earned_now: earnings(44_000, 12_000),
  }, labels);
}

/** Patients with a row before and, if they were treated, one after: each has as many rows with label 1 as the others with two. */
function treatments(random: Random): MadeTable {
  const columns = { age: [] as Cell[], year: [] as Cell[], surgery: [] as Cell[] };
  const [labels, groups]: [number[], Cell[]] = [[], []];
  for (let patient = 0; patient < 110; patient++) {
    const of = { age: 12 * normal(random), year: 6 * random.uniform(), surgery: outcome(random, -1.5) };
    for (const label of random.uniform() < 0.65 ? [0, 1] : [0]) {
      columns.age.push(of.age);
      columns.year.push(of.year);
      columns.surgery.push(of.surgery);
      labels.push(label);
      groups.push(patient);
    }
  }
  return { name: "treatments", columns, labels, groups };
}

/** Persons in many years, whose outcome hardly ever changes. @param isKnown Whether the group is named. */
function panel(isKnown: boolean): Maker {
  return (random) => {
    const people = listOf(
      160,
      () => ({ logit: 5 * normal(random), school: 8 + random.below(10), city: random.below(12) }),
    );
    const [labels, groups]: [number[], Cell[]] = [[], []];
    const columns = {
      year: [] as Cell[],
      school: [] as Cell[],
      city: [] as Cell[],
      hours: [] as Cell[],
      wage: [] as Cell[],
    };
    people.forEach(({ logit, school, city }, person) => {
      const level = 2 + 0.1 * school + 0.3 * normal(random);
      for (let year = 0; year < 7; year++) {
        columns.year.push(1_980 + year);
        columns.school.push(school);
        columns.city.push(`city ${city}`);
        columns.hours.push(clamp(38 + 6 * normal(random), 0, 80));
        columns.wage.push(Number(Math.exp(level + 0.03 * year + 0.1 * normal(random)).toFixed(2)));
        labels.push(outcome(random, logit - 1 + 0.05 * year));
        groups.push(isKnown ? person : labels.length);
      }
    });
    return { name: isKnown ? "panel" : "panel without its group", columns, labels, groups };
  };
}

/** States in a few years, with a law that a state has or has not. */
function states(random: Random): MadeTable {
  const law = listOf(48, () => outcome(random, -0.5));
  const income = listOf(48, () => 10_000 + 5_000 * random.uniform());
  const at = listOf(48 * 7, (i) => Math.floor(i / 7));
  return rowsOf("states", {
    state: at.map((state) => `S${state}`),
    year: at.map((_, i) => 1_982 + i % 7),
    income: at.map((state) => Math.round(income[state] * (1 + 0.1 * random.uniform()))),
    rate: at.map((state) => 1 + law[state] / 2 + 0.6 * normal(random)),
    tax: at.map(() => Number((1 + random.uniform()).toFixed(2))),
  }, at.map((state) => random.uniform() < 0.04 ? 1 - law[state] : law[state]));
}

/** An outcome of one row in a hundred, with zeros that are hardly ever followed by it. */
function rare(random: Random): MadeTable {
  const risk = listOf(15_000, () => normal(random));
  return rowsOf("rare", {
    alerts: risk.map((value) => Math.max(0, Math.floor(value + 0.5 * normal(random)))),
    amount: risk.map((value) => Number(Math.exp(3 + 0.5 * value + normal(random)).toFixed(2))),
    country: risk.map(() => `C${Math.floor(40 * random.uniform() ** 2)}`),
    hour: risk.map(() => random.below(24)),
    device: risk.map((value) => value + normal(random) > 1 ? null : ["a", "b", "c"][random.below(3)]),
  }, risk.map((value) => outcome(random, -6.5 + 1.7 * value)));
}

/** Many columns, each of which says little. */
function manyWeak(random: Random): MadeTable {
  const columns = listOf(
    90,
    (k) => listOf(2_500, () => k % 3 === 0 ? normal(random) : random.below(2 + (k % 7))),
  );
  return rowsOf(
    "many weak",
    Object.fromEntries(
      columns.map((cells, k) => [`x${k}`, k % 3 === 1 ? cells.map((cell) => `l${cell}`) : cells]),
    ),
    listOf(
      2_500,
      (i) =>
        outcome(random, 0.25 * columns.reduce((sum, cells, k) => sum + (k % 2 ? 1 : -1) * cells[i], 0) / 3),
    ),
  );
}

/** One strong number among weak ones. */
function oneStrong(random: Random): MadeTable {
  const score = listOf(1_200, () => normal(random));
  return rowsOf("one strong", {
    score: score.map((value) => clamp(600 + 80 * value, 300, 850)),
    income: listOf(1_200, () => Math.round(Math.exp(10 + 0.5 * normal(random)))),
    years: listOf(1_200, () => random.below(30)),
    purpose: listOf(1_200, () => ["car", "house", "debt"][random.below(3)]),
  }, score.map((value) => outcome(random, -1 + 2 * value)));
}

/** A category of strong levels, and its flags. */
function strongLevels(random: Random): MadeTable {
  const level = listOf(2_000, () => Math.floor(10 * random.uniform() ** 1.5));
  return rowsOf("strong levels", {
    job: level.map((job) => `job ${job}`),
    ...Object.fromEntries(listOf(4, (k) => [`is_${k}`, level.map((job) => job === k ? 1 : 0)])),
    years: listOf(2_000, () => random.below(20)),
  }, level.map((job) => outcome(random, -2.5 + 0.6 * job)));
}

/** Counts of which zero is hardly ever followed by the outcome, one seldom, and more often. */
function steepCounts(random: Random): MadeTable {
  const interest = listOf(4_000, () => 1.2 * normal(random));
  const count = (base: number) =>
    interest.map((value) => Math.floor(Math.exp(base + value + 0.4 * normal(random))));
  const [visits, pages] = [count(0), count(0.5)];
  return rowsOf(
    "steep counts",
    { visits, pages, age: listOf(4_000, () => 18 + random.below(60)), carts: count(-0.7) },
    interest.map((value) => outcome(random, -2 + 2 * value)),
  );
}

/** Customers by month until they leave, with honest times of what was before. */
function months(random: Random): MadeTable {
  const start = 1_600_000_000e6;
  const columns = {
    tenure: [] as Cell[],
    last_login_at: [] as Cell[],
    signup_at: [] as Cell[],
    logins: [] as Cell[],
    plan: [] as Cell[],
  };
  const [labels, groups, times]: [number[], Cell[], number[]] = [[], [], []];
  for (let customer = 0; customer < 700; customer++) {
    const joined = start + random.below(700) * 86_400e6;
    const plan = ["s", "m", "l"][random.below(3)];
    for (let month = 1, isThere = true; month <= 12 && isThere; month++) {
      const idle = Math.exp(1 + 1.2 * normal(random));
      const time = joined + month * 30 * 86_400e6;
      columns.tenure.push(month);
      columns.last_login_at.push(Math.floor(time - idle * 86_400e6));
      columns.signup_at.push(joined);
      columns.logins.push(Math.floor(30 / (1 + idle)));
      columns.plan.push(plan);
      times.push(time);
      const leaves = outcome(random, -5 + 0.9 * Math.sqrt(idle));
      isThere = leaves === 0;
      labels.push(leaves);
      groups.push(`customer ${customer}`);
    }
  }
  return { name: "months", columns, labels, groups, times };
}

/** Two kinds of animals, in the order of kind and number: the table is sorted by its outcome. */
function sortedRows(random: Random): MadeTable {
  const size = listOf(200, (i) => 7 + (i % 50) / 4 + normal(random));
  const measure = (slope: number, of1: number) =>
    size.map((value, i) => Number((slope * value * (i < 100 ? 1 : of1) + 0.4 * normal(random)).toFixed(1)));
  return rowsOf("sorted rows", {
    sex: listOf(200, (i) => i % 100 < 50 ? "M" : "F"),
    index: listOf(200, (i) => 1 + i % 50),
    front: measure(1, 1.1),
    rear: measure(0.8, 1),
    width: measure(2.3, 1.05),
  }, listOf(200, (i) => i < 100 ? 0 : 1));
}

const makers: readonly Maker[] = [
  orderedScores,
  ratings,
  measures,
  flowers,
  program,
  treatments,
  panel(true),
  panel(false),
  states,
  rare,
  manyWeak,
  oneStrong,
  strongLevels,
  steepCounts,
  months,
  sortedRows,
];

/** Makes tables without a leak whose outcome is easily told, or whose rows are few or belong together. */
export function cleanShapes(seed: number): MadeTable[] {
  return makers.map((make, i) => make(createRandom(seed * 1_000 + i)));
}
