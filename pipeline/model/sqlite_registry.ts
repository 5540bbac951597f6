import { join } from "node:path";
import { listAliases, removeAlias, setAlias } from "./alias_queries.ts";
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
import { watchStamp } from "./registry_watch.ts";
import { whileBusy } from "../store/patience.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import { openStore, storeFileName } from "../store/store.ts";

/** How long one try may block the thread, which may be one that answers requests. */
const busyTimeoutMs = 5;

/**
 * The registry in the data folder. Each call opens the file and closes it again: nothing is kept open, so the file may be
 * restored, moved or made at any time. If another process writes, a call waits without blocking the thread.
 *
 * @param options.patienceMs How long a call waits.
 */
export function openRegistry(dataDir: string, options: { readonly patienceMs?: number } = {}): Registry {
  const { patienceMs = 5_000 } = options;
  const visit = <T>(mode: "read" | "write", work: (file: RegistryFile) => T) =>
    whileBusy(patienceMs, () => {
      try {
        return use(dataDir, mode, work);
      } catch (error) {
        throw asFailure(error, "use the registry");
      }
    });
  const read = <T>(work: (file: RegistryFile) => T) => visit("read", work);
  const write = <T>(work: (file: RegistryFile) => T) => visit("write", work);
  const stamp = () => stampOf(dataDir);
  return {
    registerModel: (artifact, createdAt) => write((file) => registerModel(file, artifact, createdAt)),
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
    upgrade: () => write(() => true),
    stamp,
    watch: (onChange) => watchStamp(stamp, onChange),
    close: () => Promise.resolve(),
  };
}

function use<T>(dataDir: string, mode: "read" | "write", work: (file: RegistryFile) => T): T {
  const store = openStore(dataDir, { mode, busyTimeoutMs });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

/** Of the file's times and sizes, which cost nothing to read; empty lines if it cannot be read: opening it will tell. */
function stampOf(dataDir: string): string {
  return ["", "-wal"].map((suffix) => {
    try {
      const { mtime, size, ino } = Deno.lstatSync(join(dataDir, storeFileName + suffix));
      return `${mtime?.getTime()} ${size} ${ino}`;
    } catch {
      return "";
    }
  }).join("\n");
}
