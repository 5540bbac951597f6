import { listAliases, removeAlias, setAlias } from "./alias_queries.ts";
import { deleteModel, restoreModel, setNote } from "./note_queries.ts";
import type { Registry } from "./registry.ts";
import {
  activeModel,
  assignmentAt,
  assignmentHistory,
  assignModel,
  findModel,
  listModels,
  previousModel,
  registerModel,
  type RegistryFile,
} from "./registry_queries.ts";
import { watchRegistry } from "./registry_watch.ts";
import { asFailure, retryWhileBusy } from "../store/sqlite_failure.ts";
import { layoutOf } from "../store/layout.ts";
import { isOlderFile, splitOlder } from "../store/upgrade/older_store.ts";
import { openRegistryFile } from "../store/registry_file.ts";
import { fileAt, type FileOptions } from "../store/store_file.ts";

/** How long one attempt may block the thread, which may be serving requests. */
const busyTimeoutMs = 5;

/**
 * Opens the registry in the data folder. Each call opens and closes the file, so that the file can be restored, moved or
 * created at any time. If another process is writing, a call waits without blocking the thread.
 *
 * @param options.patienceMs How long a call waits.
 */
export function openRegistry(dataDir: string, options: { readonly patienceMs?: number } = {}): Registry {
  const { patienceMs = 5_000 } = options;
  const closing = new AbortController();
  const patiently = <T>(attempt: () => T) => retryWhileBusy(patienceMs, attempt, closing.signal);
  const withFile = <T>(mode: FileOptions["mode"], work: (file: RegistryFile) => T) =>
    patiently(() => {
      try {
        return use(dataDir, mode, work);
      } catch (error) {
        throw asFailure(error, "use the registry");
      }
    });
  const read = <T>(work: (file: RegistryFile) => T) => withFile("read", work);
  const write = <T>(work: (file: RegistryFile) => T) => withFile("write", work);
  const stamp = () => stampOf(dataDir);
  return {
    registerModel: (artifact, createdAt) =>
      withFile("create", (file) => registerModel(file, artifact, createdAt)),
    listModels: () => read(listModels),
    findModel: (name) => read((file) => findModel(file, name)),
    activeModel: () => read(activeModel),
    history: (part) => read((file) => assignmentHistory(file, part)),
    assignmentAt: (at) => read((file) => assignmentAt(file, at)),
    previousModel: () => read(previousModel),
    assign: (entry) => write((file) => assignModel(file, entry)),
    aliases: () => read(listAliases),
    setAlias: (entry) => write((file) => setAlias(file, entry)),
    removeAlias: (entry) => write((file) => removeAlias(file, entry)),
    deleteModel: (entry) => write((file) => deleteModel(file, entry)),
    restoreModel: (modelId) => write((file) => restoreModel(file, modelId)),
    setNote: (entry) => write((file) => setNote(file, entry)),
    upgrade: () => patiently(() => upgrade(dataDir)),
    stamp,
    watch: (onChange) => watchRegistry({ look: stamp, onChange }),
    close() {
      closing.abort();
      return Promise.resolve();
    },
  };
}

function use<T>(dataDir: string, mode: FileOptions["mode"], work: (file: RegistryFile) => T): T {
  const file = openRegistryFile(dataDir, { mode, busyTimeoutMs });
  try {
    return work(file);
  } finally {
    file.close();
  }
}

/** Splits a store of an older version, or resumes an interrupted split. @returns Whether there was one. */
function upgrade(dataDir: string): boolean {
  const options = { mode: "write", busyTimeoutMs } as const;
  const { registry, tables, lock } = layoutOf(dataDir);
  if (fileAt(tables) && fileAt(registry) && !fileAt(lock)) return false;
  const wasInterrupted = fileAt(lock) !== undefined;
  if (!wasInterrupted && !isOlderFile(registry, options) && !isOlderFile(tables, options)) return false;
  splitOlder(dataDir, options);
  return true;
}

/** File times have millisecond resolution: a second change within the same millisecond would not be visible. */
const settledAfterMs = 20;
let unsettled = 0;

/** Made of the file's time and size, which are cheap to read. A file that cannot be read gives an empty line; opening it reports why. */
function stampOf(dataDir: string): string {
  const { registry } = layoutOf(dataDir);
  // An older store that has not been upgraded has a WAL file.
  return [registry, `${registry}-wal`].map((path) => {
    try {
      const { mtime, size, ino } = Deno.lstatSync(path);
      const time = mtime?.getTime() ?? 0;
      return `${time} ${size} ${ino}${Date.now() - time < settledAfterMs ? ` ${++unsettled}` : ""}`;
    } catch {
      return "";
    }
  }).join("\n");
}
