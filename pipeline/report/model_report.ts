import type { Evaluation } from "../evaluate/evaluation.ts";

/**
 * All that the report of a model draws: sums and not rows. Training keeps it as `report.json` beside the model's files; an
 * evaluation makes one of the rows that it reads. The same training gives the same bytes, so that there is no clock in it.
 */
export interface ModelReport {
  /** Version of this layout. */
  readonly version: 1;
  readonly model_id: string;
  /** Version of clickwell that made the report. */
  readonly program: string;
  /**
   * The rows that were evaluated: those held out, those trained on if none were held out, the new ones of a model that continues another,
   * each predicted before it was learned, or those of files.
   */
  readonly rows: "held-out" | "training" | "new" | "files";
  readonly columns: ReportColumns;
  readonly evaluation: Evaluation;
  /** Number of rows from which the evaluated ones are a sample, by group; absent if all were evaluated. */
  readonly sampled_from?: number;
  /** Empty for a model with hidden layers, where a coefficient is only a part of what its column does. */
  readonly coefficients: CoefficientList;
  /** One per field, in the order of the model's fields; at most 100 fields. */
  readonly curves: readonly FieldCurve[];
  /** Crosses and found pairs, those of the largest spread first. */
  readonly crosses: readonly CrossHeat[];
  /** Absent if it was not computed: then the page says by which command it is. */
  readonly importance?: Importance;
  /** Iterations of an exact solver, or epochs; at most 200. Empty for a model whose training was not observed. */
  readonly trace: readonly TraceStep[];
  readonly solver: SolverEnd;
  readonly hyper_parameters: Readonly<Record<string, string | number | boolean>>;
  readonly data: DataQuality;
  /** What training noted, and leaks that it warns of: the texts of `warnings` are among the notes. */
  readonly notes: readonly string[];
  readonly warnings: readonly { readonly kind: string; readonly text: string }[];
  /** Present if the rows stayed in a database that answered with sums over them. */
  readonly engine?: EngineNote;
}

/** What a report from sums has by approximation, and what it lacks, in sentences. */
export interface EngineNote {
  /** The database's kind: PostgreSQL. */
  readonly name: string;
  readonly approximate: readonly string[];
  readonly missing: readonly string[];
}

/** Names of the columns that are not fields. */
export interface ReportColumns {
  readonly label: string;
  readonly group: string;
  readonly time?: string;
  readonly weight?: string;
}

export interface CoefficientList {
  /** The ones that move predictions most, largest first; at most 200. */
  readonly shown: readonly Coefficient[];
  /** Count of all coefficients but the intercept. */
  readonly in_all: number;
  readonly intercept: number;
}

export interface Coefficient {
  /** Name of the column, as in `clickwell models show`: `credit=good`, `apr`. */
  readonly column: string;
  /** Name of the field, or `a × b` for a cross. */
  readonly field: string;
  /** Log-odds per unit of the column; a numeric column has standard deviation 1 in the training rows. */
  readonly value: number;
  /** 90 % interval; absent if the model keeps neither a precision nor draws. */
  readonly low?: number;
  readonly high?: number;
}

/** Rows of one part of a field, each counted by its weight. */
export interface RowCounts {
  readonly rows: number;
  readonly clicks: number;
}

/** Evaluated rows, with the sum of their probabilities. */
export interface PredictedCounts extends RowCounts {
  readonly predicted: number;
}

/** What a field does. */
export interface FieldCurve {
  readonly field: string;
  /** The part of a time that is drawn; a time has one curve for each of its parts. */
  readonly part?: string;
  readonly type: "numeric" | "categorical" | "ordinal" | "time" | "words" | "rate";
  /**
   * What `effect` is. `log-odds`: what the field adds to a row's log-odds, above its mean over the rows. `partial`: log-odds of the
   * mean probability of the rows of the part minus those of all rows, for a model whose fields act together.
   */
  readonly effects: "log-odds" | "partial";
  /** Mean absolute effect over the rows, in log-odds: how much the field moves predictions. */
  readonly spread: number;
  /** Bins in ascending order; levels in the order of the model's levels, then missing and unseen. */
  readonly parts: readonly CurvePart[];
  /** Levels that are left out: those of the fewest rows. */
  readonly more?: number;
}

