import {
  createExampleLookup,
  type ExampleLookup,
  type StoredRow,
} from "../../pipeline/examples/example_lookup.ts";
import { Failure } from "../../pipeline/failure.ts";
import { jsonText, memberOf } from "../../pipeline/exact_json.ts";
import { asFailure, retryWhileBusy, sqliteCode } from "../../pipeline/store/sqlite_failure.ts";
import { layoutOf } from "../../pipeline/store/layout.ts";
import { schemaVersionOf } from "../../pipeline/store/schema.ts";
import { openStore, type Store } from "../../pipeline/store/store.ts";
import type { ServingModel } from "../models/loaded_model.ts";
import { storeKeysOf } from "./store_key.ts";
import { isObject } from "../../pipeline/exact_json.ts";

export type Row = Readonly<Record<string, unknown>>;

/** Looks up raw fields in the store by key. Only requests that need a lookup wait for the store. */
export type StoredRows = ReturnType<typeof createStoredRows>;

/** How long one attempt may block the thread, and how long a busy store is retried. */
const busyTimeoutMs = 5;
const patienceMs = 500;

interface Connection {
  readonly store: Store;
  /** Identifies the file that was opened. */
  readonly stamp: string;
  model: ServingModel | undefined;
  /** Increases when the tables or views change. */
  readonly schemaVersion: () => unknown;
  lookup: ExampleLookup | undefined;
  lookupVersion: unknown;
}

/**
 * Creates a feature lookup over a read-only connection, which is opened at first use and again when another file replaces
 * the store.
 */
export function createStoredRows(dataDir: string) {
  const { withLookup, close } = createLookups(dataDir);
  return {
    /** Returns true if the row lacks fields and has a key by which the store may have them. */
    canComplete: (model: ServingModel, row: unknown): row is Row =>
      model.keys !== undefined && isObject(row) &&
      (isGiven(memberOf(row, model.keys.id)) || isGiven(memberOf(row, model.keys.group))) &&
      model.predictor.fields.some(({ name }) => memberOf(row, name) === undefined),
    /**
     * Adds stored fields to a row. Fields that were sent take precedence over stored ones.
     *
     * @param row A row that `canComplete` accepts.
     * @throws {Failure} `row-unknown`; `input-invalid` for an invalid key; `lookup-unindexed`; a failure of the store.
     */
    async complete(model: ServingModel, row: Row): Promise<Row> {
      const { id, group } = namesOf(model);
      const ids = storeKeysOf(memberOf(row, id), id);
      const groups = storeKeysOf(memberOf(row, group), group);
      const find = (lookup: ExampleLookup, i: number) => {
        const [idValue, groupValue] = [ids.at(i), groups.at(i)];
        if (idValue !== undefined) return lookup.example(idValue, groupValue);
        return groupValue === undefined ? undefined : lookup.group(groupValue);
      };
      const hasOthers = ids.length > 1 || groups.length > 1;
      const stored = await withLookup(
        model,
        (lookup) => find(lookup, 0) ?? (hasOthers ? find(lookup, -1) : undefined),
      );
      if (!stored) throw rowUnknownFailure(model, row);
      return { ...stored, ...row };
    },
    /** Returns the rows of a group, with their ids. @throws {Failure} as `complete` does. */
    async rowsOf(model: ServingModel, group: unknown, rowsMax: number): Promise<StoredRow[]> {
      const name = namesOf(model).group;
      const keys = storeKeysOf(group, name);
      const rows = await withLookup(model, (lookup) => {
        for (const key of keys) {
          const found = lookup.examplesOf(key, rowsMax);
          if (found.length > 0) return found;
        }
        return [];
      });
      if (rows.length === 0) throw rowUnknownFailure(model, { [name]: group });
      return rows;
    },
    close,
  };
}

/** Runs queries on the store, retrying while it is busy. */
function createLookups(dataDir: string) {
  let connection: Connection | undefined;

  function close(): void {
    connection?.store.close();
    connection = undefined;
  }

  function lookupOf(model: ServingModel): ExampleLookup {
    const stamp = stampOf(dataDir);
    if (connection?.stamp !== stamp) close();
    connection ??= connect(dataDir, stamp);
    const version = connection.schemaVersion();
    if (connection.model !== model || !connection.lookup || connection.lookupVersion !== version) {
      const { keys, predictor: { fields } } = model;
      if (!keys) throw new Error("a model without keys cannot look up a row");
      connection.lookup = createExampleLookup(connection.store.db, {
        keys,
        fields,
        now: () => performance.now(),
      });
      connection.model = model;
      connection.lookupVersion = version;
    }
    return connection.lookup;
  }

  return {
    /** @throws {Failure} of the store. */
    withLookup: <T>(model: ServingModel, query: (lookup: ExampleLookup) => T): Promise<T> =>
      retryWhileBusy(patienceMs, () => {
        try {
          return query(lookupOf(model));
        } catch (error) {
          const failure = storeFailure(error);
          if (!(failure instanceof Failure) || failure.kind.startsWith("store-")) close();
          throw failure;
        } finally {
          // A store of an older format can be split only while no connection is open.
          if (connection?.store.isOlder) close();
        }
      }),
    close,
  };
}

function connect(dataDir: string, stamp: string): Connection {
  const store = openStore(dataDir, { mode: "read", busyTimeoutMs, isLongLived: true });
  return {
    store,
    stamp,
    model: undefined,
    schemaVersion: schemaVersionOf(store),
    lookup: undefined,
    lookupVersion: undefined,
  };
}

function namesOf({ keys }: ServingModel): { readonly id: string; readonly group: string } {
  return keys ?? { id: "", group: "" };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function rowUnknownFailure(model: ServingModel, row: Row): Failure {
  const { id, group } = namesOf(model);
  const keys = [...new Set([id, group])].filter((name) => isGiven(memberOf(row, name))).map((name) =>
    `${name} ${jsonText(row[name]).slice(0, 80)}`
  );
  return new Failure(
    "row-unknown",
    `The store has no row with ${keys.join(" and ")}. Load it with clickwell ingest, or send the fields.`,
  );
}

/** Converts an error of SQLite. SQL that was generated for the model's spec fails only if the store has another schema. */
function storeFailure(error: unknown): unknown {
  const failure = asFailure(error, "look up a row");
  if (failure instanceof Failure || sqliteCode(error) !== 1) return failure;
  return new Failure(
    "store-invalid",
    `Cannot look up a row: ${
      error instanceof Error ? error.message : error
    }. The model was trained on another schema.`,
  );
}

/** Returns a string that changes when another file replaces the store; empty if there is no store. */
function stampOf(dataDir: string): string {
  try {
    const { dev, ino } = Deno.lstatSync(layoutOf(dataDir).tables);
    return `${dev} ${ino}`;
  } catch {
    // The file is missing or not readable; opening it reports which.
    return "";
  }
}
