import { splitSalt } from "../examples/split.ts";
import {
  type ExampleSplitOptions,
  noTimes,
  oneTime,
  requireRows,
  requireTime,
  type SplitTimes,
} from "../examples/time_split.ts";
import type { ExcludedRows } from "../examples/row_account.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import type { EngineDialect } from "./engine_dialect.ts";
import { rangesIn, rangeSums, valuesAtRanks } from "./ranked_values.ts";
import { numberIn, type SqlEngine, sumIn } from "./sql_engine.ts";

/** Columns of staged examples that the split reads: the hash of the group and the time in microseconds. */
export const [hashColumn, timeColumn] = ["h", "t"];

/** The split of examples in an engine, as `splitInSteps` derives it from the same rows. */
export interface EngineSplit {
  /** An expression of a row's part; NULL for a row that is excluded. */
  readonly part: string;
  readonly excluded: ExcludedRows;
  readonly times?: SplitTimes;
}

/** Returns an expression of whether a group is held out. */
function isHeldOut(seed: number, testShare: number, dialect: EngineDialect): string {
  const word = mixed(dialect.bitXor(hashColumn, String(splitSalt(seed))), dialect);
  // The bound is not whole: 0.2 of 2^32.
  return `${word} <= ${Math.ceil(testShare * 2 ** 32) - 1}`;
}

/** The finish of `hashOf` in math/hash.ts: `mixed` for integers from 0 to 2^32 − 1. */
export function mixed(word: string, { bitAnd, bitXor, shiftRight }: EngineDialect): string {
  const spread = (x: string, bits: number) => bitXor(x, shiftRight(x, bits));
  // A product of two words is beyond 64 bits: the upper half of one is multiplied apart.
  const times = (x: string, factor: number) =>
    bitAnd(
      `(${bitAnd(x, "65535")} * ${factor} + ${
        bitAnd(`(${shiftRight(x, 16)} * ${factor})`, "65535")
      } * 65536)`,
      "4294967295",
    );
  return spread(times(spread(times(spread(word, 16), 0x85ebca6b), 13), 0xc2b2ae35), 16);
}

/** Returns an expression of the part of a row that the hash of its group alone decides; undefined where times decide, too. */
export function partByGroup(
  dialect: EngineDialect,
  { seed, testShare, split, matureSeconds }: ExampleSplitOptions,
): string | undefined {
  if (split !== undefined || matureSeconds !== undefined) return undefined;
  return testShare > 0 ? `CASE WHEN ${isHeldOut(seed, testShare, dialect)} THEN 1 ELSE 0 END` : "0";
}

/**
 * Derives the split of staged examples whose times decide.
 *
 * @param from The staged examples, as a FROM has them.
 * @throws {Failure} `usage-invalid`, `examples-invalid` as `splitInSteps`.
 */
export async function splitOnEngine(
  engine: SqlEngine,
  from: string,
  spec: FeatureSpec,
  { seed, testShare, split, matureSeconds }: ExampleSplitOptions,
): Promise<EngineSplit> {
  const { dialect } = engine;
  const byGroup = testShare > 0 ? `CASE WHEN ${isHeldOut(seed, testShare, dialect)} THEN 1 ELSE 0 END` : "0";
  requireTime(spec, split === undefined ? "--mature" : `--split ${split}`);
  const { newest, rowCount } = await newestOf(engine, from, spec);
  const matureUntil = matureSeconds === undefined ? Infinity : newest - 1e6 * matureSeconds;
  const mature = `${timeColumn} <= ${dialect.number(Math.min(matureUntil, newest))}`;
  const heldOutFrom = split !== undefined && testShare > 0
    ? await cutOf(engine, { from, where: mature }, testShare, spec)
    : Infinity;
  const isLate = heldOutFrom < Infinity ? `${timeColumn} >= ${dialect.number(heldOutFrom)}` : "1 = 0";
  const straddles = `${hashColumn} IN (SELECT ${hashColumn} FROM ${from} WHERE ${mature} AND ${isLate})`;
  const counts = await countRows(engine, from, { mature, isLate, straddles });
  const isBoth = split === "both";
  const train = counts.earlier - (isBoth ? counts.straddling : 0);
  requireRows({ train, earlier: counts.earlier }, spec, rowCount, newest);
  const early = isBoth ? `CASE WHEN ${straddles} THEN NULL ELSE 0 END` : "0";
  const part = split === undefined
    ? `CASE WHEN ${mature} THEN ${byGroup} END`
    // A row without a time is neither.
    : `CASE WHEN ${mature} THEN CASE WHEN ${isLate} THEN 1 ELSE ${early} END END`;
  return {
    part,
    excluded: {
      ...(isBoth ? { straddling: counts.straddling } : {}),
      ...(matureSeconds === undefined ? {} : { immature: counts.immature }),
      ...(counts.noTime === 0 ? {} : { noTime: counts.noTime }),
    },
    times: {
      newest,
      ...(heldOutFrom < Infinity ? { heldOutFrom } : {}),
      ...(matureUntil < Infinity ? { matureUntil } : {}),
      earlierRows: counts.earlier,
      straddlingRows: counts.straddling,
    },
  };
}

