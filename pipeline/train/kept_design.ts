import { deserialize, serialize } from "node:v8";
import { recordOf } from "../chunks/chunk_file.ts";
import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import { createColumnHash, loadChunks, writeChunks } from "../chunks/kept_chunks.ts";
import type { DesignChunk, DesignMatrix, FactorGroup } from "../encode/design_matrix.ts";
import { cachedFile, type CacheOptions } from "../examples/cache/cached_examples.ts";
import { hashOfDesign } from "../examples/cache/cache_name.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Store } from "../store/store.ts";
import { type HyperParameters, preparationOf } from "./hyper_parameters.ts";
import type { Prepared } from "./prepare.ts";

/** All of a `Prepared` but the chunks of its design: plain data in memory that is not shared. */
interface Rest extends Omit<Prepared, "design" | "binned"> {
  readonly design: Omit<DesignMatrix, "chunks" | "groups"> & {
    readonly groups: readonly (Omit<FactorGroup, "columns"> & { readonly columns: Int32Array })[];
  };
}

/**
 * The file beside the tables that keeps their examples as a training prepared them. The next training with the same spec and the same
 * split, such as one of another strength, neither reads nor encodes them: it begins with the same design, bit for bit.
 */
export function keptDesign(
  store: Store,
  spec: FeatureSpec,
  hyperParameters: HyperParameters,
  options: CacheOptions,
) {
  const { budget, observe = () => {} } = options;
  const preparation = preparationOf(spec, hyperParameters);
  const contents = hashOfDesign(spec, preparation);
  // A search for tables takes minutes and needs the rows as bins, too.
  const file = cachedFile(store, contents, preparation.withTables ? { ...options, cacheBytes: 0 } : options);
  return {
    /** @returns undefined if there is none. */
    load: (): Promise<Prepared | undefined> =>
      file.load((path) => loadDesign(path, createChunkStore(budget), observe)),
    /** Keeps what was read and prepared since `keptDesign` was called, if there is room. */
    async keep(prepared: Prepared): Promise<void> {
      const pause = () => observe(prepared.account.read);
      await file.keep(prepared.design.chunks, (path) => writeDesign(path, prepared, pause));
    },
  };
}

function createDesignHash() {
  const hash = createColumnHash();
  return {
    add: (chunk: DesignChunk) => hash.addColumns(recordOf(chunk).columns.map(({ column }) => column)),
    digest: hash.digest,
  };
}

async function writeDesign(path: string, prepared: Prepared, pause: () => void): Promise<void> {
  const { design: { chunks, groups, ...design }, binned: _, ...others } = prepared;
  const rest: Rest = {
    ...others,
    design: {
      ...design,
      groups: groups.map((group) => ({ ...group, columns: Int32Array.from(group.columns) })),
    },
  };
  await writeChunks(path, { chunks, head: {}, rest: [serialize(rest)], hash: createDesignHash() }, pause);
}

async function loadDesign(
  path: string,
  chunkStore: ChunkStore,
  observe: (rowCount: number) => void,
): Promise<Prepared | undefined> {
  let rows = 0;
  const loaded = await loadChunks<DesignChunk, object, Rest>(path, {
    chunkStore,
    open: (bytes) => ({ rest: deserialize(bytes), hash: createDesignHash() }),
    pause: ({ labels }) => observe(rows += labels.length),
  });
  if (!loaded) return undefined;
  const { chunks, rest: { design, ...others } } = loaded;
  const groups = design.groups.map((group) => {
    const columns = sharedInt32(group.columns.length);
    columns.set(group.columns);
    return { ...group, columns };
  });
  return { ...others, design: { ...design, groups, chunks } };
}
