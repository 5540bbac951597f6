/** Values that may share a cell: beyond, they are not spread, and comparing them is faster. */
const cellValuesMax = 256;

/**
 * Sorts numbers that are spread over their range, as log-odds are: each goes to the cell of its place in the range, one cell
 * per number, and what is left to do is between neighbours. About linear in their number; numbers that are not spread are
 * sorted by comparing them.
 *
 * @param values Finite. May be reordered.
 * @returns All of them, ascending.
 */
export function sortSpread(values: Float64Array): Float64Array {
  const count = values.length;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  const scale = count / (high - low);
  if (!(scale > 0 && scale < Infinity)) return values.sort();
  // One more for the highest value, and one because a cell's count stands where the next cell begins.
  const begins = new Uint32Array(count + 2);
  let fullest = 0;
  for (let i = 0; i < count; i++) {
    fullest = Math.max(fullest, ++begins[Math.floor((values[i] - low) * scale) + 1]);
  }
  if (fullest > cellValuesMax) return values.sort();
  for (let cell = 1; cell < begins.length; cell++) begins[cell] += begins[cell - 1];
  const sorted = new Float64Array(count);
  for (let i = 0; i < count; i++) sorted[begins[Math.floor((values[i] - low) * scale)]++] = values[i];
  for (let i = 1; i < count; i++) {
    const value = sorted[i];
    let j = i;
    for (; j > 0 && sorted[j - 1] > value; j--) sorted[j] = sorted[j - 1];
    sorted[j] = value;
  }
  return sorted;
}
