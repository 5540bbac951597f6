import type { Benchmark } from "./bench.ts";
import { foundCoverage, type FoundCoverageOptions } from "./found_coverage.ts";
import { coverageOf, type CoverageOptions, intervalLevel } from "./interval_coverage.ts";
import { grouped } from "./notation.ts";

const sets = 200;
const rows = 2_000;
/** Issue 15: without a penalty, so many of the intervals hold the true probability. */
const aims = { low: 0.88, high: 0.92 } as const;
/** Sets in which features are found, each of which takes as long as thousands of fits. */
const foundSets = { curved: 40, copied: 16, stepped: 16 } as const;

export const intervals: Benchmark = {
  title: `Intervals of ${percent(intervalLevel)} on simulated data: how many hold the true probability`,
  peers: [],
  async run(bench) {
    const coverage = async (what: string, options: Partial<CoverageOptions>) => {
      const share = await coverageOf({ sets, rows, seed: 1_000, fitting: "none", ...options });
      bench.say(`${what}: ${percent(share)}`);
      return share;
    };
    const none = await coverage("no penalty", {});
    const swept = await coverage("l2, C from cross-validation", { fitting: "swept" });
    const copied = { copies: 4, rows: rows / 4 };
    const independent = await coverage("copies in groups, Hessian", copied);
    const robust = await coverage("copies in groups, robust", {
      ...copied,
      hyperParameters: { intervals: "robust" },
    });
    const found = async (what: string, options: Pick<FoundCoverageOptions, "sets" | "truth" | "copies">) => {
      const { copies = 1 } = options;
      const share = await foundCoverage({ seed: 1_000, rows: rows / copies, ...options });
      bench.say(`${what}: ${percent(share)}`);
      return share;
    };
    const curved = await found("found features, waves", { sets: foundSets.curved, truth: "curved" });
    const copiedFound = await found("found features, copies in groups", {
      ...{ sets: foundSets.copied, truth: "curved", copies: 4 },
    });
    const stepped = await found("found features, steps", { sets: foundSets.stepped, truth: "stepped" });
    return {
      data: `${sets} sets of ${
        grouped(rows)
      } rows drawn from a logistic regression of two numbers and two categories of five levels; 200 new rows asked of each`,
      lines: [],
      checks: [{
        what: `without a penalty, ${percent(none)} of the intervals hold the true probability, expected ${
          percent(aims.low)
        } to ${percent(aims.high)}`,
        holds: none >= aims.low && none <= aims.high,
      }],
      notes: [
        `With an l2 penalty whose C is the best of 12 in 5 folds, as \`clickwell sweep\` chooses it, ${
          percent(swept)
        } hold it: ` +
        "the interval is around the penalised optimum, which lies nearer to the middle.",
        `Of sets with 4 copies of each row in a group, ${
          percent(independent)
        } of the intervals hold it, and ${percent(robust)} of those with \`--intervals robust\`.`,
        `Of \`--features auto --intervals bootstrap\`, on rows whose log-odds are waves of a number, of another height for each of five levels: ${
          percent(curved)
        } of the intervals hold it (${foundSets.curved} sets); ${
          percent(copiedFound)
        } of sets with 4 copies of each row in a group (${foundSets.copied} sets); on steps in place of waves ${
          percent(stepped)
        } (${foundSets.stepped} sets).`,
        "Nothing is timed.",
      ],
    };
  },
};

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
