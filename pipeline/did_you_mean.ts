/**
 * Returns the nearest candidate within two edits of `word`; undefined if there is none. Case is ignored, and a candidate that
 * differs in every letter is not near.
 */
export function nearestName(word: string, candidates: readonly string[]): string | undefined {
  // Longer words would let a hostile request cost too much time.
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance < Math.max(word.length, candidate.length)) {
      [best, bestDistance] = [candidate, distance];
    }
  }
  return best;
}

/** Optimal string alignment distance, in which two letters that changed places, the likeliest slip, count half: `lable` is `label`. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const areSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = areSwapped ? beforePrevious[j - 2] + 0.5 : Infinity;
      current.push(Math.min(substitution, previous[j] + 1, current[j - 1] + 1, swap));
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length];
}
