/**
 * Codes anew what was coded elsewhere, in the order in which it is met: levels that no example has get no code.
 *
 * @param levels The levels by their codes, after null for missing; new ones are added.
 * @param levelOf The level of a code from elsewhere. 0 is missing there, too.
 */
export function createRecoding(
  levels: (string | null)[],
  levelOf: (elsewhere: number) => string | null,
): (elsewhere: number) => number {
  const codeOf = new Map(levels.map((level, code) => [level, code]));
  /** By the code from elsewhere: the own one, or 0 as long as it has not been met. */
  let known = new Uint32Array(64);
  const meet = (elsewhere: number) => {
    if (elsewhere >= known.length) {
      const longer = new Uint32Array(2 * elsewhere);
      longer.set(known);
      known = longer;
    }
    const level = levelOf(elsewhere);
    let code = codeOf.get(level);
    if (code === undefined) codeOf.set(level, code = levels.push(level) - 1);
    return known[elsewhere] = code;
  };
  return (elsewhere) => {
    const code = elsewhere < known.length ? known[elsewhere] : 0;
    return code > 0 || elsewhere === 0 ? code : meet(elsewhere);
  };
}
