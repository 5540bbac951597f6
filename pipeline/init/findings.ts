import { basename } from "node:path";
import { isoTime } from "../files/columns/iso_time.ts";
import type { ColumnProfile } from "./column_profile.ts";
import type { JoinTree } from "./join_tree.ts";
import type { FoundLabel } from "./label.ts";
import type { ExistsLabel, LabelChoice } from "./label_choice.ts";
import { rowsPerLevel } from "./levels.ts";
import type { TableProfile } from "./profile.ts";
import type { Finding, ProposedTable } from "./proposal.ts";
import { keepsGroups } from "./time_split.ts";
import type { Reference } from "./references.ts";
import { listed } from "./names.ts";

export function fileFindings(
  { path, fileFormat, rowCount, isCounted, rowsLookedAt, columns, format, unreadable }: TableProfile,
): Finding[] {
  const details = [
    { parquet: "parquet", csv: "CSV", ndjson: "newline-delimited JSON" }[fileFormat],
    ...format.encoding === undefined ? [] : [format.encoding],
    ...format.decimalComma === true ? ["decimal comma"] : [],
    ...format.nulls === undefined
      ? []
      : [`${format.nulls.map((text) => JSON.stringify(text)).join(", ")} for no value`],
  ];
  const rows = `${isCounted ? "" : "about "}${rowCount.toLocaleString("en")} rows`;
  const seen = rowsLookedAt < rowCount ? `, ${rowsLookedAt.toLocaleString("en")} looked at` : "";
  return [
    { about: "file", text: `${path}: ${details.join(", ")}; ${rows}${seen}, ${columns.length} columns` },
    ...[...Map.groupBy(unreadable, ({ why }) => why)].map(([why, columns]) =>
      ({
        about: "note",
        text: `${listed(columns.map(({ column }) => column), 12)} ${
          columns.length === 1 ? "is" : "are"
        } not loaded: ${columns.length === 1 ? why : why.replace(/^it has no name$/, "they have no name")}.${
          remedyOf(why)
        }`,
      }) as const
    ),
  ];
}

/** What to do to have a column in the table, by why it is not. */
const remedies: readonly (readonly [why: RegExp, remedy: string])[] = [
  [/list, map or group| is an (?:array|object),/, "To use it, write what it holds as columns of their own"],
  [/ is not finite$/, "To use it, leave its infinite values empty"],
  [/ needs more than 64 bits$/, "To use it, write it as text"],
  [/^it is [A-Z]|NUL character$/, "To use it, write it as text or as numbers"],
  [/^it has no name$/, "To use it, give it a name"],
  [/ only in case$/, "To use it, rename it"],
];

function remedyOf(why: string): string {
  const remedy = remedies.find(([pattern]) => pattern.test(why.replace(/, expected one value$/, ",")))?.[1];
  return remedy === undefined ? "" : ` ${remedy}.`;
}

export function keyFinding({ key: [name], isNumbered, columns }: ProposedTable): Finding {
  const type = columns.find((column) => column.name === name)?.type === "TEXT" ? "a text" : "an integer";
  return {
    about: "key",
    text: isNumbered
      ? `none found: the store numbers the rows in ${name}. A corrected file can then not replace this one; a column of unique ` +
        "ids would be a key"
      : `${name}, ${type} that no two rows share`,
  };
}

