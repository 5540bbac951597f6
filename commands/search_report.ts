import type { FeatureSearch, FoundTerm } from "../pipeline/train/found/find_features.ts";
import type { Stage } from "../pipeline/fit/tables/found_model.ts";

const termsShown = 5;

/** Says what a search for curves and tables took, what each is worth and what it left. */
export function searchLines(search: FeatureSearch | undefined): string[] {
  if (!search) return [];
  const { taken, outOfFold: { tables: own, plain }, stages, tables, isCutShort } = search;
  const [curves, pairs] = [1, 2].map((count) => tables.filter(({ of }) => of.length === count));
  const counts = `${curves.length} curves and ${pairs.length} tables of two features`;
  const difference = 100 * (1 - own.logLoss / plain.logLoss);
  const compared = `out-of-fold log loss ${own.logLoss.toFixed(4)}, ${Math.abs(difference).toFixed(1)} % ${
    difference > 0 ? "better" : "worse"
  } than the plain spec (${plain.logLoss.toFixed(4)}); calibration error ${own.ece.toFixed(4)} and ${
    plain.ece.toFixed(4)
  }`;
  const searched = stages.length === 0
    ? []
    : [`${stages.length} stages${isCutShort ? "; the time budget ended the search" : ""}`];
  if (taken === "plain") {
    return [`the plain spec stays: ${counts} have an ${[compared, ...searched].join("; ")}`];
  }
  return [
    `found ${counts}: ${[compared, ...searched].join("; ")}`,
    ...worthLine("curves", curves),
    ...worthLine("tables", pairs),
    ...leftLines(search),
  ];
}

function worthLine(what: string, terms: readonly FoundTerm[]): string[] {
  if (terms.length === 0) return [];
  const named = terms.slice(0, termsShown).map(({ of, effect }) => `${of.join(" × ")} ${effect.toFixed(2)}`);
  const left = terms.length - named.length;
  return [
    `${what}: ${named.join(", ")}${left > 0 ? `, and ${left} more` : ""} (standard deviation in log-odds)`,
  ];
}

function leftLines({ leftOut }: FeatureSearch): string[] {
  return leftOut.length === 0
    ? []
    : [`left out of the tables: ${leftOut.join(", ")}, whose words are not looked up`];
}

/** Returns the member of `--json`. */
export function searchResult({ taken, outOfFold, stages, tables, isCutShort, leftOut }: FeatureSearch) {
  const quality = ({ logLoss, ece }: { readonly logLoss: number; readonly ece: number }) => ({
    log_loss: logLoss,
    ece,
  });
  return {
    taken,
    out_of_fold: { tables: quality(outOfFold.tables), plain: quality(outOfFold.plain) },
    stages: stages.map(stageResult),
    ended_by_time_budget: isCutShort,
    tables: tables.map(({ of, effect, coefficient, cells }) => ({ of, effect, coefficient, cells })),
    left_out: leftOut,
  };
}

export function stageResult({ name, pairCount, logLoss, ece, trees, chosen, ...kind }: Stage) {
  const { mode, leaves, smoothing = 1, fieldShare, rowShare } = kind;
  return {
    stage: name,
    mode,
    leaves,
    smoothing,
    ...fieldShare === undefined ? {} : { field_share: fieldShare },
    ...rowShare === undefined ? {} : { row_share: rowShare },
    pairs: pairCount,
    log_loss: logLoss,
    ece,
    trees,
    chosen,
  };
}

/** Describes a stage of a search. */
export function stageLine({ name, pairCount, logLoss, trees, ...kind }: Stage): string {
  const { mode, leaves, smoothing, fieldShare, rowShare } = kind;
  const shown = [
    ["smoothing", smoothing],
    ["share of fields", fieldShare],
    ["share of rows", rowShare],
  ].flatMap(([what, value]) => value === undefined ? [] : [`, ${what} ${value}`]).join("");
  return `  ${name.padEnd(12)}  ${String(leaves).padStart(3)} leaves  ${mode} splits  ${
    String(pairCount).padStart(4)
  } pairs  ${String(Math.round(trees)).padStart(5)} trees  out-of-fold log loss ${
    logLoss.toFixed(6)
  }${shown}`;
}
