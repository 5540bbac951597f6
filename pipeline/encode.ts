import type { CellCodes, DesignChunk, DesignMatrix, Group } from "./design_matrix.ts";
import {
  type CategoricalEncoder,
  createEncoder,
  encodeCategory,
  type Encoder,
  type FieldSummary,
  type NumericEncoder,
  positionsOf,
  transformed,
} from "./encoder.ts";
import { median } from "./median.ts";
import type { RawChunk, RawExamples } from "./raw_examples.ts";
import { sharedFloat64, sharedInt32, sharedUint16, sharedUint32, sharedUint8 } from "./shared_memory.ts";
import type { FeatureSpec, NumericSpec } from "./spec.ts";
import { type Partition, trainPart } from "./split.ts";

/** Cells of one group at the most: their sums stay in the processor's cache. */
const cellsMax = 0x8000;
/** Combinations of levels that a table of all of them is made for. */
const combinationsMax = 2 ** 22;

/** A chunk's rows in the order of their parts. */
interface OrderedChunk {
  readonly raw: RawChunk;
  /** Rows of the raw chunk, shape (rows), ordered by part and then as they were. */
  readonly order: Uint32Array;
  readonly partEnds: readonly number[];
}

/** Levels of one field that have no column of their own, and why. */
export interface JoinedLevels {
  readonly field: string;
  readonly levels: readonly string[];
  /** Training rows that have one of them. */
  readonly rows: number;
  /** `rare`: on fewer rows than the spec wants. `pure`: always or never clicked. */
  readonly reason: "rare" | "pure";
}

export interface EncodedExamples {
  readonly encoder: Encoder;
  readonly design: DesignMatrix;
  readonly joined: readonly JoinedLevels[];
}

/**
 * Fits the encoder on the training part and encodes all rows with it.
 *
 * @param raw Its numeric columns are transformed in place: afterwards they are no raw fields any more.
 * @param options.joinPure Levels that were always or never clicked share the column of unseen ones: without a penalty
 *   their log-odds would be infinite.
 */
export function encodeExamples(
  raw: RawExamples,
  spec: FeatureSpec,
  partition: Partition,
  options: { joinPure: boolean },
): EncodedExamples {
  const ordered = raw.chunks.map((chunk) => orderByPart(chunk, partition));
  const joined: JoinedLevels[] = [];
  const encoder = createEncoder(
    spec,
    summarise(raw, spec, ordered, (levels) => joined.push(levels), options.joinPure),
  );
  return { encoder, design: buildDesign(raw, encoder, ordered, partition.partCount), joined };
}

function orderByPart(raw: RawChunk, { partCount, partOf }: Partition): OrderedChunk {
  const { groups, labels, rowCount } = raw;
  const parts = new Uint8Array(rowCount);
  const next = new Uint32Array(partCount);
  for (let i = 0; i < rowCount; i++) next[parts[i] = partOf(groups[i], labels[i], i)]++;
  const partEnds: number[] = [];
  for (let part = 0, end = 0; part < partCount; part++) {
    end += next[part];
    next[part] = end - next[part];
    partEnds.push(end);
  }
  const order = new Uint32Array(raw.rowCount);
  for (let i = 0; i < order.length; i++) order[next[parts[i]]++] = i;
  return { raw, order, partEnds };
}

/** Rows of the training part, as indices into the raw chunk. */
function trainRows({ order, partEnds }: OrderedChunk): Uint32Array {
  return order.subarray(0, partEnds[trainPart]);
}

