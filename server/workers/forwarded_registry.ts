import { createFollowState } from "../../pipeline/model/follow_state.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import type { RpcPeer } from "./rpc.ts";

/** The reads of a registry, as a worker calls them: one payload each. */
export interface RegistryReads {
  listModels(payload: undefined): ReturnType<Registry["listModels"]>;
  findModel(name: string): ReturnType<Registry["findModel"]>;
  activeModel(payload: undefined): ReturnType<Registry["activeModel"]>;
  history(part: Parameters<Registry["history"]>[0]): ReturnType<Registry["history"]>;
  assignmentAt(at: number): ReturnType<Registry["assignmentAt"]>;
  previousModel(payload: undefined): ReturnType<Registry["previousModel"]>;
  aliases(payload: undefined): ReturnType<Registry["aliases"]>;
}

/** Answers the reads of workers. */
export function registryReadsOf(registry: () => Registry): RegistryReads {
  return {
    listModels: () => registry().listModels(),
    findModel: (name) => registry().findModel(name),
    activeModel: () => registry().activeModel(),
    history: (part) => registry().history(part),
    assignmentAt: (at) => registry().assignmentAt(at),
    previousModel: () => registry().previousModel(),
    aliases: () => registry().aliases(),
  };
}

/** What a worker knows of a registry that is not in the data folder. */
export interface ForwardedPlace {
  readonly place: string;
  /** Memory of the state that the primary thread keeps. */
  readonly state: SharedArrayBuffer;
}

/**
 * Reads a registry through the primary thread, which alone is connected to it and follows it. Changes are refused: the routes that
 * make them run in the primary thread.
 */
export function createForwardedRegistry(
  primary: Pick<RpcPeer<RegistryReads>, "call">,
  { place, state: memory }: ForwardedPlace,
  refuse: () => Promise<never>,
): Registry {
  const state = createFollowState(memory);
  return {
    listModels: () => primary.call("listModels", undefined),
    findModel: (name) => primary.call("findModel", name),
    activeModel: () => primary.call("activeModel", undefined),
    history: (part) => primary.call("history", part),
    assignmentAt: (at) => primary.call("assignmentAt", at),
    previousModel: () => primary.call("previousModel", undefined),
    aliases: () => primary.call("aliases", undefined),
    registerModel: refuse,
    assign: refuse,
    upgrade: refuse,
    setAlias: refuse,
    removeAlias: refuse,
    deleteModel: refuse,
    restoreModel: refuse,
    setNote: refuse,
    stamp: () => state.stamp,
    watch: () => ({ stop: () => Promise.resolve() }),
    remote: { place, state },
    close: () => Promise.resolve(),
  };
}
