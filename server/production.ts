import { Failure } from "../pipeline/failure.ts";
import {
  activeModel,
  type Assignment,
  assignModel,
  findModel,
  previousModel,
} from "../pipeline/model/registry.ts";
import type { Store } from "../pipeline/store/store.ts";
import { type Crew, nobody } from "./crew.ts";
import { requireMatch } from "./entity_tag.ts";
import type { Log } from "./log.ts";
import { createModelShelf } from "./model_shelf.ts";
import { type LoadedModel, loadModel, type ModelContent, type ModelSlot } from "./serving_model.ts";
import type { VisitStore } from "./store_visit.ts";
import { createTurns } from "./turns.ts";

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
export interface Assigning {
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
export interface Production extends Assigning {
  /** Takes over what another process assigned. Never throws: where that fails, the old model goes on answering. */
  follow(): Promise<void>;
  /** Does a piece of work between two changes of model. @param work Gets the model that answers, if any. */
  between<T>(work: (current: Current | undefined) => Promise<T>): Promise<T>;
}

/** The model that answers, as another thread needs it. */
export interface Current {
  readonly content: ModelContent;
  readonly assignment: Assignment;
}

export interface ProductionOptions {
  readonly modelsDir: string;
  readonly visitStore: VisitStore;
  readonly slot: ModelSlot;
  readonly log: Log;
  /** Threads that answer beside this one. */
  readonly crew?: Crew;
}

/** Assignments that wait for their turn; more are refused. */
const waitingMax = 64;

export function createProduction(options: ProductionOptions): Production {
  const { modelsDir, visitStore, slot, log, crew = nobody } = options;
  const shelf = createModelShelf(modelsDir);
  const takeTurn = createTurns(waitingMax);
  /** What was last said about an assignment that could not be followed, so that it is said once. */
  let complaint = "";

  async function prepare(row: Parameters<typeof shelf.read>[0]): Promise<LoadedModel> {
    const content = shelf.read(row);
    // What this thread refuses, no other is asked to take.
    const model = loadModel(content, slot.tallies);
    await crew.prepare(content);
    return model;
  }

  async function activate(model: LoadedModel, assignment: Assignment): Promise<Assignment> {
    slot.current = { ...model, assignment };
    complaint = "";
    await crew.activate(assignment);
    const { modelId, version, assignedBy, reason } = assignment;
    log.info("model in production", { model_id: modelId, version, assigned_by: assignedBy, reason });
    return assignment;
  }

  /** @param target Finds the model to put in production, and what has to hold when that is committed. */
  async function change(
    { ifMatch, ...request }: ChangeRequest,
    target: (store: Store) => { row: ReturnType<typeof findModel>; basis?: Assignment | undefined },
  ): Promise<Assignment> {
    const { row, basis } = await visitStore("read", target);
    const model = await prepare(row);
    const check = (current: Assignment | undefined) => {
      if (ifMatch !== undefined) requireMatch(ifMatch, current);
      if (basis !== undefined && !isSame(basis, current)) throw overtaken();
    };
    const made = await visitStore(
      "write",
      (store) =>
        assignModel(store, { ...request, modelId: row.modelId, assignedAt: Date.now() * 1000, check }),
    );
    return await activate(model, made);
  }

  async function follow(): Promise<void> {
    const newest = await visitStore("read", (store) => {
      const assignment = activeModel(store);
      return assignment && { assignment, row: findModel(store, assignment.modelId) };
    });
    if (newest === undefined || isSame(newest.assignment, slot.current?.assignment)) return;
    await activate(await prepare(newest.row), newest.assignment);
  }

  /** A store of an earlier version is brought up to date by whoever writes to it: here, where only reading was asked. */
  async function followAfterMigration(): Promise<void> {
    try {
      await follow();
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "store-older") throw error;
      await visitStore("write", () => {});
      log.info("store brought up to date");
      await follow();
    }
  }

  function complain(error: unknown): void {
    if (!(error instanceof Failure)) {
      log.error("bug", { cause: error instanceof Error ? error.stack : String(error) });
      return;
    }
    // A server may start before there is anything to serve.
    const expected = error.kind === "store-missing";
    if (!slot.current && !expected) slot.absence = new Failure("model-missing", absenceText(error));
    if (complaint === error.message) return;
    complaint = error.message;
    log[expected ? "info" : "error"]("no change of model", { kind: error.kind, detail: error.message });
  }

  return {
    assign: ({ modelId, ...request }) =>
      takeTurn(() => change(request, (store) => ({ row: findModel(store, modelId) }))),
    rollBack: (request) =>
      takeTurn(() => change(request, (store) => ({ row: previousModel(store), basis: activeModel(store) }))),
    follow: () => takeTurn(followAfterMigration).catch(complain),
    between: (work) => takeTurn(() => work(currentOf(slot))),
  };
}

function currentOf({ current }: ModelSlot): Current | undefined {
  if (!current) return undefined;
  const { modelId, version, metadata, assignment } = current;
  return { content: { modelId, version, metadata }, assignment };
}

function overtaken(): Failure {
  return new Failure(
    "assignment-conflict",
    "Another process has changed the model in production meanwhile: read GET /model and decide again.",
  );
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
