import type { ColumnProfile } from "./column_profile.ts";
import { isoTime } from "../files/columns/field_value.ts";
import { fieldsOf } from "./fields.ts";
import { groupOf } from "./key.ts";
import { type FoundLabel, labelOf, namedColumn } from "./label.ts";
import { isEventTimeName } from "./names.ts";
import { rowsPerLevel } from "./levels.ts";
import type { TableProfile } from "./profile.ts";
import type { Finding, LeftOutColumn, Proposal, ProposedTable } from "./proposal.ts";
import { tableOf } from "./table.ts";

/** What the user has said; what is absent is found. */
export interface Wishes {
  readonly label?: string;
  readonly group?: string;
  readonly time?: string;
}

/**
 * Proposes a table, a view and a feature spec for one file.
 *
 * @throws {Failure} `usage-invalid` if the label is not clear, or a column is named that the file does not have;
 *   `examples-invalid` if the label does not have two values.
 */
export function propose(profile: TableProfile, wishes: Wishes = {}): Proposal {
  const label = labelOf(profile, wishes.label);
  const table = tableOf(profile);
  const [id] = table.key;
  const roles = rolesOf(profile, wishes, new Set([id, label.column.name]));
  const isFeature = ({ name }: ColumnProfile) =>
    name !== id && name !== label.column.name && name !== roles.group?.name;
  const { features, leftOut } = fieldsOf(
    profile.columns.filter(isFeature).map((column) => ({
      name: column.name,
      column,
      rows: profile,
      table: table.name,
    })),
  );
  const groupLeftOut: LeftOutColumn[] = roles.group
    ? [{
      column: roles.group.name,
      why: "it is the group: its rows are held out together, so training and testing share no value",
      feature: { name: roles.group.name, type: "categorical", hash: 4_096 },
    }]
    : [];
  const allLeftOut = [...groupLeftOut, ...leftOut];
  return {
    tables: [table],
    view: {
      child: table.name,
      joins: [],
      columns: table.columns.map(({ name }) => ({ name, table: table.name, column: name })),
    },
    label: {
      is: "column",
      name: label.column.name,
      ...label.positive === undefined ? {} : { positive: label.positive },
    },
    id,
    group: roles.group?.name ?? id,
    ...roles.time ? { time: roles.time.name } : {},
    features,
    leftOut: allLeftOut,
    format: profile.format,
    findings: [
      ...fileFindings(profile),
      keyFinding(table),
      labelFinding(label),
      ...roleFindings(profile, roles),
      ...profile.notes.map((text) => ({ about: "note", text }) as const),
    ],
  };
}

interface Roles {
  readonly group: ColumnProfile | undefined;
  readonly time: ColumnProfile | undefined;
}

function rolesOf(profile: TableProfile, wishes: Wishes, taken: ReadonlySet<string>): Roles {
  const group = wishes.group === undefined
    ? groupOf(profile.columns, profile, (name) => taken.has(name))
    : namedColumn(profile, wishes.group, "--group");
  const time = wishes.time === undefined
    ? profile.columns.find(mayBeEventTime)
    : namedColumn(profile, wishes.time, "--time");
  return { group, time };
}

function mayBeEventTime({ name, kind, nulls, distinct }: ColumnProfile): boolean {
  return (kind === "time" || kind === "date") && nulls === 0 && distinct > 2 && isEventTimeName(name);
}

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
    ...unreadable.map(({ column, why }) =>
      ({ about: "note", text: `${JSON.stringify(column)} is not loaded: ${why}.` }) as const
    ),
  ];
}

function keyFinding({ key: [name], isNumbered, columns }: ProposedTable): Finding {
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
    : `, the rarer value; for ${JSON.stringify(other)} write it as "positive" in the spec`;
  const missing = column.nulls === 0
    ? ""
    : `; ${column.nulls.toLocaleString("en")} rows without a label are kept, not trained on`;
  return { about: "label", text: `${column.name}${is}: ${percent(share)} of the rows${doubt}${missing}` };
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(3)} %`;
}

function roleFindings(profile: TableProfile, { group, time }: Roles): Finding[] {
  return [
    {
      about: "group",
      text: group
        ? `${group.name}, about ${
          rowsPerLevel(group, profile).toPrecision(2)
        } rows each, which are held out together`
        : "none found: each row is one. If rows belong together, such as those of a customer, name their column with --group",
    },
    ...time
      ? [
        {
          about: "time",
          text: `${time.name}, ${isoTime(time.range?.min ?? NaN)} to ${isoTime(time.range?.max ?? NaN)}`,
        } as const,
      ]
      : [],
  ];
}
