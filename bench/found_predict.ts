import { join } from "node:path";
import { z } from "zod";
import { type Bench, type Benchmark, lastLineAs } from "./bench.ts";
import { clickwell, describeTables, generatedTables, ingest } from "./clickwell.ts";
import { load, loadLines, probabilities, requireWrk } from "./http_load.ts";
import { flags, installPeers, peer } from "./python.ts";
import { startServer, withServers } from "./server_process.ts";
import { specFile } from "./serving.ts";

/** Issue 15: requests per second, as a share of the plain model's. */
const aim = 0.7;
/** The search needs no more rows, and the speed of a model does not depend on their number. */
const offersMax = 100_000;

const trained = z.object({ model_id: z.string() });
const modelFile = z.object({
  userDefinedMetadata: z.object({ encoder: z.object({ tables: z.array(z.unknown()).optional() }) }),
});

export const foundPredict: Benchmark = {
  title: "POST /predict of a model of --features auto, one worker, against a model of the plain spec",
  peers: [],
  async run(bench) {
    await requireWrk(bench);
    await installPeers(["requirements.txt"], bench.say);
    const offers = Math.min(bench.offers, offersMax);
    const tables = await generatedTables(bench, offers);
    const bodies = join(bench.folder, "bodies.ndjson");
    await peer(bench, "bodies.py", flags({ tables, spec: specFile, out: bodies }), z.object({}));
    const found = await serveCommand(bench, tables, "found", ["--features", "auto"]);
    const plain = await serveCommand(bench, tables, "plain", []);
    const starts = [found, plain].map(({ command }) => () => startServer(command));
    return await withServers(starts, async ([ours, other]) => {
      const answers = [await probabilities(ours.url, bodies), await probabilities(other.url, bodies)];
      const [clickwell, peer] = await bench.turns([
        { name: "found model", run: () => load(bench, ours.url, bodies) },
        { name: "plain model", run: () => load(bench, other.url, bodies) },
      ]);
      return {
        data: `64 request bodies out of ${describeTables(offers)}`,
        lines: loadLines(clickwell, peer, aim),
        checks: [
          {
            what:
              `the found model has ${found.tableCount} curves and tables, the plain one ${plain.tableCount}`,
            holds: found.tableCount > 0 && plain.tableCount === 0,
          },
          {
            what: "the two answer the same rows differently",
            holds: answers[0].some((probability, i) => probability !== answers[1][i]),
          },
        ],
        notes: ["In the place of clickwell stands the found model, in the place of the peer the plain one."],
      };
    });
  },
};

/** Trains in a folder of its own. @returns The command that serves the model. */
async function serveCommand(bench: Bench, tables: string, name: string, words: readonly string[]) {
  const data = join(bench.folder, name);
  const models = join(data, "models");
  const folders = ["--data", data, "--models", models];
  await ingest(bench, tables, data);
  const finished = await clickwell(bench, ["train", ...words, ...folders]);
  const { model_id } = lastLineAs(finished, trained);
  const text = await Deno.readTextFile(join(models, model_id, "model.json"));
  const { userDefinedMetadata: { encoder } } = modelFile.parse(JSON.parse(text));
  const command = [...bench.clickwell, "serve", "--port", "0", "--workers", "1", ...folders];
  bench.note(command);
  return { command, tableCount: encoder.tables?.length ?? 0 };
}
