/** The result of one run of one side, by metric: seconds, bytes, requests per second. */
export type Sample = Readonly<Record<string, number>>;

/** A contestant: its name in the tables, and a function that runs it once. */
export interface Side {
  readonly name: string;
  run(): Promise<Sample>;
}

/** A side's samples in the order of the rounds. Those of two sides at the same index are neighbours in time. */
export interface Measured {
  readonly name: string;
  readonly samples: readonly Sample[];
}

export interface TurnOptions {
  /** Rounds that count. */
  readonly rounds: number;
  /** Warm-up rounds before them: they fill the page cache and warm the processor. */
  readonly warmups?: number;
  readonly observe?: (line: string) => void;
}

/**
 * Runs the sides in alternation, round after round, so that a machine that slows down slows all of them. Each round
 * begins with a different side, so that none always follows a pause.
 *
 * @returns In the order of `sides`.
 */
export async function inTurns(sides: readonly Side[], options: TurnOptions): Promise<Measured[]> {
  const { rounds, warmups = 1, observe = () => {} } = options;
  const samples: Sample[][] = sides.map(() => []);
  for (let turn = 0; turn < warmups + rounds; turn++) {
    for (let i = 0; i < sides.length; i++) {
      const at = (turn + i) % sides.length;
      const sample = await sides[at].run();
      if (turn >= warmups) samples[at].push(sample);
      const place = turn < warmups ? "warm-up" : `round ${turn - warmups + 1} of ${rounds}`;
      observe(`${place}: ${sides[at].name}: ${describe(sample)}`);
    }
  }
  return sides.map(({ name }, i) => ({ name, samples: samples[i] }));
}

function describe(sample: Sample): string {
  return Object.entries(sample).map(([metric, value]) => `${metric} ${Number(value.toPrecision(6))}`).join(
    ", ",
  );
}

/** Named values, one per round. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** Returns one metric of a side. @throws {Error} if a sample lacks it. */
export function seriesOf({ name, samples }: Measured, metric: string): Series {
  const values = samples.map((sample) => {
    if (!Object.hasOwn(sample, metric)) {
      throw new Error(`A sample of ${name} has no ${metric}: ${describe(sample)}`);
    }
    return sample[metric];
  });
  return { name, values };
}

/** @throws {Error} if there are no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("No values have no median: measure at least one round.");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Returns how many times better ours is than the peer, by round: above 1 ours is better. By rounds, not medians,
 * because a disturbance of a round affects both of its sides.
 *
 * @param better `less` if a smaller value is better (seconds, bytes), else `more` (requests per second).
 */
export function ratios(ours: Series, peer: Series, better: "less" | "more"): number[] {
  if (ours.values.length !== peer.values.length) {
    throw new Error(
      `${ours.name} has ${ours.values.length} rounds, ${peer.name} ${peer.values.length}: expected pairs.`,
    );
  }
  return ours.values.map((value, i) => better === "less" ? peer.values[i] / value : value / peer.values[i]);
}
