import { Failure } from "../../pipeline/failure.ts";
import {
  type Assignment,
  ConcurrentAssignment,
  type ModelRow,
  type Registry,
} from "../../pipeline/model/registry.ts";
import { type ModelBroadcast, noWorkers } from "./model_broadcast.ts";
import { requireMatch } from "../http/entity_tag.ts";
import type { Log } from "../runtime/log.ts";
import { createArtifactCache } from "./artifact_cache.ts";
import { createLoadedModelCache } from "./loaded_model_cache.ts";
import { type LoadedModel, type ModelContent, type ModelSlot, noModelAssigned } from "./loaded_model.ts";
import { createSerialQueue } from "../runtime/serial_queue.ts";

/** Who changes the model in production, why, and on which condition. */
export interface ChangeRequest {
  readonly assignedBy: string;
  readonly reason?: string;
  /** Compare and set: the model that must be in production, by id, version or alias. */
  readonly expectedCurrent?: string;
  /** Compare and set: the request's `If-Match`. */
  readonly ifMatch?: string;
}

export interface AssignmentRequest extends ChangeRequest {
  /** A model's id, version or alias. */
  readonly modelId: string;
}

/** Changes the model in production. */
export interface ModelAssigner {
  /**
   * Puts a model in production: loads it aside, commits the assignment, then lets it answer. When this returns, no other
   * model answers; when it throws, nothing has changed.
   *
   * @throws {Failure} `model-unknown`, `artifact-corrupt`, `assignment-conflict`, `precondition-failed`, a failure of the
   *   store.
   */
  assign(request: AssignmentRequest): Promise<Assignment>;
  /**
   * Puts the model back in production that was there before the one that is, in the same way.
   *
   * @throws {Failure} `rollback-impossible` where there was none; the others of `assign`.
   */
  rollBack(request: ChangeRequest): Promise<Assignment>;
}

/** Keeps the model that answers and the one that the registry names the same. */
export interface ProductionModel extends ModelAssigner {
  /** Takes over what another process assigned. Never throws: where that fails, the old model goes on answering. */
  sync(): Promise<void>;
  /** Does a piece of work between two changes of model. @param work Gets the model that answers, if any. */
  whileStable<T>(work: (current: ActiveModel | undefined) => Promise<T>): Promise<T>;
}

/** The model that answers, as another thread needs it. */
export interface ActiveModel {
  readonly content: ModelContent;
  readonly assignment: Assignment;
}

export interface ProductionModelOptions {
  readonly modelsDir: string;
  readonly registry: Registry;
  readonly slot: ModelSlot;
  readonly log: Log;
  /** Threads that answer beside this one. */
  readonly broadcast?: ModelBroadcast;
}

/** How often an assignment is begun anew because another process was quicker. */
const attemptsMax = 20;
/** Assignments that wait for their turn; more are refused. */
const waitingMax = 64;

