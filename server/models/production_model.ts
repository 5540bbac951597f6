import { Failure } from "../../pipeline/failure.ts";
import type { ArtifactStore } from "../../pipeline/model/artifact.ts";
import {
  type Assignment,
  ConcurrentAssignment,
  type ModelRow,
  type Registry,
} from "../../pipeline/model/registry.ts";
import { requireMatch } from "../http/entity_tag.ts";
import type { Log } from "../runtime/log.ts";
import { createSerialQueue, type RunExclusive } from "../runtime/serial_queue.ts";
import { createArtifactCache } from "./artifact_cache.ts";
import { type LastAssignment, rowOf } from "./last_assignment.ts";
import { type LoadedModel, type ModelContent, type ModelSlot, noModelAssigned } from "./loaded_model.ts";
import { createLoadedModelCache } from "./loaded_model_cache.ts";
import { type ModelBroadcast, noWorkers } from "./model_broadcast.ts";

/** The author, reason and conditions of a change of the active model. */
export interface ChangeRequest {
  readonly assignedBy: string;
  readonly reason?: string;
  /** Compare and set: the model that must be active, by id, version or alias. */
  readonly expectedCurrent?: string;
  /** Compare and set: the request's `If-Match`. */
  readonly ifMatch?: string;
}

export interface AssignmentRequest extends ChangeRequest {
  /** A model's id, version or alias. */
  readonly modelId: string;
}

/** Changes the active model. */
export interface ModelAssigner {
  /**
   * Loads a model, commits the assignment and switches to the model. When this returns, no other model answers; when it
   * throws, nothing has changed.
   *
   * @throws {Failure} `model-unknown`, `artifact-corrupt`, `artifacts-unavailable`, `assignment-conflict`,
   *   `precondition-failed`, a failure of the store.
   */
  assign(request: AssignmentRequest): Promise<Assignment>;
  /** Assigns the previous model in the same way. @throws {Failure} `rollback-impossible` if there was none; as `assign`. */
  rollBack(request: ChangeRequest): Promise<Assignment>;
}

/** Keeps the model that answers equal to the active model of the registry. */
export interface ProductionModel extends ModelAssigner {
  /**
   * Switches to a model that another process assigned. Never throws: on failure, the old model continues to answer.
   *
   * @returns False if the registry or the model could not be read, for a reason that may pass.
   */
  sync(): Promise<boolean>;
  /** Runs work during which the model does not change. @param work Receives the active model, if any. */
  whileStable<T>(work: (current: ActiveModel | undefined) => Promise<T>): Promise<T>;
}

/** The active model in a form that can be posted to another thread. */
export interface ActiveModel {
  readonly content: ModelContent;
  readonly assignment: Assignment;
}

export interface ProductionModelOptions {
  readonly artifacts: ArtifactStore;
  readonly registry: Registry;
  readonly slot: ModelSlot;
  readonly log: Log;
  /** Set for a registry elsewhere, which may be out of reach when a server starts. */
  readonly lastAssignment?: LastAssignment | undefined;
  /** The worker threads, if there are any. */
  readonly broadcast?: ModelBroadcast;
}

/** Attempts at an assignment if other processes change the active model at the same time. */
const attemptsMax = 20;
/** Assignments that may wait for others; more are rejected. */
const waitingMax = 64;

export function createProductionModel(options: ProductionModelOptions): ProductionModel {
  const { artifacts, registry, slot } = options;
  const runExclusive = createSerialQueue(waitingMax);
  const modelSwitch = createModelSwitch(options);

  /** @param findTarget Finds the model to assign. */
  async function change(
    request: ChangeRequest,
    findTarget: () => Promise<ModelRow>,
  ): Promise<Assignment> {
    // Read before the target: if another process changes it in between, the condition of the commit does not hold.
    const expected = await registry.activeModel();
    const row = await findTarget();
    // Complete before the commit, so that workers need no message after it.
    const assignment: Assignment = {
      assignmentId: (expected?.assignmentId ?? 0) + 1,
      modelId: row.modelId,
      version: row.version,
      assignedAt: Date.now() * 1000,
      assignedBy: request.assignedBy,
      reason: request.reason ?? null,
    };
    const model = await modelSwitch.prepare(row, assignment);
    // A copy on this machine does not help the others.
    await artifacts.confirm(row.modelId);
    await commit(registry, { request, assignment, expected });
    return modelSwitch.activate(model, assignment);
  }

  async function assign({ modelId, ...request }: AssignmentRequest): Promise<Assignment> {
    for (let attempt = 1;; attempt++) {
      try {
        return await change(request, () => registry.findModel(modelId));
      } catch (error) {
        // Retry: the request names its model explicitly, so a concurrent assignment does not invalidate it.
        if (!(error instanceof ConcurrentAssignment) || attempt === attemptsMax) throw error;
      }
    }
  }

  return {
    assign: (request) => runExclusive(() => assign(request)),
    rollBack: (request) => runExclusive(() => change(request, () => registry.previousModel())),
    sync: createSync(options, { modelSwitch, runExclusive }),
    whileStable: (work) => runExclusive(() => work(activeModelOf(slot))),
  };
}

/** Changes the model in all threads, in two steps. */
type ModelSwitch = ReturnType<typeof createModelSwitch>;

