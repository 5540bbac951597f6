import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import { type FileRow, parquetOf } from "../../support/temp_files.ts";
import { csvOf, windows1252Of } from "./text_table.ts";

/** A value as a client sends it over HTTP. */
type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

/** A table of a user, or several. Nothing about it is written by hand but the name of the label. */
export interface OwnTables {
  readonly name: string;
  /** The content of each file, by its name. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly label: string;
  /** The rows of the examples, joined, in the order of the file with the label. */
  readonly rows: readonly Row[];
  /** The outcome of each row. */
  readonly outcomes: readonly boolean[];
  /** What a data scientist takes the columns for. Others are ids, or the label. */
  readonly columns: Columns;
}

export interface Columns {
  readonly numbers: readonly string[];
  readonly categories: readonly string[];
  readonly times: readonly string[];
}

const rowCount = 3_000;

/** Makes the ten tables, the same ones on every machine. */
export function makeTables(): OwnTables[] {
  return [
    textIds,
    withoutId,
    umlauts,
    booleans,
    dates,
    decimalCommas,
    manyLevels,
    mostlyMissing,
    oneTable,
    threeTables,
  ].map((make, i) => make(createRandom(100 + i)));
}

function textIds(random: Random): OwnTables {
  const made = rowsOf(random, (i) => {
    const plan = pick(random, ["basic", "plus", "pro"]);
    const visits = random.below(30);
    const value = { lead: `L-${code(i)}`, plan, region: pick(random, regions), visits };
    return { value, logOdds: 0.09 * visits - 2 + (plan === "pro" ? 1.1 : 0) };
  });
  return oneFile("text ids", { ...made, label: "converted", as: ["0", "1"], file: "leads.csv" }, {
    numbers: ["visits"],
    categories: ["plan", "region"],
  });
}

function withoutId(random: Random): OwnTables {
  const made = rowsOf(random, () => {
    const age = 18 + random.below(60);
    const job = pick(random, ["clerk", "nurse", "teacher", "driver", "cook"]);
    const balance = Math.round(5_000 * gauss(random));
    const logOdds = 0.03 * (age - 45) + (job === "nurse" ? 0.9 : 0) + balance / 8_000;
    return { value: { age, job, balance }, logOdds };
  });
  return oneFile("no id", { ...made, label: "subscribed", as: ["no", "yes"], file: "bank.csv" }, {
    numbers: ["age", "balance"],
    categories: ["job"],
  });
}

function umlauts(random: Random): OwnTables {
  const made = rowsOf(random, (i) => {
    const town = pick(random, ["Köln", "Düsseldorf", "Nürnberg", "Gießen"]);
    const size = 20 + random.below(180);
    const value = {
      "Nr.": 10_000 + i,
      "Größe der Fläche (m²)": size,
      "Ort / Stadt": town,
      'Straße "lang"': pick(random, ["A", "B"]),
    };
    return { value, logOdds: (size - 110) / 60 + (town === "Köln" ? 1 : 0) };
  });
  return oneFile("umlauts and spaces", {
    ...made,
    label: "Verkauft?",
    as: ["nein", "ja"],
    file: "Häuser am Fluß.csv",
  }, {
    numbers: ["Größe der Fläche (m²)"],
    categories: ["Ort / Stadt", 'Straße "lang"'],
  });
}

function booleans(random: Random): OwnTables {
  const made = rowsOf(random, (i) => {
    const [member, mobile] = [random.below(3) === 0, random.below(2) === 0];
    const basket = round(40 * Math.exp(0.5 * gauss(random)), 2);
    return {
      value: { visit_id: i + 1, member, mobile: random.below(10) === 0 ? null : mobile, basket },
      logOdds: (member ? 1.2 : -0.4) + (mobile ? -0.6 : 0) + basket / 100,
    };
  });
  const rows = made.rows.map((row, i) => ({ ...row, bought: made.outcomes[i] }));
  return {
    name: "booleans",
    files: { "visits.parquet": parquetOf(rows) },
    label: "bought",
    ...made,
    columns: { numbers: ["basket"], categories: ["member", "mobile"], times: [] },
  };
}

