/**
 * Returns a function that maps codes of another coding to codes of this one, given in the order in which they first appear:
 * levels that no example has get no code.
 *
 * @param levels The levels by their codes, after null for missing; new ones are appended.
 * @param levelOf Returns the level of a code of the other coding, in which 0 is missing too.
 */
export function createRecoding(
  levels: (string | null)[],
  levelOf: (otherCode: number) => string | null,
): (otherCode: number) => number {
  const codeOf = new Map(levels.map((level, code) => [level, code]));
  /** By other code: the own code, or 0 if it is not known yet. */
  let known = new Uint32Array(64);
  const addCode = (otherCode: number) => {
    if (otherCode >= known.length) {
      const longer = new Uint32Array(2 * otherCode);
      longer.set(known);
      known = longer;
    }
    const level = levelOf(otherCode);
    let code = codeOf.get(level);
    if (code === undefined) codeOf.set(level, code = levels.push(level) - 1);
    return known[otherCode] = code;
  };
  return (otherCode) => {
    const code = otherCode < known.length ? known[otherCode] : 0;
    return code > 0 || otherCode === 0 ? code : addCode(otherCode);
  };
}
