/**
 * A monotone map from a model's log-odds to calibrated ones. The order of rows, and so the AUC, does not change.
 *
 * `platt`: slope · logit + intercept. `isotonic`: straight lines between the points (logits[i], log_odds[i]), both ascending; below
 * the first point and above the last one, the map keeps that point's distance from the model's log-odds.
 */
export type CalibrationMap = PlattMap | IsotonicMap;

export interface PlattMap {
  readonly method: "platt";
  /** Positive. */
  readonly slope: number;
  readonly intercept: number;
}

export interface IsotonicMap {
  readonly method: "isotonic";
  readonly logits: readonly number[];
  readonly log_odds: readonly number[];
}

/**
 * Returns the function that a model applies to its log-odds; undefined for the log-odds as they are. A model has a platt map in its
 * weights already.
 */
export function servedCalibration(map: CalibrationMap | undefined): ((logit: number) => number) | undefined {
  return map?.method === "isotonic" ? createCalibration(map) : undefined;
}

/** Returns a function from log-odds to calibrated log-odds; NaN stays NaN. */
export function createCalibration(map: CalibrationMap): (logit: number) => number {
  if (map.method === "platt") return (logit) => map.slope * logit + map.intercept;
  const logits = Float64Array.from(map.logits);
  const mapped = Float64Array.from(map.log_odds);
  const last = logits.length - 1;
  return (logit) => {
    if (!(logit > logits[0])) return logit + (mapped[0] - logits[0]);
    if (logit >= logits[last]) return logit + (mapped[last] - logits[last]);
    let [below, above] = [0, last];
    while (above - below > 1) {
      const middle = (below + above) >> 1;
      if (logits[middle] <= logit) below = middle;
      else above = middle;
    }
    const share = (logit - logits[below]) / (logits[above] - logits[below]);
    return mapped[below] + share * (mapped[above] - mapped[below]);
  };
}
