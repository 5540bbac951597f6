/** A mean weight below this, or above its inverse, is noted: such weights are more likely shares of something than counts of rows. */
const unusualMean = 0.1;
/** Rounding of sums: a hundred times 0.1 is not below ten. */
const rounding = 1e-9;

/**
 * What a reader should know if weights are hardly counts of rows, in words.
 *
 * @param weight Sum of the weights of so many training rows.
 */
export function weightNotes(rows: number, weight: number): string[] {
  const mean = weight / rows;
  if (mean >= unusualMean * (1 - rounding) && mean <= (1 + rounding) / unusualMean) return [];
  const [sum, each] = [weight, mean].map((value) => String(Number(value.toPrecision(4))));
  return [
    `the weights of the ${rows} training row(s) sum to ${sum}, ${each} a row: the penalty and minCount take that for the number of rows. ` +
    "If weights only say how much rows count beside each other, divide them by their mean.",
  ];
}