export function labelFinding({ column, positive, isCertain, share }: FoundLabel): Finding {
  const other = column.levels.find(({ level }) => level !== positive)?.level;
  const is = positive === undefined ? "" : `, 1 for ${JSON.stringify(positive)}`;
  const doubt = isCertain || positive === undefined
    ? ""
    : `, the ${column.kind === "text" ? "rarer" : "greater"} value; for ${
      JSON.stringify(other)
    } write it as "positive" in the spec`;
  const missing = column.nulls === 0
    ? ""
    : `; ${column.nulls.toLocaleString("en")} ${
      column.nulls === 1 ? "row without a label is" : "rows without a label are"
    } kept, not trained on`;
  return { about: "label", text: `${column.name}${is}: ${percent(share)} of the rows${doubt}${missing}` };
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(3)} %`;
}

interface Roles {
  readonly group: ColumnProfile | undefined;
  readonly time: ColumnProfile | undefined;
  readonly straddling: number | undefined;
}

export function roleFindings(profile: TableProfile, { group, time, straddling }: Roles): Finding[] {
  return [
    {
      about: "group",
      text: group
        ? `${group.name}, about ${shownCount(rowsPerLevel(group, profile))} rows each${
          keepsGroups(straddling) ? "" : ", which are held out together"
        }`
        : "none found: each row is one. If rows belong together, such as those of a customer, name their column with --group",
    },
    ...time
      ? [
        {
          about: "time",
          text: `${time.name}, ${isoTime(time.range?.min ?? NaN)} to ${isoTime(time.range?.max ?? NaN)}; ${
            heldOutWords(group, straddling)
          }`,
        } as const,
      ]
      : [],
  ];
}

/** Returns a count of rows with two digits at least: 2.3, 1,000. */
function shownCount(count: number): string {
  return count < 10 ? count.toPrecision(2) : Math.round(count).toLocaleString("en");
}

function heldOutWords(group: ColumnProfile | undefined, straddling: number | undefined): string {
  if (!group || !keepsGroups(straddling)) return "the last fifth is held out";
  return `the last fifth is held out, by time alone (--split time): ${
    percent(straddling ?? 0)
  } of the earlier rows are of a ${group.name} that comes again, and --split both would leave them out`;
}

/** Says what was joined by what, and which tables were not. */
export function joinFindings(tree: JoinTree, profiles: readonly TableProfile[]): Finding[] {
  const joined = tree.joins.map(({ reference, isOuter, asOf }) => {
    const { table, column, parent, key, also = [], why, nullShare } = reference;
    const ends = [{ column, key }, ...also].map((pair) => `${table}.${pair.column} = ${parent}.${pair.key}`)
      .join(" and ");
    const missing = nullShare > 0 ? `, ${percent(nullShare)} of the rows have none` : "";
    const newest = asOf ? `; the newest row whose ${asOf.knownAt} is not after ${asOf.time}` : "";
    const kept = isOuter ? "; rows without one stay examples, with missing values" : "";
    const text = `${ends}: it ${why}; ${foundWords(reference)}${missing}${newest}${kept}`;
    return { about: "join", text } as const;
  });
  const children = tree.children.map((reference) =>
    ({ about: "join", text: childWords(reference) }) as const
  );
  const whyLeft = (name: string) =>
    tree.nearMisses?.find(({ tables }) => tables.includes(name))?.text ?? "no column joins it to the others";
  const left = profiles.filter(({ name }) => tree.unconnected.includes(name)).map(({ name, path }) => ({
    about: "join",
    text: `${basename(path)} is left out: ${whyLeft(name)}`,
  } as const));
  return [...joined, ...children, ...left];
}

function foundWords({ foundCount, valueCount }: Reference): string {
  const all = foundCount === valueCount;
  return all
    ? `all ${valueCount.toLocaleString("en")} values are there`
    : `${foundCount.toLocaleString("en")} of ${valueCount.toLocaleString("en")} values are there`;
}

function childWords({ table, column, parent, isOneToOne }: Reference): string {
  const why = isOneToOne
    ? `only some rows of ${parent} have a row of it`
    : `several of its rows belong to one row of ${parent}. Count or sum them for each row of ${parent} first`;
  return `${table} is not joined by ${column}: ${why}`;
}

/** Says which rows have the label 1, and how many of them. */
export function existsFinding({ by, clicked, examples }: ExistsLabel): Finding {
  const { table, key } = by;
  const share = percent(clicked.size / Math.max(1, examples.rowsLookedAt));
  return {
    about: "label",
    text:
      `1 where ${table} has a row with the ${key} of ${examples.name}, else 0: ${share} of the rows. The other columns of ${table} ` +
      "are known only afterwards, so they are no features",
  };
}

/** Says that two counts are the label, and the share of clicks. */
export function ratioFinding(
  { clicks, impressions }: Extract<LabelChoice, { is: "ratio" }>,
): Finding {
  const [few, many] = [clicks, impressions].map(({ range, rows, nulls }) =>
    (range?.mean ?? 0) * (rows - nulls)
  );
  const share = many > 0 ? `: ${percent(few / many)} of the ${impressions.name}` : "";
  return {
    about: "label",
    text:
      `${clicks.name} of ${impressions.name}${share}. Each row is two examples, clicked and not, that are weighted by the counts`,
  };
}
