import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";

/** Below this number of rows or groups, the number of distinct values is not judged. */
const judgedMin = 20;
/** Distinct values per row from which a category counts as an id of the rows, or of the groups. */
const idShare = 0.8;
/** Repeated values that chance would give before their absence says something. */
const repeatsMin = 15;
/** Pairs of successive rows from which a number that always rises counts as a running number. */
const risingMin = 200;

/** Warns of a column that identifies its rows or groups: its values say nothing about other rows. */
export function warnOfIdentity(sample: LeakSample, c: number): LeakWarning | undefined {
  const { columns, rows } = sample;
  const groupValues = rows.groups && groupValuesOf(rows.columns[c], rows.groups, rows.groupCount);
  if (columns[c].kind === "category") return levelPerRow(sample, c) ?? levelPerGroup(sample, c, groupValues);
  if (columns[c].kind === "time") return undefined;
  return runningNumber(sample, c) ?? numberPerGroup(sample, c, groupValues);
}

function levelPerRow({ columns, rowCount: of }: LeakSample, c: number): LeakWarning | undefined {
  const { name, levels = [] } = columns[c];
  const count = levels.length - 1;
  if (of < judgedMin || count < idShare * of) return undefined;
  return {
    kind: "level-per-row",
    columns: [name],
    text:
      `${name} has ${count} levels on ${of} rows, nearly one for each, as an id has: what is learnt of a level hardly ` +
      "helps for another row. Take it out of the features, or give it minCount.",
  };
}

function levelPerGroup(
  { columns, rows, hasWholeGroups }: LeakSample,
  c: number,
  groupValues: Float64Array | undefined,
): LeakWarning | undefined {
  if (!groupValues || !hasSeveralRows(rows.rowCount, groupValues)) return undefined;
  const { name } = columns[c];
  const distinct = distinctOf(groupValues);
  if (!hasWholeGroups || distinct < idShare * groupValues.length) return undefined;
  return groupFeature(name, `has ${distinct} levels on ${groupValues.length} groups, nearly one for each`);
}

function numberPerGroup(
  { columns, rows }: LeakSample,
  c: number,
  groupValues: Float64Array | undefined,
): LeakWarning | undefined {
  if (!groupValues || !hasSeveralRows(rows.rowCount, groupValues) || !isDense(groupValues)) return undefined;
  return groupFeature(columns[c].name, "is a whole number that no two groups share, as their id is");
}

function hasSeveralRows(rowCount: number, { length }: Float64Array): boolean {
  return length >= judgedMin && rowCount >= 1.2 * length;
}

function groupFeature(name: string, what: string): LeakWarning {
  return {
    kind: "group-feature",
    columns: [name],
    text:
      `${name} ${what}: held-out rows are of groups that the model has not seen, so that the metrics do not show what it ` +
      "is worth for known ones. Take it out of the features.",
  };
}

/** Returns the value of each group; undefined if a group has several. */
function groupValuesOf(
  values: Float64Array,
  groups: Uint32Array,
  groupCount: number,
): Float64Array | undefined {
  const own = new Float64Array(groupCount);
  const isSet = new Uint8Array(groupCount);
  for (let i = 0; i < values.length; i++) {
    const group = groups[i];
    if (isSet[group] === 0) {
      isSet[group] = 1;
      own[group] = values[i];
    } else if (!Object.is(own[group], values[i])) return undefined;
  }
  return own;
}

function distinctOf(codes: Float64Array): number {
  const distinct = new Set(codes);
  distinct.delete(0);
  return distinct.size;
}

function runningNumber({ columns, rows }: LeakSample, c: number): LeakWarning | undefined {
  const values = rows.columns[c];
  const order = isRising(values)
    ? "rises with the order of the rows"
    : rows.times && isRising(inOrderOf(rows.times, values))
    ? "rises with the time of the rows"
    : isDense(values)
    ? "is a whole number that no two rows share"
    : undefined;
  if (order === undefined) return undefined;
  const { name } = columns[c];
  return {
    kind: "running-number",
    columns: [name],
    text:
      `${name} ${order}, as an id in the order of time does: rows to come have numbers that no training row has. Take it ` +
      "out of the features; name a time column for what changes with time.",
  };
}

/** Whether whole numbers rise from each row to the next. */
function isRising(values: Float64Array): boolean {
  if (values.length < risingMin) return false;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isInteger(values[i]) || (i > 0 && values[i] <= values[i - 1])) return false;
  }
  return true;
}

function inOrderOf(times: Float64Array, values: Float64Array): Float64Array {
  const order = Uint32Array.from(times, (_, i) => i).sort((a, b) =>
    times[a] - times[b] || values[a] - values[b]
  );
  return Float64Array.from(order, (i) => values[i]);
}

/** Whether whole numbers are all distinct, though they are so close that chance would repeat some. */
function isDense(values: Float64Array): boolean {
  const count = values.length;
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isInteger(value)) return false;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const expectedRepeats = count * count / (2 * (high - low + 1));
  return count >= judgedMin && expectedRepeats >= repeatsMin && new Set(values).size === count;
}
