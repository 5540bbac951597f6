import type { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { ModelContent } from "./loaded_model.ts";

/** The other threads that answer requests, as whoever changes the model sees them. */
export interface ModelBroadcast {
  /**
   * Every thread makes the model ready, aside.
   *
   * @throws {Failure} As a thread did: then none of them answers with it. A thread that ends or does not answer in time
   *   is no failure: it is replaced.
   */
  prepare(content: ModelContent, assignment: Assignment): Promise<void>;
  /** From this moment on, every thread answers with the model that was prepared last, and none with another. */
  activate(): void;
  /** Every thread that has no model says why. */
  explain(absence: Failure): void;
}

/** Nobody but the thread that asks. */
export const noWorkers: ModelBroadcast = {
  prepare: () => Promise.resolve(),
  activate() {},
  explain() {},
};
