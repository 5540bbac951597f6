import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import crossedSpec from "../../docs/features-crossed.json" with { type: "json" };
import { ingest } from "../../pipeline/ingest/ingest.ts";
import { defaultSpec, parseSpec } from "../../pipeline/examples/spec.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { openStore } from "../../pipeline/store/store.ts";
import { assertAllClose, assertClose } from "../support/assert_close.ts";
import { trainOn } from "../support/temp_store.ts";
import { inFolder, root } from "../support/program.ts";

/** The tables of real loan offers, which are not part of this repository. */
const tables = join(root, "..", "shared", "data", "loan-offers");
const ignore = !existsSync(tables);
if (ignore) console.log(`The tests on real loan offers are skipped: ${tables} is not there.`);

/** What scikit-learn 1.9.1 reaches on all rows (one-hot columns, numbers as here), C = 1 and C = inf. */
const references = {
  l2: { objective: 0.5012374075085627, log_loss: 0.5000534267972736, auc: 0.7960081720973351 },
  none: { objective: 0.4999527310052447, log_loss: 0.4999527310052447, auc: 0.7962609784 },
};

Deno.test(
  "loan offers: both models are as good as scikit-learn's on all rows, and better than the click rate on new ones",
  {
    ignore,
  },
  () =>
    inFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const store = openStore(dataDir, { mode: "create" });
      const made = { store, dataDir, modelsDir: join(folder, "models"), registry: openRegistry(dataDir) };
      try {
        const fileOf = (name: string) => [join(tables, `ds_${name}.parquet.gzip`)];
        const files = Object.fromEntries(["leads", "offers", "clicks"].map((name) => [name, fileOf(name)]));
        assert.equal((await ingest(store, { files })).examples, 19_661);
        for (const penalty of ["l2", "none"] as const) {
          const expected = references[penalty];
          const whole = (await trainOn(made, defaultSpec(), { penalty, testShare: 0 })).artifact.metadata;
          assertClose(whole.solver.objective, expected.objective, 1e-11, `objective (${penalty})`);
          assertClose(whole.metrics.log_loss, expected.log_loss, 1e-8, `log loss (${penalty})`);
          assertClose(whole.metrics.auc ?? NaN, expected.auc, 1e-6, `AUC (${penalty})`);

          const { metrics, data } = (await trainOn(made, defaultSpec(), { penalty })).artifact.metadata;
          assert(Math.abs(data.rows.test / 19_661 - 0.2) < 0.02);
          assert(metrics.auc !== null && metrics.auc > 0.78, `AUC ${metrics.auc} on held-out rows`);
          assert(
            metrics.log_loss < 0.8 * metrics.base_log_loss,
            `log loss ${metrics.log_loss} on held-out rows`,
          );
          assert(metrics.ece < 0.05, `calibration error ${metrics.ece} on held-out rows`);
        }
        const crossed = parseSpec(crossedSpec, "docs/features-crossed.json");
        const { metrics } = (await trainOn(made, crossed, { C: 0.3 })).artifact.metadata;
        assert(metrics.log_loss < 0.441, `log loss ${metrics.log_loss} on held-out rows with crosses`);
        assert(
          metrics.auc !== null && metrics.auc > 0.851,
          `AUC ${metrics.auc} on held-out rows with crosses`,
        );
        const [newton, lbfgs] = await Promise.all(
          (["newton", "lbfgs"] as const).map(async (solver) =>
            (await trainOn(made, defaultSpec(), { solver, iterationsMax: 2000 })).artifact.metadata
          ),
        );
        assertAllClose(lbfgs.coefficients, newton.coefficients, 1e-6, "coefficients");
      } finally {
        store.close();
      }
    }),
);
