import { Failure } from "../../failure.ts";
import type { Queries } from "./database.ts";

/**
 * Steps of a registry's schema: entry 0 leads from nothing to version 1. A released step is never changed. `SCHEMA` stands for the
 * quoted name of the schema.
 */
export const registrySteps: readonly string[] = [`
  CREATE TABLE SCHEMA.registry (
    only_row    boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    version     integer NOT NULL,
    registry_id text NOT NULL,             -- tells this registry from one that is created later in its place
    revision    bigint NOT NULL DEFAULT 0  -- grows with each change
  );
  COMMENT ON TABLE SCHEMA.registry IS 'clickwell''s registry of models';

  CREATE TABLE SCHEMA.models (
    model_id         text NOT NULL PRIMARY KEY,                   -- derived from the model's content
    version          bigint NOT NULL UNIQUE CHECK (version > 0),  -- 1, 2, 3 … in the order of registration
    created_at       bigint NOT NULL,                             -- microseconds since 1970-01-01T00:00:00Z
    hyper_parameters json NOT NULL,
    metrics          json NOT NULL,
    checksum         text NOT NULL                                -- SHA-256 of the artifact's files, hexadecimal
  );

  CREATE TABLE SCHEMA.model_aliases (
    alias    text NOT NULL PRIMARY KEY,
    model_id text NOT NULL REFERENCES SCHEMA.models (model_id),
    set_at   bigint NOT NULL,
    set_by   text NOT NULL
  );

  CREATE TABLE SCHEMA.model_notes (
    model_id   text NOT NULL PRIMARY KEY REFERENCES SCHEMA.models (model_id),
    name       text,
    note       text,
    deleted_at bigint,  -- the row of a deleted model stays, because the history refers to it
    deleted_by text
  );

  CREATE TABLE SCHEMA.production_model (
    assignment_id bigint NOT NULL PRIMARY KEY CHECK (assignment_id > 0),
    model_id      text NOT NULL REFERENCES SCHEMA.models (model_id),
    assigned_at   bigint NOT NULL,
    assigned_by   text NOT NULL,
    reason        text
  );

  CREATE FUNCTION SCHEMA.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
  CREATE FUNCTION SCHEMA.require_next() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE newest bigint;
    BEGIN
      EXECUTE format('SELECT coalesce(max(assignment_id), 0) FROM %I.production_model', TG_TABLE_SCHEMA) INTO newest;
      IF NEW.assignment_id <> newest + 1 THEN RAISE EXCEPTION 'production_model is append-only'; END IF;
      RETURN NEW;
    END $$;
  CREATE FUNCTION SCHEMA.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      EXECUTE format('UPDATE %I.registry SET revision = revision + 1', TG_TABLE_SCHEMA);
      PERFORM pg_notify('clickwell', TG_TABLE_SCHEMA);
      RETURN NULL;
    END $$;

  CREATE TRIGGER is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON SCHEMA.production_model
    FOR EACH STATEMENT EXECUTE FUNCTION SCHEMA.refuse_change();
  CREATE TRIGGER is_next BEFORE INSERT ON SCHEMA.production_model
    FOR EACH ROW EXECUTE FUNCTION SCHEMA.require_next();
  CREATE TRIGGER tells_change AFTER INSERT ON SCHEMA.production_model
    FOR EACH STATEMENT EXECUTE FUNCTION SCHEMA.tell_change();
  CREATE TRIGGER tells_change AFTER INSERT OR UPDATE OR DELETE ON SCHEMA.models
    FOR EACH STATEMENT EXECUTE FUNCTION SCHEMA.tell_change();
  CREATE TRIGGER tells_change AFTER INSERT OR UPDATE OR DELETE ON SCHEMA.model_aliases
    FOR EACH STATEMENT EXECUTE FUNCTION SCHEMA.tell_change();
  CREATE TRIGGER tells_change AFTER INSERT OR UPDATE OR DELETE ON SCHEMA.model_notes
    FOR EACH STATEMENT EXECUTE FUNCTION SCHEMA.tell_change();
`];