function summarise(
  raw: RawExamples,
  spec: FeatureSpec,
  chunks: readonly OrderedChunk[],
  tell: (joined: JoinedLevels) => void,
  joinPure: boolean,
): FieldSummary[] {
  let numericIndex = 0;
  let categoricalIndex = 0;
  return spec.features.map((feature) => {
    if (feature.type === "numeric") return summariseNumeric(chunks, numericIndex++, feature);
    const field = categoricalIndex++;
    const counts = countLevels(chunks, field, raw.levels[field]);
    const join = (reason: JoinedLevels["reason"], wanted: (count: LevelCount) => boolean) => {
      const found = counts.filter((count) => !rare.has(count.level) && wanted(count));
      if (found.length > 0) {
        const rows = found.reduce((sum, count) => sum + count.rows, 0);
        tell({ field: feature.name, levels: found.map(({ level }) => level), rows, reason });
      }
      for (const { level } of found) rare.add(level);
    };
    const rare = new Set<string>();
    join("rare", ({ rows }) => rows < feature.minCount);
    if (joinPure) join("pure", ({ rows, clicks }) => clicks === 0 || clicks === rows);
    return {
      type: "categorical",
      levels: counts.map(({ level }) => level).filter((level) => !rare.has(level)),
    };
  });
}

interface LevelCount {
  readonly level: string;
  readonly rows: number;
  readonly clicks: number;
}

/** Training rows and clicks of each level that the training rows have. */
function countLevels(
  chunks: readonly OrderedChunk[],
  field: number,
  levels: readonly (string | null)[],
): LevelCount[] {
  const rows = new Float64Array(levels.length);
  const clicks = new Float64Array(levels.length);
  for (const chunk of chunks) {
    const { labels } = chunk.raw;
    const codes = chunk.raw.codes[field];
    const wanted = trainRows(chunk);
    for (let i = 0; i < wanted.length; i++) {
      const code = codes[wanted[i]];
      rows[code]++;
      clicks[code] += labels[wanted[i]];
    }
  }
  return levels.flatMap((level, code) =>
    level !== null && rows[code] > 0 ? [{ level, rows: rows[code], clicks: clicks[code] }] : []
  );
}

/** Imputation from the raw values; then the transform in place; then mean and deviation with missing values imputed. */
function summariseNumeric(
  chunks: readonly OrderedChunk[],
  field: number,
  feature: NumericSpec,
): FieldSummary {
  const impute = imputation(chunks, field, feature.impute);
  if (feature.transform !== "none") {
    for (const { raw: { numeric, rowCount } } of chunks) {
      const stride = numeric.length / rowCount;
      for (let k = field; k < numeric.length; k += stride) {
        numeric[k] = transformed(feature.transform, numeric[k]);
      }
    }
  }
  if (feature.scale === "none") return { type: "numeric", impute, mean: 0, scale: 1 };
  const stand = transformed(feature.transform, impute);
  const rowCount = chunks.reduce((sum, chunk) => sum + trainRows(chunk).length, 0);
  // Summed chunk by chunk: the order of additions is the data's alone.
  const mean = chunks.reduce((sum, chunk) => sum + sumOf(presentValues(chunk, field, stand)), 0) /
    Math.max(1, rowCount);
  const squares = chunks.reduce((sum, chunk) => sum + squaresOf(presentValues(chunk, field, stand), mean), 0);
  const variance = squares / Math.max(1, rowCount);
  // A column that does not vary has no scale; neither has one that varies by rounding alone.
  const varies = variance > (Math.abs(mean) * 2 ** -50) ** 2 && Number.isFinite(variance);
  return { type: "numeric", impute, mean, scale: varies ? Math.sqrt(variance) : 1 };
}

/** A chunk's training values, the missing ones imputed. */
function presentValues(chunk: OrderedChunk, field: number, stand: number): Float64Array {
  const { numeric, rowCount } = chunk.raw;
  const stride = numeric.length / rowCount;
  const rows = trainRows(chunk);
  const values = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const value = numeric[rows[i] * stride + field];
    values[i] = value === value ? value : stand;
  }
  return values;
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}

function squaresOf(values: Float64Array, mean: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - mean) * (values[i] - mean);
  return sum;
}

function imputation(chunks: readonly OrderedChunk[], field: number, impute: NumericSpec["impute"]): number {
  if (typeof impute === "number") return impute;
  const values = knownValues(chunks, field);
  if (impute === "median") return median(values) ?? 0;
  return values.length > 0 ? sumOf(values) / values.length : 0;
}

