import assert from "node:assert/strict";
import { Failure } from "../../../pipeline/failure.ts";
import { openRegistryAt } from "../../../pipeline/model/open_registry.ts";
import { readPostgresUrl } from "../../../pipeline/model/postgres/address.ts";
import { createDatabase } from "../../../pipeline/model/postgres/database.ts";
import { migrate, registrySteps } from "../../../pipeline/model/postgres/schema_queries.ts";
import type { Registry } from "../../../pipeline/model/registry.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { namedArtifact } from "../../support/named_artifact.ts";
import { postgresPrograms, type PostgresServer } from "../../support/postgres.ts";
import { inPostgres, sharedPostgres, stopSharedPostgres, withConnections } from "../../support/registries.ts";

const [one, two] = ["1", "2"].map(namedArtifact);
const newest = { modelId: "1", assignedAt: 1_000, assignedBy: "a test" };
const patience = { readMs: 1_000, changeMs: 1_000 };

/** Tests with a server of PostgreSQL that the tests of this file share. */
function postgresTest(name: string, run: (server: PostgresServer) => Promise<void>): void {
  Deno.test({
    name: `PostgreSQL registry: ${name}`,
    ...withConnections,
    ignore: postgresPrograms === undefined,
    fn: async () => run(await sharedPostgres()),
  });
}

Deno.test.afterAll(stopSharedPostgres);

/** Opens a registry for some work. */
async function withRegistry<T>(url: string, work: (registry: Registry) => Promise<T>): Promise<T> {
  const registry = await openRegistryAt({ dataDir: "none", url }, patience);
  try {
    return await work(registry);
  } finally {
    await registry.close();
  }
}

function changed(url: string, change: (url: URL) => void): string {
  const made = new URL(url);
  change(made);
  return made.href;
}

postgresTest("the first registration creates its schema; before it, there is no registry", async (server) => {
  await withRegistry(server.url('schema=of a "user"$$%26'), async (registry) => {
    await assertRejected(registry.listModels(), "store-missing", /not there yet; clickwell train creates it/);
    assert.equal(await registry.upgrade(), false);
    assert.equal((await registry.registerModel(one, 5)).version, 1);
    assert.equal((await registry.listModels()).length, 1);
  });
});

postgresTest("processes that create it at the same time create one", async (server) => {
  const url = server.url("schema=at_once");
  const digits = ["1", "2", "3", "4", "5", "6"];
  const rows = await Promise.all(
    digits.map((digit) => withRegistry(url, (registry) => registry.registerModel(namedArtifact(digit), 0))),
  );
  assert.deepEqual(rows.map(({ version }) => version).sort(), [1, 2, 3, 4, 5, 6]);
});

postgresTest("an older one is brought up to date in one transaction, once", async (server) => {
  const address = readPostgresUrl(server.url("schema=older"));
  const work = { action: "upgrade", limitMs: 20_000 };
  const upgraded = async (steps: readonly string[]) => {
    const database = createDatabase({ address, connectionsMax: 1 });
    try {
      return await database.transact(work, (queries) => migrate(queries, address.place, steps));
    } finally {
      database.close();
    }
  };
  const later = [...registrySteps, "CREATE TABLE SCHEMA.later (id bigint)"];
  assert.equal(await upgraded(registrySteps), true);
  await withRegistry(server.url("schema=older"), (registry) => registry.registerModel(one, 0));
  await assert.rejects(
    upgraded([...later, "CREATE TABLE SCHEMA.later (id bigint)"]),
    /already exists|other tables/,
  );
  assert.deepEqual(await server.query("SELECT version FROM older.registry"), [String(registrySteps.length)]);
  const outcomes = await Promise.all([upgraded(later), upgraded(later), upgraded(later)]);
  assert.deepEqual(outcomes.toSorted(), [false, false, true]);
  assert.deepEqual(await server.query("SELECT count(*) FROM older.later"), ["0"]);
  assert.deepEqual(await server.query("SELECT model_id FROM older.models"), [one.id]);
});

postgresTest("one of a later version is not used, and says so", async (server) => {
  const url = server.url("schema=newer");
  await withRegistry(url, (registry) => registry.registerModel(one, 0));
  await server.query("UPDATE newer.registry SET version = 99");
  await withRegistry(url, async (registry) => {
    const uses: readonly (() => Promise<unknown>)[] = [
      () => registry.listModels(),
      () => registry.assign(newest),
      () => registry.registerModel(two, 0),
      () => registry.upgrade(),
    ];
    for (const use of uses) {
      await assertRejected(use(), "store-newer", /is of version 99, this clickwell knows up to 1/);
    }
  });
  assert.deepEqual(await server.query("SELECT count(*) FROM newer.models"), ["1"]);
});

postgresTest(
  "a change by a process that knew an earlier version is refused after an upgrade",
  async (server) => {
    await withRegistry(server.url("schema=passed"), async (registry) => {
      await registry.registerModel(one, 0);
      await server.query("UPDATE passed.registry SET version = 2");
      await assertRejected(registry.assign(newest), "store-newer", /version 2/);
    });
  },
);

