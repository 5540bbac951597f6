import { Failure } from "../../failure.ts";
import { createFollowState } from "../follow_state.ts";
import type { Registry } from "../registry.ts";
import { readPostgresUrl } from "./address.ts";
import { createDatabase, type Queries } from "./database.ts";
import { follow } from "./follow.ts";
import { deleteModel, listAliases, removeAlias, setAlias, setNote } from "./note_queries.ts";
import {
  activeModel,
  assignmentAt,
  assignmentHistory,
  assignModel,
  findModel,
  listModels,
  previousModel,
  registerModel,
  restoreModel,
} from "./registry_queries.ts";
import {
  lockRegistry,
  migrate,
  readVersion,
  registrySteps,
  requireCurrent,
  requireKnown,
} from "./schema_queries.ts";

export interface PostgresRegistryOptions {
  /** The certificates, in PEM, of the authority that signed the server's; default: those of the system. */
  readonly ca?: string | undefined;
  /** How long a read, and how long a change may take, connecting included. */
  readonly readLimitMs: number;
  readonly changeLimitMs: number;
}

/** Several changes may wait for each other's lock; reads then use another connection. */
const connectionsMax = 3;
/** A new registry has some twenty statements. */
const migrationLimitMs = 20_000;

/**
 * Opens a registry in PostgreSQL. Nothing is connected before the first call. A registry that cannot be reached fails each call
 * with `store-unreachable` within its limit.
 *
 * @throws {Failure} `usage-invalid` for a URL that cannot be used.
 */
export function openPostgresRegistry(url: string, options: PostgresRegistryOptions): Registry {
  const { ca, readLimitMs, changeLimitMs } = options;
  const address = readPostgresUrl(url);
  const { place } = address;
  const database = createDatabase({ address, ca, connectionsMax });
  const state = createFollowState();
  /** The version that was found last: one that was current is not asked for again by this process. */
  let version: number | undefined;

  const read = <T>(action: string, work: (queries: Queries) => Promise<T>) =>
    database.run({ action, limitMs: readLimitMs }, async (queries) => {
      version ??= await readVersion(queries);
      requireCurrent(version, place);
      return await work(queries);
    });
  const change = async <T>(action: string, work: (queries: Queries) => Promise<T>) => {
    try {
      return await database.transact({ action, limitMs: changeLimitMs }, async (queries) => {
        version = await lockRegistry(queries);
        requireCurrent(version, place);
        return await work(queries);
      });
    } finally {
      // Also after a failure, which may have come after the change.
      state.change();
    }
  };
  const bringUpToDate = async () => {
    const work = { action: "create or upgrade the registry", limitMs: migrationLimitMs };
    const isChanged = await database.transact(work, (queries) => migrate(queries, place));
    version = registrySteps.length;
    return isChanged;
  };

  return {
    async registerModel(artifact, createdAt) {
      if (version !== registrySteps.length) await bringUpToDate();
      return await change(
        `register the model ${artifact.id}`,
        (queries) => registerModel(queries, artifact, createdAt),
      );
    },
    listModels: () => read("list the models", listModels),
    findModel: (name) => read("find a model", (queries) => findModel(queries, name)),
    activeModel: () => read("read the model in production", activeModel),
    history: (part) => read("read the history", (queries) => assignmentHistory(queries, part)),
    assignmentAt: (at) => read("read the history", (queries) => assignmentAt(queries, at)),
    previousModel: () => read("read the history", previousModel),
    assign: (entry) => change("put a model in production", (queries) => assignModel(queries, entry)),
    aliases: () => read("list the aliases", listAliases),
    setAlias: (entry) => change("set an alias", (queries) => setAlias(queries, entry)),
    removeAlias: (entry) => change("remove an alias", (queries) => removeAlias(queries, entry)),
    deleteModel: (entry) => change("delete a model", (queries) => deleteModel(queries, entry)),
    restoreModel: (modelId) => change("restore a model", (queries) => restoreModel(queries, modelId)),
    setNote: (entry) => change("set a model's name or note", (queries) => setNote(queries, entry)),
    async upgrade() {
      if (version === registrySteps.length) return false;
      const found = await database.run({ action: "read the registry", limitMs: readLimitMs }, readVersion)
        .catch(unlessMissing);
      if (found === undefined) return false;
      requireKnown(found, place);
      version = found;
      return found === registrySteps.length ? false : await bringUpToDate();
    },
    stamp: () => state.stamp,
    watch: (onChange, onReach) =>
      follow({ address, ca }, { state, onChange, onReach, onVersion: (found) => version = found }),
    remote: { place, state },
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}

/** @returns undefined for a registry that is not there yet. */
function unlessMissing(error: unknown): undefined {
  if (error instanceof Failure && error.kind === "store-missing") return;
  throw error;
}
