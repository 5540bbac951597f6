import { loadEach } from "../chunks/chunk_store.ts";
import { Failure } from "../failure.ts";
import { implausibleTime } from "../files/columns/plausible_time.ts";
import { createGroupTable, type GroupTable } from "./group_table.ts";
import type { RawExamples } from "./raw_examples.ts";
import type { ExcludedRows } from "./row_account.ts";
import type { FeatureSpec } from "./spec.ts";
import {
  createSampling,
  excludedPart,
  type Partition,
  type SplitOptions,
  testPart,
  trainTestSplit,
  validationPart,
} from "./split.ts";
import { createTimeCutSearch } from "./time_cut.ts";

export interface ExampleSplitOptions extends SplitOptions {
  /**
   * `time`: the last rows by time are held out. `both`: in addition, the groups of held-out rows leave the training. Default: rows
   * are held out by group.
   */
  readonly split?: "time" | "both" | undefined;
  /** Rows that are younger, counted from the newest one, are excluded: their label may still change. */
  readonly matureSeconds?: number | undefined;
}

/** A partition of examples, and what it was derived from. */
export interface ExampleSplit {
  readonly partition: Partition;
  readonly excluded: ExcludedRows;
  /** Present for a split by time. */
  readonly times?: SplitTimes;
}

/** Times at which rows are split, in the unit of the time column. */
export interface SplitTimes {
  /** The newest time of all rows. */
  readonly newest: number;
  /** The first time that is held out; absent if nothing is. */
  readonly heldOutFrom?: number;
  /** The first time that is for early stopping; absent without early stopping. */
  readonly validationFrom?: number;
  /** Rows after it are too young; absent without a window. */
  readonly matureUntil?: number;
  /** Rows before the held-out time. */
  readonly earlierRows: number;
  /** Those of them whose group has a held-out row. */
  readonly straddlingRows: number;
}

/** Stages that a group can reach, by the time of its rows. */
const [validationStage, heldOutStage] = [1, 2];
const microsPerSecond = 1e6;

/** Makes one pass over the rows, of a chunk at a time: a loop in each caller is faster than a call for each row. */
type Visit = (use: (times: Float64Array, groups: Uint32Array) => void) => Generator<void>;

/**
 * Derives the split from the options and, for a split by time, from the times of the rows. Yields after each pass over them.
 *
 * @throws {Failure} `usage-invalid` if the spec names no time that the options need; `examples-invalid` if no row has a time, all
 *   have the same one, or no row is left.
 */
export function* splitInSteps(
  raw: RawExamples,
  spec: FeatureSpec,
  options: ExampleSplitOptions,
): Generator<void, ExampleSplit> {
  const { split, matureSeconds, testShare, validationShare = 0 } = options;
  const byGroup = trainTestSplit(options);
  if (split === undefined && matureSeconds === undefined) return { partition: byGroup, excluded: {} };
  requireTime(spec, split === undefined ? "--mature" : `--split ${split}`);
  const visitAll: Visit = function* (use) {
    for (const { times, groups } of loadEach(raw.chunks)) {
      if (!times) throw new Error("the examples have no times");
      use(times, groups);
    }
    yield;
  };
  const newest = yield* newestOf(visitAll, raw, spec);
  const matureUntil = matureSeconds === undefined ? Infinity : newest - microsPerSecond * matureSeconds;
  const reach = createGroupTable();
  const leaves = (group: number, stage: number) => split === "both" && stage < reach.stageOf(group);
  const rules: Rules = { split, matureUntil, heldOutFrom: Infinity, validationFrom: Infinity, leaves };
  if (split !== undefined && testShare > 0) {
    rules.heldOutFrom = yield* cutOf(visitAll, rules, testShare, spec);
    yield* raiseGroups(visitAll, rules, reach);
  }
  if (split !== undefined && validationShare > 0) {
    rules.validationFrom = yield* cutOf(visitAll, rules, validationShare, spec);
    yield* raiseGroups(visitAll, rules, reach);
  }
  const counts = yield* countRows(visitAll, rules, reach);
  requireRows(counts, spec, raw.rowCount, newest);
  return {
    partition: partitionOf(rules, byGroup, options),
    excluded: excludedOf(counts, options),
    times: {
      newest,
      ...(rules.heldOutFrom < Infinity ? { heldOutFrom: rules.heldOutFrom } : {}),
      ...(rules.validationFrom < Infinity ? { validationFrom: rules.validationFrom } : {}),
      ...(matureUntil < Infinity ? { matureUntil } : {}),
      earlierRows: counts.earlier,
      straddlingRows: counts.straddling,
    },
  };
}

/** @param flag The flag that needs a time. @throws {Failure} `usage-invalid` */
export function requireTime({ time }: Pick<FeatureSpec, "time">, flag: string): void {
  if (time !== undefined) return;
  throw new Failure(
    "usage-invalid",
    `${flag} needs the time of each row: name its column in the feature spec, as "time": "sent_at".`,
  );
}

interface Rules {
  readonly split: "time" | "both" | undefined;
  readonly matureUntil: number;
  heldOutFrom: number;
  validationFrom: number;
  /** Whether a row leaves the training since its group reaches a later stage. */
  readonly leaves: (group: number, stage: number) => boolean;
}

function stageOf(time: number, { heldOutFrom, validationFrom }: Rules): number {
  return time >= heldOutFrom ? heldOutStage : time >= validationFrom ? validationStage : 0;
}