/** The training values of a field that are not missing. */
function knownValues(chunks: readonly OrderedChunk[], field: number): Float64Array {
  const values = new Float64Array(chunks.reduce((sum, chunk) => sum + trainRows(chunk).length, 0));
  let count = 0;
  for (const chunk of chunks) {
    const { numeric, rowCount } = chunk.raw;
    const stride = numeric.length / rowCount;
    const rows = trainRows(chunk);
    for (let i = 0; i < rows.length; i++) {
      const value = numeric[rows[i] * stride + field];
      if (value === value) values[count++] = value;
    }
  }
  return values.subarray(0, count);
}

/** One categorical field, or one indicator of missing values: which column a row's value has its 1 in. */
interface Factor {
  readonly positionCount: number;
  /** Column per position; −1 for none. */
  readonly columns: readonly number[];
  /** Writes each row's position, in the order of parts. @param out Shape (rows). */
  fill(chunk: OrderedChunk, out: Uint32Array): void;
}

function buildDesign(
  raw: RawExamples,
  encoder: Encoder,
  chunks: readonly OrderedChunk[],
  partCount: number,
): DesignMatrix {
  const numericFeatures = encoder.features.filter((feature) => feature.type === "numeric");
  const groups = groupFactors(factorsOf(raw, encoder, chunks), chunks);
  const designChunks = chunks.map((chunk, c): DesignChunk => ({
    partEnds: chunk.partEnds,
    // Before the factors' fields are forgotten: they read missing values from the raw numeric columns.
    cells: groups.map((group) => group.cells[c]),
    numeric: encodeNumericColumns(chunk, numericFeatures),
    labels: reorder(chunk.raw.labels, chunk.order, sharedUint8),
    ...(chunk.raw.weights ? { weights: reorder(chunk.raw.weights, chunk.order, sharedFloat64) } : {}),
  }));
  const partRows = Array.from(
    { length: partCount },
    (_, part) =>
      chunks.reduce((sum, { partEnds }) => sum + partEnds[part] - (part === 0 ? 0 : partEnds[part - 1]), 0),
  );
  return {
    columnCount: encoder.columnCount,
    numericColumns: numericFeatures.map((feature) => feature.column),
    groups: groups.map(({ group }) => group),
    chunks: designChunks,
    partRows,
  };
}

function reorder<Column extends Float64Array | Uint8Array>(
  column: Column,
  order: Uint32Array,
  allocate: (length: number) => Column,
): Column {
  const out = allocate(column.length);
  for (let i = 0; i < order.length; i++) out[i] = column[order[i]];
  return out;
}

/** As `encodeNumeric`, from values that are transformed already. */
function encodeNumericColumns(
  { raw, order }: OrderedChunk,
  features: readonly NumericEncoder[],
): Float64Array<SharedArrayBuffer> {
  const count = features.length;
  const out = sharedFloat64(raw.rowCount * count);
  features.forEach(({ transform, impute, mean, scale }, j) => {
    const stand = (transformed(transform, impute) - mean) / scale;
    for (let i = 0; i < order.length; i++) {
      const value = raw.numeric[order[i] * count + j];
      out[i * count + j] = value === value ? (value - mean) / scale : stand;
    }
  });
  return out;
}

function factorsOf(raw: RawExamples, encoder: Encoder, chunks: readonly OrderedChunk[]): Factor[] {
  const factors: Factor[] = [];
  let numericIndex = 0;
  let categoricalIndex = 0;
  for (const feature of encoder.features) {
    if (feature.type === "numeric") {
      const field = numericIndex++;
      // Where nothing is missing the indicator's column is all 0 and has no cell to be in.
      if (feature.missingIndicator && hasMissing(chunks, field)) factors.push(missingFactor(feature, field));
    } else {
      const field = categoricalIndex++;
      factors.push(categoricalFactor(feature, field, raw.levels[field]));
    }
  }
  return factors;
}

function hasMissing(chunks: readonly OrderedChunk[], field: number): boolean {
  return chunks.some(({ raw: { numeric, rowCount } }) => {
    const stride = numeric.length / rowCount;
    for (let k = field; k < numeric.length; k += stride) if (numeric[k] !== numeric[k]) return true;
    return false;
  });
}

