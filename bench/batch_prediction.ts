import { join } from "node:path";
import { z } from "zod";
import type { Bench, Benchmark } from "./bench.ts";
import { clickwell, describeTables } from "./clickwell.ts";
import type { Sample } from "./measure.ts";
import { grouped, small } from "./notation.ts";
import { flags, installPeers, peer } from "./python.ts";
import { compare } from "./result.ts";
import { preparePipeline, prepareServing } from "./serving.ts";

/** Issue 15: as multiples of the peers' speed. */
const aims = { pandas: 5, duckdb: 1 };
/** The exported SQL computes in double precision, in another order. */
const sqlTolerance = 1e-9;
/** The pipeline has other columns for missing values and rare levels: on other rows its probabilities are near ours. */
const pipelineTolerance = 0.005;

const script = "batch_prediction.py";
const timed = z.object({ seconds: z.number() });
const difference = z.object({ largest: z.number(), mean: z.number() });
const differences = z.object({ rows: z.number(), pandas: difference, duckdb: difference });

export const batchPrediction: Benchmark = {
  title: "clickwell predict: a parquet file of rows to one of probabilities",
  peers: ["scikit-learn", "pandas", "pyarrow", "duckdb"],
  async run(bench) {
    await installPeers(["requirements.txt", "requirements-quality.txt"], bench.say);
    const serving = await prepareServing(bench);
    const pipeline = join(bench.folder, "pipeline");
    await preparePipeline(bench, serving, pipeline);
    const exported = join(bench.folder, "exported");
    const folders = ["--data", serving.data, "--models", serving.models];
    await clickwell(bench, ["models", "export", "1", exported, ...folders]);
    const rows = join(bench.folder, "rows.parquet");
    await peer(
      bench,
      script,
      ["rows", ...flags({ tables: serving.tables, out: rows })],
      z.object({ rows: z.number() }),
    );
    const files = Object.fromEntries(
      ["ours", "pandas", "duckdb"].map((side) => [side, join(bench.folder, `${side}.parquet`)]),
    );
    const byPeer = (name: "pandas" | "duckdb", model: Readonly<Record<string, string>>) => () =>
      runPeer(bench, [name, ...flags({ rows, ...model, out: files[name] })]);
    const [ours, pandas, duckdb] = await bench.turns([
      { name: "clickwell", run: () => predict(bench, [rows, "--out", files.ours, ...folders]) },
      {
        name: "scikit-learn on pandas",
        run: byPeer("pandas", { model: join(pipeline, "model-1.pkl") }),
      },
      {
        name: "DuckDB, exported SQL",
        run: byPeer("duckdb", { sql: join(exported, "score.duckdb.sql") }),
      },
    ]);
    const { report } = await peer(bench, script, ["compare", ...flags(files)], differences);
    return {
      data: `${grouped(report.rows)} rows of six fields and an id, out of ${describeTables(bench.offers)}`,
      lines: [
        compare(ours, pandas, { what: "whole process", aim: aims.pandas }),
        compare(ours, duckdb, { what: "whole process", aim: aims.duckdb }),
        compare(ours, pandas, { what: "peak memory", unit: "bytes", metric: "peakBytes" }),
        compare(ours, duckdb, { what: "peak memory", unit: "bytes", metric: "peakBytes" }),
        compare(ours, pandas, { what: "on the processor", metric: "cpuSeconds" }),
        compare(ours, duckdb, { what: "on the processor", metric: "cpuSeconds" }),
      ],
      checks: [
        {
          what: `DuckDB's probabilities are clickwell's, to ${small(report.duckdb.largest)}`,
          holds: report.duckdb.largest <= sqlTolerance,
        },
        {
          what: `the pipeline's differ by ${small(report.pandas.mean)} in the mean`,
          holds: report.pandas.mean <= pipelineTolerance,
        },
      ],
      notes: [
        "Every side writes the id and the probability as plain pages of 8-byte values: clickwell ids by Snappy and probabilities as they are, " +
        "in row groups of 65,536; DuckDB both by Snappy, which leaves its probabilities as they are, in row groups of 122,880; " +
        "pandas both by Snappy, after a dictionary that it gives up.",
        `Of whole processes, ${startingOf(pandas.samples)} of scikit-learn's and ${
          startingOf(duckdb.samples)
        } of DuckDB's time is ` +
        "Python's start and the reading of the model.",
      ],
    };
  },
};

async function predict(bench: Bench, words: readonly string[]): Promise<Sample> {
  const { seconds, peakBytes, cpuSeconds } = await clickwell(bench, ["predict", ...words, "--replace"]);
  return { seconds, peakBytes, cpuSeconds };
}

async function runPeer(bench: Bench, args: readonly string[]): Promise<Sample> {
  const { finished: { seconds, peakBytes, cpuSeconds }, report } = await peer(bench, script, args, timed);
  return { seconds, peakBytes, cpuSeconds, startSeconds: seconds - report.seconds };
}

function startingOf(samples: readonly Sample[]): string {
  const mean = samples.reduce((sum, { startSeconds }) => sum + startSeconds, 0) / samples.length;
  return `${mean.toFixed(1)} s`;
}
