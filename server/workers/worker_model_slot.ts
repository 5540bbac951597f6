import { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { SharedState } from "../runtime/shared_state.ts";
import {
  createModelSlot,
  type LoadedModel,
  type ModelSlot,
  type ServingModel,
} from "../models/loaded_model.ts";

/** The slot of a thread that follows the board: it changes its model at the very moment when the board's number does. */
export interface WorkerModelSlot extends ModelSlot {
  readonly current: ServingModel | undefined;
  /** Keeps a model ready for a generation; one that was kept before is forgotten. */
  prepare(generation: number, model: LoadedModel | undefined, assignment: Assignment | undefined): void;
}

/**
 * A thread that has not heard of a change (because it hung while the others did) answers with no model at all rather than
 * with the old one.
 */
export function createWorkerModelSlot(board: SharedState): WorkerModelSlot {
  const slot = createModelSlot();
  let shown = -1;
  let prepared: { readonly generation: number; readonly model: ServingModel | undefined } | undefined;

  function turnTo(generation: number): void {
    shown = generation;
    const known = prepared?.generation === generation;
    slot.current = known ? prepared?.model : undefined;
    if (!known) {
      slot.unavailableReason = new Failure("thread-lost", "This thread has not heard of the last change.");
    }
    prepared = undefined;
  }

  return {
    counters: slot.counters,
    get current() {
      const { generation } = board;
      if (generation !== shown) turnTo(generation);
      return slot.current;
    },
    get unavailableReason() {
      return slot.unavailableReason;
    },
    set unavailableReason(failure) {
      slot.unavailableReason = failure;
    },
    prepare(generation, model, assignment) {
      const now = board.generation;
      // Where nobody has asked since the last change, what was prepared for that one is still to be taken.
      if (generation !== now && shown !== now) turnTo(now);
      prepared = { generation, model: model && assignment ? { ...model, assignment } : undefined };
      if (generation === now) turnTo(now);
    },
  };
}