postgresTest(
  "a wrong user, password, database, schema and port are told apart, and no secret is repeated",
  async (server) => {
    await server.query(
      "CREATE SCHEMA other; CREATE TABLE other.models (x int); CREATE TABLE other.registry (x int)",
    );
    await server.query("CREATE ROLE reader LOGIN PASSWORD 'hidden'");
    const url = server.url();
    const wrong = [
      [changed(url, (made) => made.password = "hidden"), "store-invalid", /refuses the user or the password/],
      [changed(url, (made) => made.username = "nobody"), "store-invalid", /refuses the user or the password/],
      [changed(url, (made) => made.pathname = "/hidden_base"), "store-invalid", /no such database/],
      [changed(url, (made) => made.port = "1"), "store-unreachable", /nothing listens there/],
      [
        changed(url, (made) => made.hostname = "no.such.host.invalid"),
        "store-unreachable",
        /name is unknown/,
      ],
      [server.url("schema=other"), "store-invalid", /the schema has other tables/],
      [server.url("sslmode=require"), "store-invalid", /does not encrypt/],
    ] as const;
    for (const [given, kind, reason] of wrong) {
      await withRegistry(given, async (registry) => {
        for (const use of [() => registry.listModels(), () => registry.registerModel(one, 0)]) {
          const failure = await use().then(() => undefined, (error) => error);
          assert.ok(failure instanceof Failure, String(failure));
          assert.equal(failure.kind, kind, failure.message);
          assert.match(failure.message, reason);
          assert.doesNotMatch(failure.message, /hidden(?!_base)|a%2Fb|a\/b@c/);
        }
      });
    }
    assert.deepEqual(await server.query("SELECT count(*) FROM other.models"), ["0"]);
  },
);

postgresTest(
  "a user that may only read follows it; what it may not do names the permission",
  async (server) => {
    await server.query("CREATE ROLE follower LOGIN PASSWORD 'p'");
    const url = changed(server.url("schema=shared"), (made) => {
      made.username = "follower";
      made.password = "p";
    });
    await withRegistry(
      url,
      (registry) => assertRejected(registry.registerModel(one, 0), "store-invalid", /lacks a permission/),
    );
    await withRegistry(server.url("schema=shared"), (registry) => registry.registerModel(one, 0));
    await withRegistry(
      url,
      (registry) => assertRejected(registry.listModels(), "store-invalid", /lacks a permission/),
    );
    await server.query(
      "GRANT USAGE ON SCHEMA shared TO follower; GRANT SELECT ON ALL TABLES IN SCHEMA shared TO follower",
    );
    await withRegistry(url, async (registry) => {
      assert.equal((await registry.listModels()).length, 1);
      await assertRejected(registry.assign(newest), "store-invalid", /lacks a permission/);
      const told = new Promise<void>((resolve) => {
        const watch = registry.watch(() => {
          watch.stop();
          resolve();
          return Promise.resolve(true);
        });
      });
      await told;
      assert.equal(registry.remote?.state.reach, "reachable");
    });
  },
);

postgresTest("a text that PostgreSQL cannot keep is refused without a trace", async (server) => {
  await withRegistry(server.url("schema=texts"), async (registry) => {
    await registry.registerModel(one, 0);
    await assertRejected(
      registry.assign({ ...newest, reason: "a\0b" }),
      "input-invalid",
      /a character that PostgreSQL cannot keep/,
    );
    assert.deepEqual(await registry.history(), []);
    const reason = `"'; DROP TABLE production_model; -- $1 \\ é😀`;
    assert.equal((await registry.assign({ ...newest, reason })).reason, reason);
    assert.equal((await registry.history())[0].reason, reason);
  });
});

postgresTest(
  "a client that is lost in the middle of a change does not hold up the others for long",
  async (server) => {
    const url = server.url("schema=lost");
    await withRegistry(url, async (registry) => {
      await registry.registerModel(one, 0);
      const address = readPostgresUrl(url);
      const other = createDatabase({ address, connectionsMax: 1 });
      let free = () => {};
      const locked = other.transact({ action: "hold", limitMs: 30_000 }, async (queries) => {
        await queries.all("SELECT FROM lost.registry FOR UPDATE");
        await new Promise<void>((resolve) => free = resolve);
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      await withRegistry(url, async () => {
        const patient = await openRegistryAt({ dataDir: "none", url }, { readMs: 5_000, changeMs: 5_000 });
        await assertRejected(
          patient.assign(newest),
          "store-busy",
          /another process is changing the registry/,
        );
        await patient.close();
      });
      await assertRejected(registry.assign(newest), "store-unreachable", /did not answer within 1 s/);
      assert.deepEqual(await registry.history(), [], "reading does not wait");
      free();
      await locked;
      other.close();
      assert.equal((await registry.assign(newest)).assignmentId, 1);
    });
  },
);

postgresTest("followers notice one that takes the place of another with the same ids", async (server) => {
  const url = server.url("schema=replaced");
  await withRegistry(url, async (registry) => {
    await registry.registerModel(one, 0);
    await registry.assign(newest);
    let told = () => {};
    const watch = registry.watch(() => {
      told();
      return Promise.resolve(true);
    });
    await new Promise<void>((resolve) => told = resolve);
    const isTold = new Promise<void>((resolve) => told = resolve);
    await server.query("DROP SCHEMA replaced CASCADE");
    await withRegistry(url, async (other) => {
      await other.registerModel(two, 0);
      await other.assign(newest);
    });
    await isTold;
    watch.stop();
    assert.equal((await registry.activeModel())?.modelId, two.id);
  });
});

Deno.test({
  name: "PostgreSQL registry: closing it twice, and before its first use, is harmless",
  ...withConnections,
  ignore: inPostgres.ignore,
  async fn() {
    const registry = await openRegistryAt({ dataDir: "none", url: (await sharedPostgres()).url() });
    await registry.close();
    await registry.close();
  },
});
