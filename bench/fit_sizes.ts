import type { Bench, Benchmark } from "./bench.ts";
import { describeTables, loadedStore, train } from "./clickwell.ts";
import type { Side } from "./measure.ts";
import { grouped } from "./notation.ts";
import { bound, compare } from "./result.ts";

/** Time per offer of the fit may be a fifth longer than on the ordinary data set; that of the whole training a quarter. */
const linearAim = 1 / 1.2;
const wholeAim = 1 / 1.25;
const residentAimBytes = 1e9;
/** The largest takes a minute or two. */
const roundsMax = 3;

/** Returns the sizes as multiples of the ordinary data set. */
export function sizesOf({ isLarge }: Bench): number[] {
  return isLarge ? [5, 20] : [5];
}

export const fitSizes: Benchmark = {
  title: "Fit as the data grow",
  peers: [],
  async run(bench) {
    const factors = sizesOf(bench);
    const sides: Side[] = [];
    for (const factor of [1, ...factors]) {
      const offers = bench.offers * factor;
      const data = await loadedStore(bench, offers);
      sides.push({
        name: `${grouped(offers)} offers`,
        async run() {
          const { report, finished } = await train(bench, data);
          const millions = offers / 1e6;
          return {
            fitPerMillion: report.seconds.fit / millions,
            totalPerMillion: finished.seconds / millions,
            peakBytes: finished.peakBytes,
          };
        },
      });
    }
    const rounds = Math.min(bench.rounds, roundsMax);
    const measured = await bench.turns(sides, { rounds, warmups: 0 });
    const [ordinary, ...larger] = measured;
    return {
      data: `${describeTables(bench.offers)}, and ${factors.join(" and ")} times as many`,
      lines: [
        ...larger.map((side) =>
          compare(side, ordinary, {
            what: `fit of ${side.name}, per million`,
            metric: "fitPerMillion",
            aim: linearAim,
          })
        ),
        ...larger.map((side) =>
          compare(side, ordinary, {
            what: `the whole training on ${side.name}, per million`,
            metric: "totalPerMillion",
            aim: wholeAim,
          })
        ),
        ...measured.map((side) =>
          bound(side, {
            what: `peak memory, ${side.name}`,
            unit: "bytes",
            metric: "peakBytes",
            aim: residentAimBytes,
          })
        ),
      ],
      checks: [],
      notes: [
        "The fit's seconds are `seconds.fit` of `train --json`; those of the whole training are the process's, from its " +
        "start to its end: the examples read from the store, encoded, fitted, measured and saved. Memory is the most " +
        "that the process held (VmHWM). All run with the ordinary settings, so that the larger ones read their examples " +
        "from files while they are fitted.",
      ],
    };
  },
};
