import type { MessagePort } from "node:worker_threads";
import type { FailureKind } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { RequestLogMode } from "../http/request_log.ts";
import type { WorkerStats } from "../metrics/counters_snapshot.ts";
import type { ModelContent, ModelName } from "../models/loaded_model.ts";
import type { VertexPaths } from "../protocols/vertex.ts";
import type { LogFields, LogLevel } from "../runtime/log.ts";
import type { ForwardedPlace, RegistryReads } from "./forwarded_registry.ts";
import type { SerializedRequest, SerializedResponse } from "./request_forwarding.ts";

/** The data with which a worker is started. */
export interface WorkerData {
  readonly dataDir: string;
  readonly modelsDir: string;
  readonly vertex: VertexPaths | undefined;
  readonly logRequests: RequestLogMode;
  /** Writes need a token. */
  readonly guarded: boolean;
  readonly sharedState: SharedArrayBuffer;
  readonly unloadedModels: SharedArrayBuffer;
  /** Set for a registry that is not in the data folder. */
  readonly registry: ForwardedPlace | undefined;
  /** Connects to the primary thread. It closes there when the worker exits. */
  readonly port: MessagePort;
}

/** The methods of a worker that the primary thread calls. */
export interface WorkerApi {
  /**
   * Loads a model and keeps it ready for a generation of the shared state; without `model`, prepares to have none.
   *
   * @returns False if the worker does not have the model: call again, with its content.
   */
  prepare(request: {
    readonly generation: number;
    readonly model?: ModelName;
    readonly content?: ModelContent;
    readonly assignment?: Assignment;
  }): boolean;
  /** Sets the reason why there is no model. */
  explain(reason: { readonly kind: FailureKind; readonly message: string }): void;
  /** @throws {Failure} `address-unusable` */
  listen(address: { readonly hostname: string; readonly port: number }): void;
  collect(request: undefined): WorkerStats;
  /** @returns False if some connections were still busy. */
  drain(request: { readonly timeoutMs: number }): Promise<boolean>;
}

/** The methods of the primary thread that workers call. */
export interface PrimaryApi extends RegistryReads {
  /** Answers a request to a route of the whole process, after checking that it may be made. */
  forward(request: SerializedRequest): Promise<SerializedResponse>;
  /** @throws {Failure} if the sender of the request may not write. */
  authorizeWrite(head: SerializedRequest): void;
  log(line: { readonly level: LogLevel; readonly event: string; readonly fields: LogFields }): void;
}
