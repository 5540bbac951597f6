import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defaultSpec, parseSpec } from "../../pipeline/examples/spec.ts";
import { ingest } from "../../pipeline/ingest/ingest.ts";
import { proposeFiles } from "../../pipeline/init/propose_files.ts";
import { schemaText } from "../../pipeline/init/schema_text.ts";
import { specText } from "../../pipeline/init/settings_text.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { joinIn, planJoin } from "../../pipeline/examples/join_plan.ts";
import { openStore } from "../../pipeline/store/store.ts";
import { listTables } from "../../pipeline/store/table.ts";
import { inFolder, root } from "../support/program.ts";
import { trainOn } from "../support/temp_store.ts";

/** The files of real loan offers, which are not part of this repository. */
const files = join(root, "..", "shared", "data", "loan-offers");
const ignore = !existsSync(files);
if (ignore) console.log(`The test of init on real loan offers is skipped: ${files} is not there.`);

Deno.test(
  "loan offers: what init makes of the folder is joined as by the shipped schema, with a loss within 1 % of the shipped spec's",
  {
    ignore,
  },
  () =>
    inFolder(async (folder) => {
      const { proposal } = await proposeFiles([files], {}, {});
      assert.deepEqual(proposal.tables.map(({ name, key }) => [name, ...key]), [
        ["leads", "lead_uuid"],
        ["offers", "offer_id"],
        ["clicks", "offer_id", "clicked_at"],
      ]);
      assert(!proposal.tables.some(({ columns }) => columns.some(({ name }) => name.startsWith("__index"))));
      const paths = Object.fromEntries(proposal.tables.map(({ name, paths }) => [name, paths]));
      const spec = parseSpec(JSON.parse(specText(proposal)), "features.json");
      const losses = [];
      for (
        const [name, schema, trained] of [
          ["shipped", undefined, defaultSpec()],
          ["init", schemaText(proposal), spec],
        ] as const
      ) {
        const dataDir = join(folder, name);
        const store = openStore(dataDir, { mode: "create", ...schema === undefined ? {} : { schema } });
        try {
          assert.equal((await ingest(store, { files: paths })).examples, 19_661);
          assert(joinIn(planJoin(store, trained, listTables(store.db))), "the view is a join by keys");
          const made = {
            store,
            dataDir,
            modelsDir: join(folder, "models", name),
            registry: openRegistry(dataDir),
          };
          losses.push((await trainOn(made, trained)).artifact.metadata.metrics.log_loss);
        } finally {
          store.close();
        }
      }
      const [shipped, own] = losses;
      assert(own < 1.01 * shipped, `log loss ${own}, with the shipped spec ${shipped}`);
    }),
);