function missingFactor(feature: NumericEncoder, field: number): Factor {
  return {
    positionCount: 2,
    columns: [-1, feature.column + 1],
    fill({ raw, order }, out) {
      const stride = raw.numeric.length / raw.rowCount;
      for (let i = 0; i < order.length; i++) {
        const value = raw.numeric[order[i] * stride + field];
        out[i] = value === value ? 0 : 1;
      }
    },
  };
}

function categoricalFactor(
  feature: CategoricalEncoder,
  field: number,
  levels: readonly (string | null)[],
): Factor {
  const positions = positionsOf(feature);
  const levelCount = feature.levels.length;
  const positionOf = Uint32Array.from(levels, (level) => encodeCategory(positions, levelCount, level));
  return {
    positionCount: levelCount + 2,
    columns: Array.from({ length: levelCount + 2 }, (_, position) => feature.column + position),
    fill({ raw, order }, out) {
      const codes = raw.codes[field];
      for (let i = 0; i < order.length; i++) out[i] = positionOf[codes[order[i]]];
    },
  };
}

interface FilledGroup {
  readonly group: Group;
  /** Per chunk, shape (rows). */
  readonly cells: readonly CellCodes[];
}

/** Joins factors into groups, one after the other, as long as few of a group's combinations occur. */
function groupFactors(factors: readonly Factor[], chunks: readonly OrderedChunk[]): FilledGroup[] {
  const groups: FilledGroup[] = [];
  for (let from = 0; from < factors.length;) {
    let to = from + 1;
    for (let product = factors[from].positionCount; to < factors.length; to++) {
      product *= factors[to].positionCount;
      if (product > combinationsMax) break;
    }
    let filled = fillGroup(factors.slice(from, to), chunks);
    while (filled.group.cellCount > cellsMax && to > from + 1) {
      filled = fillGroup(factors.slice(from, --to), chunks);
    }
    groups.push(filled);
    from = to;
  }
  return groups;
}

function fillGroup(factors: readonly Factor[], chunks: readonly OrderedChunk[]): FilledGroup {
  const combinations = factors.reduce((product, { positionCount }) => product * positionCount, 1);
  const occurs = new Uint8Array(combinations);
  const combinationOf = chunks.map((chunk) => {
    const codes = new Uint32Array(chunk.order.length);
    const positions = new Uint32Array(chunk.order.length);
    for (const factor of factors) {
      factor.fill(chunk, positions);
      for (let i = 0; i < codes.length; i++) codes[i] = codes[i] * factor.positionCount + positions[i];
    }
    for (let i = 0; i < codes.length; i++) occurs[codes[i]] = 1;
    return codes;
  });
  const cellOf = new Uint32Array(combinations);
  let cellCount = 0;
  for (let code = 0; code < combinations; code++) if (occurs[code]) cellOf[code] = cellCount++;
  const cells = combinationOf.map((codes) => {
    const out = cellCount <= 0x10000 ? sharedUint16(codes.length) : sharedUint32(codes.length);
    for (let i = 0; i < codes.length; i++) out[i] = cellOf[codes[i]];
    return out;
  });
  return {
    group: { cellCount, fieldCount: factors.length, columns: columnsOf(factors, occurs, cellCount) },
    cells,
  };
}

function columnsOf(
  factors: readonly Factor[],
  occurs: Uint8Array,
  cellCount: number,
): Int32Array<SharedArrayBuffer> {
  const columns = sharedInt32(cellCount * factors.length);
  for (let code = 0, cell = 0; code < occurs.length; code++) {
    if (!occurs[code]) continue;
    let rest = code;
    for (let f = factors.length - 1; f >= 0; f--) {
      const position = rest % factors[f].positionCount;
      rest = (rest - position) / factors[f].positionCount;
      columns[cell * factors.length + f] = factors[f].columns[position];
    }
    cell++;
  }
  return columns;
}
