import { join } from "node:path";
import { type Artifact } from "../../pipeline/model/artifact.ts";
import { writeArtifact } from "./written_artifact.ts";
import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { createRandom } from "../../pipeline/math/random.ts";
import { defaultHyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../pipeline/train/train.ts";
import { specOf } from "./example_rows.ts";
import { insertRows, tableOf, withStore } from "./temp_store.ts";
import { inFolder } from "./program.ts";

const spec = specOf([
  { name: "x", type: "numeric" },
  { name: "z", type: "numeric", transform: "log1p" },
  { name: "c", type: "categorical" },
  { name: "d", type: "categorical", minCount: 5 },
]);

/** Metadata of a model trained on synthetic rows. */
export const metadata: ArtifactMetadata = await withStore(
  tableOf(["who", "clicked", "x", "z", "c", "d"]),
  async ({ store }) => {
    const random = createRandom(8);
    insertRows(
      store,
      Array.from({ length: 300 }, (_, id) => {
        const x = random.uniform() < 0.1 ? null : 4 * random.uniform() - 2;
        const clicked = random.uniform() < 1 / (1 + Math.exp(-(x ?? 1))) ? 1 : 0;
        const c = random.below(12) === 0 ? null : ["naïve", "\u2028", '"quoted"', "日本"][random.below(4)];
        return { id, who: `w${id % 90}`, clicked, x, z: 1e6 * random.uniform(), c, d: random.below(40) };
      }),
    );
    return (await trainModel(store, { spec, hyperParameters: defaultHyperParameters, threads: 1, now: 0 }))
      .metadata;
  },
);

/** Runs a test with a models folder that contains the model. */
export function withModel(
  test: (models: string, artifact: Artifact, folder: string) => void | Promise<void>,
): Promise<void> {
  return inFolder(async (root) => {
    const models = join(root, "models");
    const artifact = writeArtifact(models, metadata);
    await test(models, artifact, join(models, artifact.id));
  });
}