async function newestOf(engine: SqlEngine, from: string, spec: FeatureSpec) {
  const [[newest, rows]] = await engine.query(`SELECT max(${timeColumn}), count(*) FROM ${from}`);
  if (newest === null) throw noTimes(numberIn(rows), spec);
  return { newest: numberIn(newest), rowCount: numberIn(rows) };
}

/** Returns the time from which on a share of the rows is held out, by the rule of `createTimeCutSearch`. */
async function cutOf(
  engine: SqlEngine,
  { from, where }: { readonly from: string; readonly where: string },
  share: number,
  spec: FeatureSpec,
): Promise<number> {
  const { number } = engine.dialect;
  const column = { from, where, value: timeColumn, weight: "1", name: spec.time ?? "" };
  const [sums] = await engine.query(`SELECT ${rangeSums([column]).join(", ")} FROM ${from} WHERE ${where}`);
  const [range] = rangesIn(sums);
  const count = numberIn(range.count);
  const [found] = await valuesAtRanks(engine, [{
    ...{ column, range },
    ranksOf: (total) => [{ weight: total - Math.max(1, Math.ceil(share * total)), exceeds: true }],
  }]);
  // Without a row, `requireRows` fails with the reason.
  if (!found) return Infinity;
  const [value] = found;
  const later = `${timeColumn} > ${number(value)}`;
  const [[above, next, first]] = await engine.query(
    `SELECT count(CASE WHEN ${later} THEN 1 END), min(CASE WHEN ${later} THEN ${timeColumn} END), min(${timeColumn}) FROM ${from} WHERE ${where}`,
  );
  const [[reached]] = await engine.query(
    `SELECT count(*) FROM ${from} WHERE ${where} AND ${timeColumn} >= ${number(value)}`,
  );
  const wanted = share * count;
  const isFirst = value === numberIn(first);
  const takesNext = numberIn(above) > 0 &&
    (isFirst || wanted - numberIn(above) <= numberIn(reached) - wanted);
  if (takesNext) return numberIn(next);
  if (!isFirst) return value;
  throw oneTime(count, spec);
}

async function countRows(
  engine: SqlEngine,
  from: string,
  { mature, isLate, straddles }: { mature: string; isLate: string; straddles: string },
) {
  const [counts] = await engine.query(
    `SELECT sum(CASE WHEN ${timeColumn} IS NULL THEN 1 ELSE 0 END), sum(CASE WHEN NOT (${mature}) THEN 1 ELSE 0 END), ` +
      `sum(CASE WHEN ${mature} AND NOT (${isLate}) THEN 1 ELSE 0 END), ` +
      `sum(CASE WHEN ${mature} AND NOT (${isLate}) AND s THEN 1 ELSE 0 END) ` +
      `FROM (SELECT ${timeColumn}, ${straddles} AS s FROM ${from}) AS counted`,
  );
  const [noTime, immature, earlier, straddling] = counts.map(sumIn);
  return { noTime, immature, earlier, straddling };
}