function createModelSwitch(
  { artifacts, slot, log, lastAssignment, broadcast = noWorkers }: ProductionModelOptions,
) {
  const cache = createArtifactCache(artifacts);
  const loadedModels = createLoadedModelCache(slot.counters);
  return {
    /**
     * Loads a model in all threads.
     *
     * @throws {Failure} As `ModelBroadcast.prepare`; `model-unknown`, `artifact-corrupt`, `artifacts-unavailable`.
     */
    async prepare(row: ModelRow, assignment: Assignment): Promise<LoadedModel> {
      const content = await cache.read(row);
      // Loaded here first: a model that fails is not sent to the workers.
      const model = loadedModels.find(content) ?? loadedModels.add(content);
      await broadcast.prepare(content, assignment);
      return model;
    },
    activate(model: LoadedModel, assignment: Assignment): Assignment {
      // The switch: before it no thread uses the new model, after it every thread does.
      slot.current = { ...model, assignment };
      broadcast.activate();
      lastAssignment?.keep({ assignment, checksum: model.checksum });
      const { modelId, version, assignedBy, reason } = assignment;
      log.info("model in production", { model_id: modelId, version, assigned_by: assignedBy, reason });
      return assignment;
    },
  };
}

/** @throws {Failure} As `Registry.assign`; `precondition-failed`. */
async function commit(
  registry: Registry,
  { request, assignment: { modelId, assignedAt }, expected }: {
    readonly request: ChangeRequest;
    readonly assignment: Assignment;
    /** The newest assignment when the change began. */
    readonly expected: Assignment | undefined;
  },
): Promise<void> {
  const { ifMatch, ...conditions } = request;
  if (ifMatch !== undefined) requireMatch(ifMatch, expected);
  const expectedAssignmentId = expected?.assignmentId ?? 0;
  try {
    await registry.assign({ ...conditions, modelId, assignedAt, expectedAssignmentId });
  } catch (error) {
    // A request that names the model it expects fails for that reason, not for the concurrent assignment.
    if (error instanceof ConcurrentAssignment && ifMatch !== undefined) {
      requireMatch(ifMatch, await registry.activeModel());
    }
    throw error;
  }
}

function createSync(
  { registry, slot, log, lastAssignment, broadcast = noWorkers }: ProductionModelOptions,
  { modelSwitch, runExclusive }: { readonly modelSwitch: ModelSwitch; readonly runExclusive: RunExclusive },
): ProductionModel["sync"] {
  /** The last failure that was logged, and the model that answered then: the same is logged once. */
  let logged: { readonly message: string; readonly model: ModelSlot["current"] } | undefined;
  let loggedUpgradeFailure = "";

  async function syncModel(): Promise<void> {
    const newest = await registry.activeModel();
    if (newest === undefined) {
      logged = undefined;
      return clearModel(noModelAssigned());
    }
    if (isSame(newest, slot.current?.assignment)) return;
    modelSwitch.activate(await modelSwitch.prepare(await registry.findModel(newest.modelId), newest), newest);
  }

  /** Switches to the model that this server followed last, if it has none: the registry cannot be read. */
  async function restoreLast(): Promise<void> {
    const last = slot.current ? undefined : lastAssignment?.read();
    if (!last) return;
    const { assignment } = last;
    modelSwitch.activate(await modelSwitch.prepare(rowOf(last), assignment), assignment);
    log.warn("last assignment in use", { assignment_id: assignment.assignmentId });
  }

  /** Upgrades a store of an earlier version if this process may write to it; until then it is read as it is. */
  async function upgradeStore(): Promise<void> {
    try {
      if (await registry.upgrade()) log.info("store brought up to date");
      loggedUpgradeFailure = "";
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (loggedUpgradeFailure !== error.message) {
        log.warn("store not brought up to date", { kind: error.kind, detail: error.message });
      }
      loggedUpgradeFailure = error.message;
    }
  }

  /** Sets the reason why no model answers, if none does. */
  function clearModel(reason: Failure): void {
    if (slot.current || slot.unavailableReason.message === reason.message) return;
    slot.unavailableReason = reason;
    broadcast.explain(reason);
  }

  function reportSyncFailure(error: unknown): boolean {
    if (!(error instanceof Failure)) {
      log.error("bug", { cause: error instanceof Error ? error.stack : String(error) });
      return true;
    }
    const isRead = !/^(store-|artifacts-unavailable)/.test(error.kind);
    // A server may start before there is a store.
    const isExpected = error.kind === "store-missing";
    if (!isExpected) clearModel(new Failure("model-missing", unavailableText(error)));
    if (logged?.message === error.message && logged.model === slot.current) return isRead;
    logged = { message: error.message, model: slot.current };
    // During its initial load, another process locks the store.
    const level = isExpected ? "info" : error.kind === "store-busy" ? "warn" : "error";
    log[level]("no change of model", { kind: error.kind, detail: error.message });
    return isRead;
  }

  async function follow(): Promise<boolean> {
    try {
      await syncModel();
      await upgradeStore();
      return true;
    } catch (error) {
      const isRead = reportSyncFailure(error);
      if (!isRead) await restoreLast();
      return isRead;
    }
  }

  return () => runExclusive(follow).catch(reportSyncFailure);
}

function activeModelOf({ current }: ModelSlot): ActiveModel | undefined {
  if (!current) return undefined;
  const { modelId, version, checksum, metadata, assignment } = current;
  return { content: { modelId, version, checksum, metadata }, assignment };
}

function unavailableText({ kind, message }: Failure): string {
  // Messages of the store name its files.
  return kind.startsWith("store-")
    ? "No model is in production: the store cannot be read. The server's log has the cause."
    : `No model answers: the one in production cannot be loaded. ${message}`;
}

function isSame(a: Assignment, b: Assignment | undefined): boolean {
  return a.assignmentId === b?.assignmentId && a.modelId === b.modelId && a.assignedAt === b.assignedAt &&
    a.version === b.version;
}
