import type { Artifact } from "../../pipeline/model/artifact.ts";
import { defaultSpec } from "../../pipeline/examples/spec.ts";
import type { Models } from "../../pipeline/model/registry.ts";
import type { Store } from "../../pipeline/store/store.ts";
import { defaultHyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import { train } from "../../pipeline/train/train.ts";
import type { DemoStage } from "./tables.ts";

/** One of the demo's two models. */
export interface DemoModel {
  /** A description of the fit. */
  readonly title: string;
  readonly artifact: Artifact;
  readonly version: number;
}

const fits = [
  { title: "l2 penalty, C = 1", penalty: "l2" },
  { title: "no penalty", penalty: "none" },
] as const;

/** Trains the two models on the examples of the store. The first goes into production if no model is. */
export async function trainBoth(
  store: Store,
  models: Models,
  { terminal, signal }: DemoStage,
): Promise<readonly [DemoModel, DemoModel]> {
  const trainOne = async ({ title, penalty }: (typeof fits)[number]): Promise<DemoModel> => {
    const { artifact, model } = await train(store, models, {
      spec: defaultSpec(),
      hyperParameters: { ...defaultHyperParameters, penalty },
      now: Date.now() * 1000,
      signal,
      observe: { stage: (event) => terminal.progress(event) },
    });
    return { title, artifact, version: model.version };
  };
  return [await trainOne(fits[0]), await trainOne(fits[1])];
}

/** Summarises a model in one line. */
export function summaryOf({ title, artifact: { id, metadata }, version }: DemoModel): string {
  const { data, metrics } = metadata;
  return `${id}, version ${version}: ${title}; on ${data.rows.test.toLocaleString("en")} held-out offers ` +
    `log loss ${metrics.log_loss.toFixed(4)} (base rate ${metrics.base_log_loss.toFixed(4)}), ` +
    `AUC ${metrics.auc?.toFixed(4) ?? "undefined"}`;
}
