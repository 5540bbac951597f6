import { join } from "node:path";
import type { Benchmark } from "./bench.ts";
import { describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import type { Side } from "./measure.ts";
import { grouped } from "./notation.ts";
import { bound, compare } from "./result.ts";

/** How many times the ordinary data set. */
const factors = [5, 20];
/** Time per offer may be a fifth longer than on the ordinary data set. */
const linearAim = 1 / 1.2;
const residentAimBytes = 1e9;

export const fitSizes: Benchmark = {
  title: "Fit as the data grow",
  peers: [],
  async run(bench) {
    const sides: Side[] = [];
    for (const factor of [1, ...factors]) {
      const offers = bench.offers * factor;
      const data = join(bench.folder, `data-${offers}`);
      await ingest(bench, await generatedTables(bench, offers), data);
      sides.push({
        name: `${grouped(offers)} offers`,
        async run() {
          const { report, finished } = await train(bench, data);
          return { secondsPerMillion: report.seconds.fit / offers * 1e6, peakBytes: finished.peakBytes };
        },
      });
    }
    const measured = await bench.turns(sides, { rounds: Math.min(bench.rounds, 3) });
    const [ordinary, ...larger] = measured;
    return {
      data: `${describeTables(bench.offers)}, and ${factors.join(" and ")} times as many`,
      lines: [
        ...larger.map((side) =>
          compare(side, ordinary, {
            what: `fit of ${side.name}, per million`,
            metric: "secondsPerMillion",
            aim: linearAim,
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
        "Seconds are those of the fit alone, `seconds.fit` of `train --json`; memory is that of the whole training.",
      ],
    };
  },
};