export function createProductionModel(options: ProductionModelOptions): ProductionModel {
  const { modelsDir, registry, slot, log, broadcast = noWorkers } = options;
  const artifacts = createArtifactCache(modelsDir);
  const loadedModels = createLoadedModelCache(slot.counters);
  const takeTurn = createSerialQueue(waitingMax);
  /** What was last said about an assignment that could not be followed, so that it is said once. */
  let complaint = "";
  /** Why a store of an earlier version could not be brought up to date, as it was last said. */
  let hindrance = "";

  async function prepare(row: ModelRow, assignment: Assignment): Promise<LoadedModel> {
    const content = artifacts.read(row);
    // What this thread refuses, no other is asked to take.
    const model = loadedModels.find(content) ?? loadedModels.add(content);
    await broadcast.prepare(content, assignment);
    return model;
  }

  /** Until here, nobody answers with the model; from here on, everybody. */
  function activate(model: LoadedModel, assignment: Assignment): Assignment {
    slot.current = { ...model, assignment };
    broadcast.activate();
    complaint = "";
    const { modelId, version, assignedBy, reason } = assignment;
    log.info("model in production", { model_id: modelId, version, assigned_by: assignedBy, reason });
    return assignment;
  }

  /** @param target Finds the model to put in production. */
  async function change(request: ChangeRequest, target: () => Promise<ModelRow>): Promise<Assignment> {
    // Before the target: if another process changes it in between, the condition below does not hold.
    const current = await registry.activeModel();
    const row = await target();
    // All of it is known before it is committed, so that no thread needs to be told anything afterwards.
    const assignment: Assignment = {
      assignmentId: (current?.assignmentId ?? 0) + 1,
      modelId: row.modelId,
      version: row.version,
      assignedAt: Date.now() * 1000,
      assignedBy: request.assignedBy,
      reason: request.reason ?? null,
    };
    const model = await prepare(row, assignment);
    await commit(request, assignment, current);
    return activate(model, assignment);
  }

  /** @param basis What was in production when the assignment was made up. @throws {Failure} As `Registry.assign`. */
  async function commit(
    { ifMatch, ...conditions }: ChangeRequest,
    { modelId, assignedAt }: Assignment,
    expected: Assignment | undefined,
  ): Promise<void> {
    if (ifMatch !== undefined) requireMatch(ifMatch, expected);
    try {
      await registry.assign({
        ...conditions,
        modelId,
        assignedAt,
        expectedAssignmentId: expected?.assignmentId ?? 0,
      });
    } catch (error) {
      // Whoever names what must be in production is told that it no longer is.
      if (error instanceof ConcurrentAssignment && ifMatch !== undefined) {
        requireMatch(ifMatch, await registry.activeModel());
      }
      throw error;
    }
  }

  async function assign({ modelId, ...request }: AssignmentRequest): Promise<Assignment> {
    for (let attempt = 1;; attempt++) {
      try {
        return await change(request, () => registry.findModel(modelId));
      } catch (error) {
        // Whoever was quicker has not hindered this one: what is asked for does not depend on what was there.
        if (!(error instanceof ConcurrentAssignment) || attempt === attemptsMax) throw error;
      }
    }
  }

  async function follow(): Promise<void> {
    const newest = await registry.activeModel();
    if (newest === undefined) {
      complaint = "";
      return beWithout(noModelAssigned());
    }
    if (isSame(newest, slot.current?.assignment)) return;
    activate(await prepare(await registry.findModel(newest.modelId), newest), newest);
  }

  /** A store of an earlier version is brought up to date by who may write to it: until then it is read as it is. */
  async function followAndUpgrade(): Promise<void> {
    await follow();
    try {
      if (await registry.upgrade()) log.info("store brought up to date");
      hindrance = "";
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (hindrance !== error.message) {
        log.warn("store not brought up to date", { kind: error.kind, detail: error.message });
      }
      hindrance = error.message;
    }
  }

  /** Where no model answers, that is why. */
  function beWithout(absence: Failure): void {
    if (slot.current || slot.unavailableReason.message === absence.message) return;
    slot.unavailableReason = absence;
    broadcast.explain(absence);
  }

  function complain(error: unknown): void {
    if (!(error instanceof Failure)) {
      log.error("bug", { cause: error instanceof Error ? error.stack : String(error) });
      return;
    }
    // A server may start before there is anything to serve.
    const expected = error.kind === "store-missing";
    if (!expected) beWithout(new Failure("model-missing", absenceText(error)));
    if (complaint === error.message) return;
    complaint = error.message;
    // As long as another process fills the store for the first time, it has it to itself.
    const level = expected ? "info" : error.kind === "store-busy" ? "warn" : "error";
    log[level]("no change of model", { kind: error.kind, detail: error.message });
  }

  return {
    assign: (request) => takeTurn(() => assign(request)),
    rollBack: (request) => takeTurn(() => change(request, () => registry.previousModel())),
    sync: () => takeTurn(followAndUpgrade).catch(complain),
    whileStable: (work) => takeTurn(() => work(currentOf(slot))),
  };
}

function currentOf({ current }: ModelSlot): ActiveModel | undefined {
  if (!current) return undefined;
  const { modelId, version, checksum, metadata, assignment } = current;
  return { content: { modelId, version, checksum, metadata }, assignment };
}

function absenceText({ kind, message }: Failure): string {
  // A message of the store's names its files.
  return kind.startsWith("store-")
    ? "No model is in production: the store cannot be read. The server's log says why."
    : `No model answers, for the one in production cannot be loaded. ${message}`;
}

function isSame(a: Assignment, b: Assignment | undefined): boolean {
  return a.assignmentId === b?.assignmentId && a.modelId === b.modelId && a.assignedAt === b.assignedAt &&
    a.version === b.version;
}
