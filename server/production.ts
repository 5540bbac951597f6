import { Failure } from "../pipeline/failure.ts";
import { activeModel, type Assignment, assignModel, findModel } from "../pipeline/model/registry.ts";
import type { Log } from "./log.ts";
import { type LoadedModel, loadModel, type ModelSlot } from "./serving_model.ts";
import type { VisitStore } from "./store_visit.ts";

export interface AssignmentRequest {
  /** A model's id or version. */
  readonly modelId: string;
  readonly assignedBy: string;
  readonly reason?: string;
  /** Compare and set: the id that must be in production. */
  readonly expectedCurrent?: string;
}

/** Keeps the model that answers and the one that the registry names the same. */
export interface Production {
  /**
   * Puts a model in production: loads it aside, commits the assignment, then lets it answer. When this returns, no other
   * model answers; when it throws, nothing has changed.
   *
   * @throws {Failure} `model-unknown`, `artifact-corrupt`, `assignment-conflict`, a failure of the store.
   */
  assign(request: AssignmentRequest): Promise<Assignment>;
  /** Takes over what another process assigned. Never throws: where that fails, the old model goes on answering. */
  follow(): Promise<void>;
}

export interface ProductionOptions {
  readonly modelsDir: string;
  readonly visitStore: VisitStore;
  readonly slot: ModelSlot;
  readonly log: Log;
}

/** Assignments that wait for their turn; more are refused. */
const waitingMax = 64;

export function createProduction({ modelsDir, visitStore, slot, log }: ProductionOptions): Production {
  const takeTurn = createTurns(waitingMax);
  /** What was last said about an assignment that could not be followed, so that it is said once. */
  let complaint = "";

  const activate = (model: LoadedModel, assignment: Assignment) => {
    slot.current = { ...model, assignment };
    complaint = "";
    const { modelId, version, assignedBy, reason } = assignment;
    log.info("model in production", { model_id: modelId, version, assigned_by: assignedBy, reason });
  };

  async function assign({ modelId, ...request }: AssignmentRequest): Promise<Assignment> {
    const row = await visitStore("read", (store) => findModel(store, modelId));
    const model = loadModel(modelsDir, row);
    const assignment = await visitStore(
      "write",
      (store) => assignModel(store, { ...request, modelId: row.modelId, assignedAt: Date.now() * 1000 }),
    );
    activate(model, assignment);
    return assignment;
  }

  async function follow(): Promise<void> {
    const newest = await visitStore("read", (store) => {
      const assignment = activeModel(store);
      return assignment && { assignment, row: findModel(store, assignment.modelId) };
    });
    if (newest === undefined || isSame(newest.assignment, slot.current?.assignment)) return;
    activate(loadModel(modelsDir, newest.row), newest.assignment);
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
    assign: (request) => takeTurn(() => assign(request)),
    follow: () => takeTurn(follow).catch(complain),
  };
}

function absenceText({ kind, message }: Failure): string {
  // A message of the store's names its files.
  return kind.startsWith("store-")
    ? "No model is in production: the store cannot be read. The server's log says why."
    : `No model answers, for the one in production cannot be loaded. ${message}`;
}

function isSame(a: Assignment, b: Assignment | undefined): boolean {
  return a.modelId === b?.modelId && a.assignedAt === b.assignedAt && a.version === b.version;
}

/** Runs one piece of work after the other, in the order in which they came. */
function createTurns(waitingMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  // deno-lint-ignore require-await
  return async (work) => {
    if (waiting >= waitingMax) {
      throw new Failure("store-busy", `${waitingMax} assignments wait already: try again.`);
    }
    waiting++;
    const turn = last.then(work).finally(() => waiting--);
    last = turn.catch(() => {});
    return turn;
  };
}
