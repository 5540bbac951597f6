import type { Artifact, ArtifactStore } from "./artifact.ts";
import type { FollowState } from "./follow_state.ts";
import { Failure } from "../failure.ts";

/** One registered model. */
export interface ModelRow {
  readonly modelId: string;
  /** 1, 2, 3 … in the order of registration. */
  readonly version: number;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  readonly hyperParameters: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly checksum: string;
  /** A few words for people, if it has been given any. */
  readonly name?: string;
  readonly note?: string;
}

/** One row of the history of models in production. */
export interface Assignment {
  /** 1, 2, 3 … in the order of assignment. */
  readonly assignmentId: number;
  readonly modelId: string;
  readonly version: number;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly assignedAt: number;
  readonly assignedBy: string;
  readonly reason: string | null;
}

export interface HistoryPart {
  /** Maximum number of assignments to read; default: all. */
  readonly limit?: number;
  /** Only assignments older than the one with this id. */
  readonly before?: number;
}

/** A name that can be used in place of a model's id. It refers to one model at a time. */
export interface ModelAlias {
  readonly alias: string;
  readonly modelId: string;
}

/** Returns the aliases of one model, ordered by name. */
export function aliasesOf({ modelId }: Pick<ModelRow, "modelId">, all: readonly ModelAlias[]): string[] {
  return all.filter((entry) => entry.modelId === modelId).map(({ alias }) => alias);
}

/** A model to put in production, with optional conditions. */
export interface AssignmentEntry {
  /** An id, a version or an alias. */
  readonly modelId: string;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly assignedAt: number;
  /** A command or a client. */
  readonly assignedBy: string;
  readonly reason?: string;
  /** Compare and set: the id, version or alias that must be in production. */
  readonly expectedCurrent?: string;
  /** Compare and set: the id of the newest assignment must be this one, or 0 if there is none. */
  readonly expectedAssignmentId?: number;
}

export interface AliasEntry {
  /** An id, a version or another alias. */
  readonly model: string;
  readonly alias: string;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly setAt: number;
  /** A command or a client. */
  readonly setBy: string;
}

/** A model to delete. */
export interface DeletionEntry {
  /** An id or a version. */
  readonly model: string;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly deletedAt: number;
  /** A command or a client. */
  readonly deletedBy: string;
}

/** A name and a note of a model, for people. A member that is absent stays as it is; an empty text removes it. */
export interface NoteEntry {
  /** An id, a version or an alias. */
  readonly model: string;
  readonly name?: string;
  readonly note?: string;
}

/** A registry outside of the data folder. */
export interface RemoteRegistry {
  /** Where it is, for messages and records: without user and password. */
  readonly place: string;
  readonly state: FollowState;
}

/** An active watch of a registry. */
export interface RegistryWatch {
  /** Ends the watch. @returns A promise that resolves once a look that was going on has ended. */
  stop(): Promise<void>;
}

/**
 * The registered models, their aliases, and the history of models in production. The program uses the registry only through
 * this interface, so that it can be kept elsewhere. Every method may reject with a failure of the store.
 */
export interface Registry {
  /**
   * Registers a model. A model that is already registered keeps its version; one that was deleted is there again.
   *
   * @param createdAt Microseconds since 1970-01-01T00:00:00Z.
   */
  registerModel(
    artifact: Pick<Artifact, "id" | "checksum" | "metadata">,
    createdAt: number,
  ): Promise<ModelRow>;
  /** Returns all models but the deleted ones, newest first. */
  listModels(): Promise<ModelRow[]>;
  /** Finds a model by its id, its version or an alias. @throws {Failure} `model-unknown`, also for a deleted one. */
  findModel(name: string): Promise<ModelRow>;
  /** Returns the active model, which is the newest assignment; undefined before the first. */
  activeModel(): Promise<Assignment | undefined>;
  /** Returns assignments, newest first. */
  history(part?: HistoryPart): Promise<Assignment[]>;
  /**
   * Returns the assignment that was in effect at a time.
   *
   * @param at Microseconds since 1970-01-01T00:00:00Z.
   * @throws {Failure} `assignment-missing` before the first assignment.
   */
  assignmentAt(at: number): Promise<Assignment>;
  /**
   * Returns the model to which a rollback returns: that of the newest assignment of another model than the active one.
   *
   * @throws {Failure} `rollback-impossible` if there is none.
   */
  previousModel(): Promise<ModelRow>;
  /**
   * Puts a model in production if all conditions of the entry hold at that time.
   *
   * @throws {Failure} `model-unknown`; `assignment-conflict` if another model is in production; {@link ConcurrentAssignment}.
   */
  assign(entry: AssignmentEntry): Promise<Assignment>;
  /** Returns all aliases, ordered by name. */
  aliases(): Promise<ModelAlias[]>;
  /**
   * Gives a model an alias. If another model has the alias, it is moved.
   *
   * @throws {Failure} `input-invalid` if the name cannot be an alias; `model-unknown`.
   */
  setAlias(entry: AliasEntry): Promise<ModelRow>;
  /**
   * Removes an alias from its model.
   *
   * @param entry.model An id, a version or an alias of the model that must have the alias; default: any model.
   * @returns The model that had it.
   * @throws {Failure} `model-unknown`; `alias-unknown`.
   */
  removeAlias(entry: { readonly model?: string; readonly alias: string }): Promise<ModelRow>;
  /**
   * Marks a model as deleted. Its row and its assignments stay; it cannot be found or assigned any longer.
   *
   * @throws {Failure} `model-unknown`; `model-in-production` if it is active or has an alias.
   */
  deleteModel(entry: DeletionEntry): Promise<ModelRow>;
  /** Removes the mark of a deleted model. @param modelId Its id. */
  restoreModel(modelId: string): Promise<void>;
  /** Sets or removes a model's name and note. @throws {Failure} `model-unknown`; `input-invalid` if a text is too long. */
  setNote(entry: NoteEntry): Promise<ModelRow>;
  /** Upgrades a registry of an earlier version. @returns Whether an upgrade was needed. */
  upgrade(): Promise<boolean>;
  /** Returns a string that differs after each change of the registry. Called for every request, so it must be fast. */
  stamp(): string;
  /**
   * Calls `onChange` after another process has changed the registry.
   *
   * @param onChange Must not reject. Calls do not overlap. It is called again soon if it returns false: the change could not be
   *   followed.
   * @param onReach Called when a registry elsewhere can no longer be read, with the reason, and when it can be again.
   */
  watch(onChange: () => Promise<boolean>, onReach?: (failure: Failure | undefined) => void): RegistryWatch;
  /** Set for a registry that is not in the data folder. */
  readonly remote?: RemoteRegistry;
  /** Calls that wait reject. */
  close(): Promise<void>;
}

/** The stored models and their registry. */
export interface Models {
  readonly artifacts: ArtifactStore;
  readonly registry: Registry;
}

/** The failure of an assignment whose expected assignment is no longer the newest. */
export class ConcurrentAssignment extends Failure {
  constructor() {
    super(
      "assignment-conflict",
      "The model in production was changed by another process: read GET /model and decide again.",
    );
  }
}