/** What a look at the registry sees. */
export interface Look {
  readonly version: number;
  /** Differs after each change. */
  readonly stamp: string;
}

/** Looks at the registry and asks for notifications on this connection. Behind pgbouncer, none come. */
export async function lookAndListen({ all, schema }: Queries): Promise<Look> {
  return lookOf(await all(`LISTEN clickwell; SELECT version, registry_id, revision FROM ${schema}.registry`));
}

/** Reads the version of the registry, which must be there. */
export async function readVersion({ all, schema }: Queries): Promise<number> {
  return lookOf(await all(`SELECT version, registry_id, revision FROM ${schema}.registry`)).version;
}

/**
 * Begins a change: it waits for others, and others wait for it. The limits end a transaction whose client was lost, which would
 * otherwise hold up all others.
 */
export async function lockRegistry({ all, schema }: Queries): Promise<number> {
  const rows = await all(`
    SET LOCAL lock_timeout = '1500ms'; SET LOCAL statement_timeout = '10s';
    SET LOCAL idle_in_transaction_session_timeout = '10s';
    SELECT version, registry_id, revision FROM ${schema}.registry FOR UPDATE
  `);
  return lookOf(rows).version;
}

function lookOf([row]: Awaited<ReturnType<Queries["all"]>>): Look {
  const version = Number(row?.version);
  if (!row || !Number.isSafeInteger(version)) {
    throw new Failure("store-invalid", "Cannot use the registry: its table registry has no version.");
  }
  return { version, stamp: `${row.registry_id} ${row.revision}` };
}

/**
 * Creates the registry, or brings an older one up to date, in the transaction of `queries`. Processes that do so at the same time
 * wait for each other.
 *
 * @param steps Default: those of this program.
 * @returns Whether there was something to do.
 * @throws {Failure} `store-newer`
 */
export async function migrate(
  { all, schema }: Queries,
  place: string,
  steps: readonly string[] = registrySteps,
): Promise<boolean> {
  await all("SELECT pg_advisory_xact_lock(hashtext('clickwell'), hashtext($1))", [schema]);
  const [{ found }] = await all("SELECT to_regclass($1) IS NOT NULL AS found", [`${schema}.registry`]);
  const version = found === true ? await readVersion({ all, schema }) : 0;
  requireKnown(version, place, steps);
  if (version === steps.length) return false;
  if (version === 0) {
    const [{ there }] = await all(
      "SELECT EXISTS (SELECT FROM pg_namespace WHERE quote_ident(nspname) = $1 OR '\"' || nspname || '\"' = $1) AS there",
      [schema],
    );
    if (there !== true) await all(`CREATE SCHEMA ${schema}`);
  }
  for (const step of steps.slice(version)) await all(step.replaceAll("SCHEMA.", () => `${schema}.`));
  if (version === 0) {
    await all(
      `INSERT INTO ${schema}.registry (version, registry_id) VALUES ($1::integer, md5(random()::text || clock_timestamp()::text))`,
      [steps.length],
    );
  } else await all(`UPDATE ${schema}.registry SET version = $1::integer`, [steps.length]);
  return true;
}

/** @throws {Failure} `store-newer` */
export function requireKnown(version: number, place: string, steps: readonly string[] = registrySteps): void {
  if (version <= steps.length) return;
  throw new Failure(
    "store-newer",
    `Cannot use the registry at ${place}: it is of version ${version}, this clickwell knows up to ${steps.length}. Use the newer ` +
      "clickwell.",
  );
}

/** @throws {Failure} `store-newer`, `store-older` */
export function requireCurrent(version: number, place: string): void {
  requireKnown(version, place);
  if (version === registrySteps.length) return;
  throw new Failure(
    "store-older",
    `Cannot use the registry at ${place}: it is of version ${version}, expected ${registrySteps.length}. Run clickwell serve or ` +
      "clickwell train with a user that may change its schema: that brings it up to date.",
  );
}