function dates(random: Random): OwnTables {
  const start = Date.UTC(2025, 0, 1);
  const made = rowsOf(random, (i) => {
    const sent = new Date(start + 60_000 * (i * 150 + random.below(150)));
    const born = new Date(Date.UTC(1950 + random.below(55), random.below(12), 1 + random.below(28)));
    const value = {
      mail: i + 1,
      sent: sent.toISOString().slice(0, 19).replace("T", " "),
      born: born.toISOString().slice(0, 10),
      topic: pick(random, ["news", "sale", "survey"]),
    };
    const isEvening = sent.getUTCHours() >= 18;
    return {
      value,
      logOdds: (isEvening ? 1 : -0.5) + (born.getUTCFullYear() - 1977) / 25 +
        (value.topic === "sale" ? 0.7 : 0),
    };
  });
  return oneFile("dates", { ...made, label: "opened", as: ["FALSE", "TRUE"], file: "mails.csv" }, {
    numbers: [],
    categories: ["topic"],
    times: ["sent", "born"],
  });
}

function decimalCommas(random: Random): OwnTables {
  const made = rowsOf(random, (i) => {
    const price = round(5 + 95 * random.uniform(), 2);
    const rate = round(gauss(random), 3);
    const value = {
      Artikel: 500 + i,
      Preis: price,
      Käufer: pick(random, ["Müller", "Groß", "Özil", "André"]),
      Änderung: rate,
    };
    return { value, logOdds: (50 - price) / 30 + 0.8 * rate + (value.Käufer === "Özil" ? 0.8 : 0) };
  });
  const rows = labelled(made, "gekauft", ["0", "1"]);
  return {
    name: "decimal commas in windows-1252",
    files: { "artikel.csv": windows1252Of(csvOf(rows, { delimiter: ";", decimalComma: true })) },
    label: "gekauft",
    ...made,
    columns: { numbers: ["Preis", "Änderung"], categories: ["Käufer"], times: [] },
  };
}

function manyLevels(random: Random): OwnTables {
  const levels = 100_000;
  const effects = Float64Array.from({ length: levels }, () => 0.8 * gauss(random));
  const made = rowsOf(random, (i) => {
    // All levels once, then some of them more often than others.
    const page = i < levels ? i : Math.floor(levels * random.uniform() ** 6);
    const position = 1 + random.below(8);
    const value = {
      view_id: i + 1,
      page: `/p/${(page * 7919) % 1_000_003}`,
      position,
      device: pick(random, ["phone", "tablet", "desk"]),
    };
    return { value, logOdds: effects[page] - 0.25 * position };
  }, 130_000);
  const rows = made.rows.map((row, i) => ({ ...row, clicked: made.outcomes[i] ? 1n : 0n }));
  return {
    name: "a hundred thousand levels",
    files: { "views.parquet": parquetOf(rows, { rowGroupSize: 20_000 }) },
    label: "clicked",
    ...made,
    columns: { numbers: ["position"], categories: ["page", "device"], times: [] },
  };
}

function mostlyMissing(random: Random): OwnTables {
  const some = <T>(share: number, value: T): T | null => random.uniform() < share ? value : null;
  const made = rowsOf(random, (i) => {
    const score = round(gauss(random), 3);
    const channel = pick(random, ["mail", "shop", "phone"]);
    const value = {
      patient: i + 1,
      score: some(0.15, score),
      channel: some(0.1, channel),
      income: some(0.05, 20_000 + random.below(60_000)),
      note_code: some(0.02, pick(random, ["x1", "x2"])),
      weight: some(0.2, 50 + random.below(60)),
    };
    return { value, logOdds: (value.score ?? -0.6) + (value.channel === "shop" ? 1.3 : 0) };
  });
  return oneFile("mostly missing", { ...made, label: "came", as: ["N", "Y"], file: "patients.csv" }, {
    numbers: ["score", "income", "weight"],
    categories: ["channel", "note_code"],
  });
}

