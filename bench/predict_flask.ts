import { join } from "node:path";
import { benchFolder, type Benchmark } from "./bench.ts";
import { describeTables } from "./clickwell.ts";
import { differenceOf, load, loadLines, probabilities, requireWrk } from "./http_load.ts";
import { small } from "./notation.ts";
import { pythonEnvironment, pythonProgram } from "./python.ts";
import { type ServerProcess, startServer, withServers } from "./server_process.ts";
import { expectedProbabilities, prepareFlask, prepareServing } from "./serving.ts";

const gunicorn = [
  ...["--workers", "2", "--threads", "2"],
  ...["--bind", "127.0.0.1:0", "--no-control-socket", "flask_app:app"],
];

/** The peer has no indicators of missing values: its probabilities are near ours, not equal. */
const modelTolerance = 0.02;

export const predictFlask: Benchmark = {
  title: "POST /predict, against the stack that clickwell replaces",
  peers: ["Flask", "gunicorn", "scikit-learn", "pandas"],
  onThisDeno: true,
  async run(bench) {
    await requireWrk(bench);
    const serving = await prepareServing(bench);
    const { data, models, bodies } = serving;
    const folder = join(bench.folder, "flask");
    const expected = {
      clickwell: await expectedProbabilities(bench, serving),
      flask: await prepareFlask(bench, serving, folder),
    };
    const command = [...bench.clickwell, "serve", "--port", "0", "--data", data, "--models", models];
    for (const noted of [command, ["gunicorn", ...gunicorn]]) bench.note(noted);
    return await withServers(
      [() => startServer(command), () => startFlask(folder)],
      async ([ours, flask]) => {
        const found = {
          clickwell: await probabilities(ours.url, bodies),
          flask: await probabilities(flask.url, bodies),
        };
        const errors = {
          clickwell: differenceOf(found.clickwell, expected.clickwell),
          flask: differenceOf(found.flask, expected.flask),
          between: differenceOf(found.clickwell, found.flask),
        };
        const [clickwell, peer] = await bench.turns([
          { name: "clickwell", run: () => load(bench, ours.url, bodies) },
          { name: "Flask on gunicorn", run: () => load(bench, flask.url, bodies) },
        ]);
        return {
          data: `64 request bodies out of ${describeTables(bench.offers)}`,
          lines: loadLines(clickwell, peer, 300),
          checks: [
            {
              what: `each answer is what numpy makes of the coefficients, to ${small(errors.clickwell)}`,
              holds: errors.clickwell <= 1e-12,
            },
            {
              what: `each answer of Flask is that of its pipeline, to ${small(errors.flask)}`,
              holds: errors.flask <= 1e-12,
            },
            {
              what: `the two models agree to ${small(errors.between)}`,
              holds: errors.between <= modelTolerance,
            },
          ],
          notes: [
            "The peer has 2 workers of 2 threads; each request reads the id of the model in production from SQLite, " +
            "unpickles the scikit-learn pipeline and calls `predict_proba` on a data frame of one row.",
          ],
        };
      },
    );
  },
};

function startFlask(folder: string): Promise<ServerProcess> {
  return startServer([pythonProgram("gunicorn"), ...gunicorn], {
    cwd: join(benchFolder, "peer"),
    env: { ...pythonEnvironment, MODEL_FOLDER: folder },
  });
}
