import { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { SharedState } from "../runtime/shared_state.ts";
import {
  createModelSlot,
  type LoadedModel,
  type ModelSlot,
  type ServingModel,
} from "../models/loaded_model.ts";

/** The model slot of a worker. Its model changes at the same moment as the generation of the shared state. */
export interface WorkerModelSlot extends ModelSlot {
  readonly current: ServingModel | undefined;
  /** Keeps a model ready for a generation, in place of the one that was kept before. */
  prepare(generation: number, model: LoadedModel | undefined, assignment: Assignment | undefined): void;
}

/**
 * Creates the slot of a worker. A worker that missed a model change (because it hung) answers without a model instead of using
 * the old one.
 */
export function createWorkerModelSlot(sharedState: SharedState): WorkerModelSlot {
  const slot = createModelSlot();
  let currentGeneration = -1;
  let prepared: { readonly generation: number; readonly model: ServingModel | undefined } | undefined;

  function advanceTo(generation: number): void {
    currentGeneration = generation;
    const isPrepared = prepared?.generation === generation;
    slot.current = isPrepared ? prepared?.model : undefined;
    if (!isPrepared) {
      slot.unavailableReason = new Failure("thread-lost", "This thread has missed the last model change.");
    }
    prepared = undefined;
  }

  return {
    counters: slot.counters,
    get current() {
      const { generation } = sharedState;
      if (generation !== currentGeneration) advanceTo(generation);
      return slot.current;
    },
    get unavailableReason() {
      return slot.unavailableReason;
    },
    set unavailableReason(failure) {
      slot.unavailableReason = failure;
    },
    prepare(generation, model, assignment) {
      const now = sharedState.generation;
      // If no request has come since the last change, the model prepared for that change must be taken first.
      if (generation !== now && currentGeneration !== now) advanceTo(now);
      prepared = { generation, model: model && assignment ? { ...model, assignment } : undefined };
      if (generation === now) advanceTo(now);
    },
  };
}