export interface CurvePart {
  /** The level, or the range of a bin: `10 to 20`. */
  readonly name: string;
  /** Range of a bin in the field's unit: [from, to). */
  readonly from?: number;
  readonly to?: number;
  readonly is?: "missing" | "unseen";
  /** Null if no row of the training has the part, or if it has no meaning. */
  readonly effect: number | null;
  /** 90 % interval of the effect; absent if the model keeps neither a precision nor draws. */
  readonly low?: number;
  readonly high?: number;
  /** Training rows; absent if they are not known, as for a model without `report.json`. */
  readonly train?: RowCounts;
  readonly evaluated: PredictedCounts;
}

/** What a combination of fields adds beside its fields: shape (rows of `row_names`, columns of `column_names`). */
export interface CrossHeat {
  /** Names of the fields: the first one's levels are `row_names`, the combinations of the others `column_names`. */
  readonly of: readonly string[];
  /** Mean absolute effect over the training rows, in log-odds. */
  readonly spread: number;
  /** At most 40 each: those of the most rows. */
  readonly row_names: readonly string[];
  readonly column_names: readonly string[];
  /** Log-odds that the combination adds; null for a combination without a column, which adds nothing. */
  readonly effects: readonly (readonly (number | null)[])[];
  /** Half the width of the effects' 90 % intervals; absent if the model has none. */
  readonly reaches?: readonly (readonly number[])[];
  /** Training rows and clicks, by weight. */
  readonly rows: readonly (readonly number[])[];
  readonly clicks: readonly (readonly number[])[];
  /** Combinations with a column that are left out. */
  readonly more?: number;
}

/** How much worse the model is on rows in which the values of one field are permuted. */
export interface Importance {
  /** Rows on which it was measured, and the seed of the permutations. */
  readonly rows: number;
  readonly seed: number;
  /** The largest first. */
  readonly fields: readonly FieldImportance[];
}

export interface FieldImportance {
  readonly field: string;
  /** Rise of the mean log loss. */
  readonly log_loss: number;
  /** 90 % interval over the groups. */
  readonly low?: number;
  readonly high?: number;
}

export interface TraceStep {
  /** Number of the iteration, of which 0 is the starting point, or of the epoch, from 1. */
  readonly step: number;
  /** Of an iteration: the penalised mean log loss. Of an epoch: mean log loss of the training rows. */
  readonly objective: number;
  readonly gradient_max?: number;
  readonly validation_loss?: number;
}

export interface SolverEnd {
  readonly name: string;
  readonly iterations: number;
  readonly gradient_max: number;
  readonly objective: number;
  /** The convergence criterion that was met; absent for mini-batches. */
  readonly criterion?: string;
}

export interface DataQuality {
  /** Rows read = train + test + validation + left_out + each reason of `excluded`. */
  readonly rows: {
    readonly read?: number;
    readonly train: number;
    readonly test: number;
    readonly validation?: number;
    readonly left_out: number;
  };
  readonly clicks: { readonly train: number; readonly test: number };
  /** Reasons for which rows were in no part, with their counts: `no label`, `weight 0`, `without a time`, … */
  readonly excluded: Readonly<Record<string, number>>;
  readonly fields: readonly FieldQuality[];
}

/** Counts are of training rows, by weight. */
export interface FieldQuality {
  readonly field: string;
  readonly type: FieldCurve["type"];
  /** Absent if the model treats a missing value as another one and does not tell them apart. */
  readonly missing?: number;
  readonly rows: number;
  /** Levels that the model knows. */
  readonly levels?: number;
  /** Rows whose level shares the column of unseen levels: of the training, and of the evaluated rows. */
  readonly pooled?: number;
  readonly unseen?: number;
  /** Of a numeric field, in its unit. */
  readonly min?: number;
  readonly median?: number;
  readonly max?: number;
}
