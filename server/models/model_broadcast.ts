import type { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { ModelContent } from "./loaded_model.ts";

/** Broadcasts model changes to the worker threads. */
export interface ModelBroadcast {
  /**
   * Loads a model in every worker, without activating it.
   *
   * @throws {Failure} The failure of a worker: then no worker activates the model. A worker that exits or does not answer
   *   in time is no failure: it is replaced.
   */
  prepare(content: ModelContent, assignment: Assignment): Promise<void>;
  /** Switches every worker at once to the model that was prepared last. */
  activate(): void;
  /** Sends the reason to every worker that has no model. */
  explain(reason: Failure): void;
}

/** A broadcast with no workers. */
export const noWorkers: ModelBroadcast = {
  prepare: () => Promise.resolve(),
  activate() {},
  explain() {},
};
