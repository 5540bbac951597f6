import { join } from "node:path";
import { type Bench, benchFolder, type Benchmark } from "./bench.ts";
import { describeTables } from "./clickwell.ts";
import { differenceOf, load, loadLines, probabilities, requireWrk } from "./http_load.ts";
import { small } from "./notation.ts";
import { startServer, withServers } from "./server_process.ts";
import { expectedProbabilities, prepareServing, type Serving } from "./serving.ts";

export const predictBare: Benchmark = {
  title: "POST /predict, one worker, against a bare Deno.serve",
  peers: [],
  onThisDeno: true,
  async run(bench) {
    await requireWrk(bench);
    const serving = await prepareServing(bench);
    const expected = await expectedProbabilities(bench, serving);
    const requests = `64 request bodies out of ${describeTables(bench.offers)}`;
    return await againstBare(bench, { ...serving, expected, requests, aim: 0.9 });
  },
};

/** What a server that predicts is measured with. */
export interface MeasuredServing extends Pick<Serving, "data" | "models" | "bodies"> {
  readonly expected: Awaited<ReturnType<typeof expectedProbabilities>>;
  /** What the requests are, for the result. */
  readonly requests: string;
  /** Least ratio of requests per second. */
  readonly aim: number;
}

/** Measures one worker against a server that only parses the same bodies. */
export async function againstBare(
  bench: Bench,
  { data, models, bodies, expected, requests, aim }: MeasuredServing,
): ReturnType<Benchmark["run"]> {
  const shape = ["--port", "0", "--workers", "1", "--data", data, "--models", models];
  const commands = [[...bench.clickwell, "serve", ...shape], bareCommand()];
  for (const command of commands) bench.note(command);
  return await withServers(commands.map((command) => () => startServer(command)), async ([ours, bare]) => {
    const difference = differenceOf(await probabilities(ours.url, bodies), expected);
    const [clickwell, peer] = await bench.turns([
      { name: "clickwell", run: () => load(bench, ours.url, bodies) },
      { name: "bare Deno.serve", run: () => load(bench, bare.url, bodies) },
    ]);
    return {
      data: requests,
      lines: loadLines(clickwell, peer, aim),
      checks: [{
        what: `each answer is what numpy makes of the model's coefficients, to ${small(difference)}`,
        holds: difference <= 1e-12,
      }],
      notes: [
        "The bare server awaits `request.json()` and answers a constant. Both run on the same Deno, with 64 " +
        "connections of wrk, which needs a core to itself.",
      ],
    };
  });
}

/** The command of the bare server. */
export function bareCommand(): string[] {
  return [Deno.execPath(), "run", "--no-prompt", "--allow-net", join(benchFolder, "peer/bare_server.ts")];
}
