import type { Artifact } from "./artifact.ts";
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
}

/** One row of the history of the model in production. */
export interface Assignment {
  /** 1, 2, 3 … in the order in which they were made. */
  readonly assignmentId: number;
  readonly modelId: string;
  readonly version: number;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly assignedAt: number;
  readonly assignedBy: string;
  readonly reason: string | null;
}

export interface HistoryPart {
  /** The most that are read; without it, all. */
  readonly limit?: number;
  /** Only assignments older than the one with this id. */
  readonly before?: number;
}

/** A name that stands for a model, wherever an id does. It stands for one model at a time. */
export interface ModelAlias {
  readonly alias: string;
  readonly modelId: string;
}

/** A model to put in production, and the conditions on which. */
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

/** Follows a registry until it is stopped. */
export interface RegistryWatch {
  stop(): void;
}

/**
 * Which models there are, their aliases, and which model is in production. All of the program uses the registry through this
 * interface, so that the registry can be kept elsewhere; every method may reject with a failure of the store.
 */
export interface Registry {
  /** Makes a model known. A model that is known already keeps its version. @param createdAt Microseconds since 1970. */
  registerModel(
    artifact: Pick<Artifact, "id" | "checksum" | "metadata">,
    createdAt: number,
  ): Promise<ModelRow>;
  /** All models, the newest first. */
  listModels(): Promise<ModelRow[]>;
  /** Finds a model by its id, its version or an alias. @throws {Failure} `model-unknown` */
  findModel(name: string): Promise<ModelRow>;
  /** The model in production: the newest assignment, or undefined before the first. */
  activeModel(): Promise<Assignment | undefined>;
  /** Assignments, the newest first. */
  history(part?: HistoryPart): Promise<Assignment[]>;
  /**
   * What was in production at a moment.
   *
   * @param at Microseconds since 1970-01-01T00:00:00Z.
   * @throws {Failure} `assignment-missing` before the first assignment.
   */
  assignmentAt(at: number): Promise<Assignment>;
  /**
   * The model that a rollback puts back: of the newest assignment that names another model than the one in production.
   *
   * @throws {Failure} `rollback-impossible` if there is none.
   */
  previousModel(): Promise<ModelRow>;
  /**
   * Puts a model in production, if all conditions of the entry hold at that moment.
   *
   * @throws {Failure} `model-unknown`; `assignment-conflict` if another model is in production; {@link ConcurrentAssignment}.
   */
  assign(entry: AssignmentEntry): Promise<Assignment>;
  /** All aliases, by name. */
  aliases(): Promise<ModelAlias[]>;
  /**
   * Gives a model an alias; if another model has it, that one loses it.
   *
   * @throws {Failure} `input-invalid` for what cannot be an alias; `model-unknown`.
   */
  setAlias(entry: AliasEntry): Promise<ModelRow>;
  /**
   * Takes an alias from its model.
   *
   * @param entry.model An id, a version or an alias: the alias must be this model's. Without one, it may be any's.
   * @returns The model that had it.
   * @throws {Failure} `model-unknown`; `alias-unknown`.
   */
  removeAlias(entry: { readonly model?: string; readonly alias: string }): Promise<ModelRow>;
  /**
   * Brings a registry of an earlier version up to date.
   *
   * @returns Whether there was anything to do.
   */
  upgrade(): Promise<boolean>;
  /** Another text after each change of the registry; it is read at every request, so it must cost nothing. */
  stamp(): string;
  /**
   * Calls `onChange` after another process has changed the registry.
   *
   * @param onChange Never rejects. It is not called again before it is done.
   */
  watch(onChange: () => Promise<void>): RegistryWatch;
  close(): Promise<void>;
}

/** Models that were trained: the folder of their files, and the registry that knows them. */
export interface Models {
  readonly dir: string;
  readonly registry: Registry;
}

/** Another process has changed the model in production while this one prepared an assignment. */
export class ConcurrentAssignment extends Failure {
  constructor() {
    super(
      "assignment-conflict",
      "Another process has changed the model in production meanwhile: read GET /model and decide again.",
    );
  }
}