function* newestOf(visitAll: Visit, { rowCount }: RawExamples, spec: FeatureSpec): Generator<void, number> {
  let newest = -Infinity;
  yield* visitAll((times) => {
    for (let i = 0; i < times.length; i++) if (times[i] > newest) newest = times[i];
  });
  if (newest > -Infinity) return newest;
  throw noTimes(rowCount, spec);
}

/** Returns the failure of a split by time of rows without a time. */
export function noTimes(rowCount: number, { time }: Pick<FeatureSpec, "time">): Failure {
  return new Failure("examples-invalid", `None of the ${rowCount} rows has a ${time}: use --split group.`);
}

/** Returns the failure of a split by time of rows that all have the same one. */
export function oneTime(rowCount: number, { time }: Pick<FeatureSpec, "time">): Failure {
  return new Failure(
    "examples-invalid",
    `All ${rowCount} rows have the same ${time}: none can be held out by time. Use --split group, or hold nothing out with ` +
      "--test-share 0.",
  );
}

/** Returns the time from which on a share of the rows of the first stage is in the next one. */
function* cutOf(
  visitAll: Visit,
  rules: Rules,
  share: number,
  spec: FeatureSpec,
): Generator<void, number> {
  const search = createTimeCutSearch(share);
  let count = 0;
  const { matureUntil, heldOutFrom } = rules;
  const add = (times: Float64Array, groups: Uint32Array) => {
    for (let i = 0; i < times.length; i++) {
      // Also rejects a missing time, which is NaN.
      if (!(times[i] <= matureUntil) || times[i] >= heldOutFrom || rules.leaves(groups[i], 0)) continue;
      count++;
      search.add(times[i]);
    }
  };
  do {
    count = 0;
    yield* visitAll(add);
  } while (search.endWalk());
  // Without a row, `requireRows` fails with the reason.
  const cut = count === 0 ? Infinity : search.cut();
  if (cut !== undefined) return cut;
  throw oneTime(count, spec);
}

/** Records the stage that each group reaches. */
function* raiseGroups(visitAll: Visit, rules: Rules, reach: GroupTable): Generator<void> {
  yield* visitAll((times, groups) => {
    for (let i = 0; i < times.length; i++) {
      if (!(times[i] <= rules.matureUntil)) continue;
      const stage = stageOf(times[i], rules);
      if (stage > 0) reach.raise(groups[i], stage);
    }
  });
}

interface Counts {
  noTime: number;
  immature: number;
  /** Rows before the held-out time. */
  earlier: number;
  /** Those of them whose group has a held-out row. */
  straddling: number;
  /** Rows that leave the training because of their group. */
  leaving: number;
  /** Training rows. */
  train: number;
}

function* countRows(visitAll: Visit, rules: Rules, reach: GroupTable): Generator<void, Counts> {
  const counts = { noTime: 0, immature: 0, earlier: 0, straddling: 0, leaving: 0, train: 0 };
  yield* visitAll((times, groups) => {
    for (let i = 0; i < times.length; i++) {
      if (times[i] !== times[i]) counts.noTime++;
      else if (times[i] > rules.matureUntil) counts.immature++;
      else {
        const stage = stageOf(times[i], rules);
        if (stage < heldOutStage) counts.earlier++;
        if (stage < heldOutStage && reach.stageOf(groups[i]) === heldOutStage) counts.straddling++;
        if (rules.leaves(groups[i], stage)) counts.leaving++;
        else if (stage === 0) counts.train++;
      }
    }
  });
  return counts;
}

/**
 * Checks that a split by time leaves rows to train on.
 *
 * @param counts.earlier Rows before the held-out time.
 * @throws {Failure} `examples-invalid`
 */
export function requireRows(
  { train, earlier }: { readonly train: number; readonly earlier: number },
  spec: FeatureSpec,
  rowCount: number,
  newest: number,
): void {
  if (train > 0) return;
  throw new Failure(
    "examples-invalid",
    earlier > 0
      ? `Each of the ${earlier} rows before the held-out time is of a group (${spec.group}) that reaches into it: no row is left to ` +
        "train on. Use --split time, or name another group in the feature spec."
      : `Each of the ${rowCount} rows is younger than --mature, counted from the newest ${spec.time}, ${
        shownTime(newest)
      }. ` +
        "Use a shorter one.",
  );
}

function excludedOf(
  { noTime, immature, leaving }: Counts,
  { split, matureSeconds }: ExampleSplitOptions,
): ExcludedRows {
  return {
    ...(split === "both" ? { straddling: leaving } : {}),
    ...(matureSeconds === undefined ? {} : { immature }),
    ...(noTime === 0 ? {} : { noTime }),
  };
}

function partitionOf(rules: Rules, byGroup: Partition, options: ExampleSplitOptions): Partition {
  const sampledPart = createSampling(options);
  const partByStage = [undefined, validationPart, testPart];
  return {
    partCount: excludedPart + 1,
    partOf(group, label, row, time = NaN) {
      if (!(time <= rules.matureUntil)) return excludedPart;
      if (rules.split === undefined) return byGroup.partOf(group, label, row, time);
      const stage = stageOf(time, rules);
      if (rules.leaves(group, stage)) return excludedPart;
      return partByStage[stage] ?? sampledPart(group, label, row);
    },
  };
}

/** Formats a time for people: as ISO 8601 if it is plausible in microseconds since 1970. */
export function shownTime(time: number): string {
  return implausibleTime(time) === undefined
    ? new Date(time / 1000).toISOString().replace(/(:00)?\.000Z$/, "Z")
    : String(time);
}