function oneTable(random: Random): OwnTables {
  const made = rowsOf(random, (i) => {
    const value = {
      ad_id: 700_000 + i,
      campaign: `c${random.below(40)}`,
      bid: round(0.1 + 2 * random.uniform(), 3),
      slot: pick(random, ["top", "side", "foot"]),
      age_days: random.below(400),
    };
    return {
      value,
      logOdds: value.bid - 2 + (value.slot === "top" ? 1.2 : 0) + (Number(value.campaign.slice(1)) % 5) / 4,
    };
  });
  const rows = made.rows.map((row, i) => ({
    ...row,
    ad_id: BigInt(Number(row.ad_id)),
    clicked: made.outcomes[i] ? 1 : 0,
  }));
  return {
    name: "one table",
    files: { "ads.parquet": parquetOf(rows) },
    label: "clicked",
    ...made,
    columns: { numbers: ["bid", "age_days"], categories: ["campaign", "slot"], times: [] },
  };
}

function threeTables(random: Random): OwnTables {
  const customers = Array.from({ length: 800 }, (_, i) => ({
    customer_id: `K${1_000 + i}`,
    segment: pick(random, ["private", "trade", "public"]),
    since_year: 1990 + random.below(35),
  }));
  const campaigns = Array.from({ length: 25 }, (_, i) => ({
    campaign_id: i + 1,
    theme: pick(random, ["spring", "tools", "wine", "books"]),
    discount: 5 * random.below(7),
  }));
  const made = rowsOf(random, (i) => {
    const { customer_id, ...customer } = customers[random.below(customers.length)];
    const { campaign_id, ...campaign } = campaigns[random.below(campaigns.length)];
    const value = {
      mail_id: i + 1,
      customer_id,
      campaign_id,
      hour: random.below(24),
      ...customer,
      ...campaign,
    };
    return {
      value,
      logOdds: campaign.discount / 15 - 1 + (customer.segment === "trade" ? 0.9 : 0) +
        (value.hour > 17 ? 0.5 : 0),
    };
  });
  const mails = labelled(made, "ordered", ["false", "true"]).map(
    ({ mail_id, customer_id, campaign_id, hour, ordered }) => ({
      mail_id,
      customer_id,
      campaign_id,
      hour,
      ordered,
    }),
  );
  return {
    name: "three tables with the label in one",
    files: {
      "mails.csv": csvOf(mails),
      "customers.csv": csvOf(customers),
      "campaigns.csv": csvOf(campaigns),
    },
    label: "ordered",
    ...made,
    columns: {
      numbers: ["hour", "since_year", "discount"],
      categories: ["segment", "theme", "campaign_id"],
      times: [],
    },
  };
}

interface Made {
  readonly rows: readonly Row[];
  readonly outcomes: readonly boolean[];
}

const regions = ["north", "south", "east", "west"];

function rowsOf(
  random: Random,
  draw: (i: number) => { value: Row; logOdds: number },
  count = rowCount,
): Made {
  const drawn = Array.from({ length: count }, (_, i) => draw(i));
  return {
    rows: drawn.map(({ value }) => value),
    outcomes: drawn.map(({ logOdds }) => random.uniform() < 1 / (1 + Math.exp(-logOdds))),
  };
}

function labelled({ rows, outcomes }: Made, label: string, [no, yes]: readonly [string, string]): FileRow[] {
  return rows.map((row, i) => ({ ...row, [label]: outcomes[i] ? yes : no }));
}

function oneFile(
  name: string,
  { label, as, file, ...made }: Made & {
    label: string;
    as: readonly [no: string, yes: string];
    file: string;
  },
  columns: Partial<Columns>,
): OwnTables {
  return {
    name,
    files: { [file]: csvOf(labelled(made, label, as)) },
    label,
    ...made,
    columns: { numbers: [], categories: [], times: [], ...columns },
  };
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)];
}

/** Returns a number of about a standard normal distribution: no logarithm, whose last bit differs between machines. */
function gauss(random: Random): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random.uniform();
  return sum;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Returns a text id whose order is not that of the rows. */
function code(i: number): string {
  return ((i * 7_919) % 1_000_003).toString(36).toUpperCase().padStart(4, "0");
}
