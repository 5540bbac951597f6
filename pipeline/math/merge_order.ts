/**
 * The order in which sorted sequences are merged, by a tournament tree: of k sequences, a step compares log2(k) pairs (Knuth, The Art
 * of Computer Programming, volume 3, section 5.4.1).
 *
 * @param count Number of sequences, none of which is empty.
 * @param compare Compares the first elements of two sequences: less than 0 if that of `a` is before that of `b`.
 */
export function mergeOrder(count: number, compare: (a: number, b: number) => number) {
  /** By inner node, from 1: the sequence that lost there. */
  const losers = new Int32Array(count);
  const isOver = new Uint8Array(count);
  let left = count;
  const isBefore = (a: number, b: number) => isOver[a] === 0 && (isOver[b] === 1 || compare(a, b) < 0);
  /** Returns the sequence that wins at a node; the leaves follow the inner nodes. */
  const play = (node: number): number => {
    if (node >= count) return node - count;
    const [one, other] = [play(2 * node), play(2 * node + 1)];
    const wins = isBefore(one, other);
    losers[node] = wins ? other : one;
    return wins ? one : other;
  };
  let winner = count === 0 ? -1 : play(1);
  const replay = () => {
    for (let node = (winner + count) >> 1; node > 0; node >>= 1) {
      const other = losers[node];
      if (!isBefore(other, winner)) continue;
      losers[node] = winner;
      winner = other;
    }
  };
  return {
    /** Returns the sequence whose first element is next; −1 at the end of all. */
    first: (): number => left > 0 ? winner : -1,
    /** Tells that the first sequence has another first element. */
    advance: replay,
    /** Tells that the first sequence has none left. */
    end(): void {
      isOver[winner] = 1;
      left--;
      replay();
    },
  };
}
