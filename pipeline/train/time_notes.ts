import type { FeatureSpec } from "../examples/spec.ts";
import type { SplitTimes } from "../examples/time_split.ts";
import type { HyperParameters } from "./hyper_parameters.ts";

/** Share of the rows before the held-out time from which a note says that they leave the training. */
const leavingShare = 0.5;

/** Notes on groups that have rows on both sides of a split by time. */
export function timeNotes(
  times: SplitTimes | undefined,
  { group }: FeatureSpec,
  { split }: Pick<HyperParameters, "split">,
): string[] {
  if (!times || split === undefined || times.straddlingRows === 0) return [];
  const { earlierRows, straddlingRows } = times;
  const rows = `${straddlingRows} of the ${earlierRows} rows before the held-out time`;
  if (split === "time") {
    return [
      `${rows} are of groups (${group}) that have held-out rows too: the metrics are partly of groups that the model knows. --split both ` +
      "leaves those rows out.",
    ];
  }
  if (straddlingRows < leavingShare * earlierRows) return [];
  return [
    `${rows} leave the training, since their groups (${group}) have held-out rows. --split time keeps them, if a model may know ` +
    "the groups that it scores; --split group holds out groups of any time.",
  ];
}
