import type { Assignment } from "../pipeline/model/registry.ts";
import type { ModelContent } from "./serving_model.ts";

/** The other threads that answer requests, as whoever changes the model sees them. */
export interface Crew {
  /**
   * Every thread makes the model ready, aside.
   *
   * @throws {Failure} As a thread did: then none of them answers with it. A thread that ends or does not answer in time
   *   is no failure: it is replaced.
   */
  prepare(content: ModelContent): Promise<void>;
  /** Every thread answers with the model that it has prepared: when this returns, none answers with another. */
  activate(assignment: Assignment): Promise<void>;
}

/** Nobody but the thread that asks. */
export const nobody: Crew = { prepare: () => Promise.resolve(), activate: () => Promise.resolve() };
