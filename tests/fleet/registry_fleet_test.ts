import assert from "node:assert/strict";
import { join } from "node:path";
import { openRegistryAt } from "../../pipeline/model/open_registry.ts";
import { lastAssignmentFile } from "../../server/models/last_assignment.ts";
import { hasOpenssl, makeCertificates } from "../support/certificates.ts";
import { ask, eventually, type Fleet, startLoad, withFleet } from "../support/fleet.ts";
import { postgresPrograms, startPostgres } from "../support/postgres.ts";
import { inFolder, run } from "../support/program.ts";
import { withConnections } from "../support/registries.ts";
import type { ServeProcess } from "../support/serve_process.ts";
import { makeServedModels, probabilityOf, row } from "../support/served_models.ts";

const ignore = postgresPrograms === undefined;
if (ignore) {
  console.warn("PostgreSQL is not installed: the tests of a fleet are skipped. apt-get install postgresql");
}

/** Runs a test with two models in the registry, of which the first is in production. */
function fleetTest(name: string, test: (fleet: Fleet) => Promise<void>): void {
  Deno.test({ name: `fleet: ${name}`, ...withConnections, ignore, fn: () => withFleet(test) });
}

async function reachOf(server: ServeProcess): Promise<unknown> {
  const { status, json } = await ask(server, "/readyz");
  assert.equal(status, 200);
  return json.registry;
}

fleetTest(
  "three servers follow each other's assignments, on all threads, without a failed prediction",
  async (fleet) => {
    await using one = await fleet.start("one");
    await using two = await fleet.start("two");
    await using three = await fleet.start("three");
    const servers = [one, two, three];
    const load = startLoad(servers.map((process) => ({ process })), [fleet.first, fleet.second]);
    for (let i = 0; i < 12; i++) {
      const modelId = i % 2 === 0 ? fleet.second.id : fleet.first.id;
      const taking = servers[i % servers.length];
      assert.equal((await ask(taking, "/model", { model_id: modelId })).status, 200);
      const answers = await Promise.all([1, 2, 3, 4].map(() => ask(taking, "/predict", row)));
      assert.deepEqual(
        answers.map(({ json }) => json.model_id),
        new Array(4).fill(modelId),
        "at once where it was assigned",
      );
      for (const server of servers) {
        await eventually(async () => (await ask(server, "/model")).json.model_id === modelId, "following");
      }
    }
    assert.ok((await load.stop()).length > 0);
    const histories = await Promise.all(servers.map((server) => ask(server, "/model/history")));
    assert.equal(histories[0].json.history.length, 13);
    for (const { json } of histories) assert.deepEqual(json, histories[0].json);
  },
);

fleetTest(
  "stopped, frozen and out of reach, PostgreSQL takes no prediction with it, and is followed again",
  async (fleet) => {
    const { postgres, proxy, first, second } = fleet;
    await using one = await fleet.start("one");
    await using two = await fleet.start("two");
    const members = [{ process: one }, { process: two }];
    const load = startLoad(members, [first, second]);
    const faults = [
      { name: "stopped", begin: () => postgres.stop(), end: () => postgres.start() },
      { name: "frozen", begin: () => postgres.signal("SIGSTOP"), end: () => postgres.signal("SIGCONT") },
      { name: "silent", begin: () => void (proxy.mode = "silent"), end: () => void (proxy.mode = "open") },
      { name: "cut off", begin: () => void (proxy.mode = "closed"), end: () => void (proxy.mode = "open") },
    ];
    let inProduction = first.id;
    for (const { name, begin, end } of faults) {
      await begin();
      const modelId = inProduction === first.id ? second.id : first.id;
      const refused = await ask(one, "/model", { model_id: modelId });
      assert.deepEqual(
        [refused.status, refused.json.type],
        [503, "urn:clickwell:problem:store-unreachable"],
        name,
      );
      assert.doesNotMatch(refused.text, /postgres:\/\/|127\.0\.0\.1/);
      await eventually(async () => await reachOf(one) === "unreachable", `${name}: /readyz says so`);
      assert.match((await ask(one, "/metrics")).text, /^clickwell_registry_reachable 0$/m);
      assert.equal((await ask(two, "/models")).json.type, "urn:clickwell:problem:store-unreachable");
      await end();
      const start = performance.now();
      await eventually(async () => await reachOf(one) === "reachable", `${name}: back`);
      await eventually(async () => await reachOf(two) === "reachable", `${name}: back`);
      console.log(`${name}: reached again by two servers after ${Math.round(performance.now() - start)} ms`);
      assert.equal(
        (await ask(one, "/model")).json.model_id,
        inProduction,
        `${name}: what failed was not done`,
      );
      assert.equal((await ask(one, "/model", { model_id: modelId })).status, 200);
      await eventually(() => Promise.resolve(load.newest.get(members[1]) === modelId), `${name}: followed`);
      assert.match((await ask(two, "/metrics")).text, /^clickwell_registry_reachable 1$/m);
      inProduction = modelId;
    }
    assert.ok((await load.stop()).length > 0);
    for (const server of [one, two]) {
      server.kill("SIGINT");
      const { code, stderr } = await server.ended();
      assert.equal(code, 0);
      assert.match(stderr, /registry unreachable kind=store-unreachable/);
      assert.match(stderr, /registry reachable/);
      assert.doesNotMatch(stderr, new RegExp(encodeURIComponent(postgres.password)));
      assert.ok(!stderr.includes(postgres.password) && !/\bbug\b/.test(stderr), stderr);
    }
  },
);

fleetTest(
  "a change that others made while PostgreSQL was out of reach is followed when it is back",
  async (fleet) => {
    const { postgres, proxy, second } = fleet;
    await using server = await fleet.start("one");
    proxy.mode = "silent";
    const registry = await openRegistryAt({ dataDir: "none", url: postgres.url() });
    await registry.assign({ modelId: second.id, assignedAt: 4_000_000, assignedBy: "test" });
    await registry.setAlias({ model: second.id, alias: "champion", setAt: 0, setBy: "test" });
    await registry.close();
    await eventually(async () => await reachOf(server) === "unreachable", "unreachable");
    assert.equal((await ask(server, "/predict", row)).json.model_id, fleet.first.id);
    proxy.mode = "open";
    await eventually(
      async () => (await ask(server, "/predict", row)).json.model_id === second.id,
      "following",
    );
    await eventually(async () => (await ask(server, "/v2/models/champion")).status === 200, "its alias");
  },
);

fleetTest(
  "started again without the registry, a server has its last model; a new one waits, not ready",
  async (fleet) => {
    const { postgres, second, first } = fleet;
    {
      await using server = await fleet.start("one");
      assert.equal((await ask(server, "/model", { model_id: second.id })).status, 200);
      await postgres.stop();
      server.kill("SIGKILL");
      await server.ended();
    }
    await using again = await fleet.start("one");
    assert.equal(again.ready.model_id, second.id);
    await eventually(async () => await reachOf(again) === "unreachable", "/readyz says so");
    assert.deepEqual((await ask(again, "/readyz")).json, {
      ready: true,
      model_id: second.id,
      version: 2,
      registry: "unreachable",
    });
    assert.equal((await ask(again, "/predict", row)).json.model_id, second.id);
    await using fresh = await fleet.start("two");
    const waiting = await ask(fresh, "/readyz");
    assert.deepEqual([waiting.status, waiting.json.type], [503, "urn:clickwell:problem:model-missing"]);
    const kept = join(fleet.folderOf("one"), lastAssignmentFile);
    await Deno.mkdir(fleet.folderOf("three"));
    await Deno.writeTextFile(
      join(fleet.folderOf("three"), lastAssignmentFile),
      (await Deno.readTextFile(kept)).replaceAll(second.id, first.id),
    );
    await using damaged = await fleet.start("three");
    assert.equal((await ask(damaged, "/readyz")).status, 503);
    await postgres.start();
    for (const server of [again, fresh, damaged]) {
      await eventually(async () => (await ask(server, "/readyz")).json.registry === "reachable", "back");
      await eventually(
        async () => (await ask(server, "/predict", row)).json.model_id === second.id,
        "following",
      );
    }
  },
);

fleetTest(
  "an alias is resolved in every thread without a query for each request, and moves with the registry",
  async (fleet) => {
    const { postgres, first, second } = fleet;
    await using server = await fleet.start("one");
    const registry = await openRegistryAt({ dataDir: "none", url: postgres.url() });
    const point = (model: string) => registry.setAlias({ model, alias: "champion", setAt: 0, setBy: "test" });
    const inputs = Object.entries(row).map(([name, value]) => ({
      name,
      shape: [1],
      datatype: typeof value === "number" ? "FP64" : "BYTES",
      data: [value],
    }));
    const namedBy = async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => ask(server, "/v2/models/champion/infer", { inputs })),
      );
      return new Set(answers.map(({ json }) => json.outputs?.[0].data[0]));
    };
    for (const model of [second, first, second]) {
      await point(model.id);
      await eventually(async () => {
        const seen = await namedBy();
        return seen.size === 1 && seen.has(probabilityOf(model));
      }, `champion is ${model.id}`);
    }
    await registry.close();
    const connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clickwell'";
    assert.ok(
      Number((await postgres.query(connections))[0]) <= 4,
      "one to follow, three for the rest, for all threads",
    );
    await postgres.stop();
    assert.deepEqual(await namedBy(), new Set([probabilityOf(second)]), "without the registry, too");
  },
);

Deno.test({
  name: "fleet: commands use the registry over TLS, and repeat no secret",
  ...withConnections,
  ignore: ignore || !await hasOpenssl(),
  fn: () =>
    inFolder(async (folder) => {
      const certificates = await makeCertificates(join(folder, "certificates"), "DNS:localhost");
      await using postgres = await startPostgres({ tls: certificates });
      const models = makeServedModels();
      try {
        const url = postgres.url("sslmode=require").replace("127.0.0.1", "localhost");
        const registry = await openRegistryAt({ dataDir: "none", url: postgres.url() });
        for (const model of [models.first, models.second]) await registry.registerModel(model, 1);
        await registry.close();
        const folders = ["--data", join(folder, "data"), "--models", models.modelsDir];
        const env = { CLICKWELL_REGISTRY: url, CLICKWELL_REGISTRY_CA: certificates.authority };
        const calls = [
          ["activate", "1"],
          ["activate", "2", "--reason", "better"],
          ["rollback"],
          ["alias", "2", "challenger"],
          ["note", "2", "a note"],
          ["export", "2", join(folder, "exported")],
          ["unalias", "challenger"],
          ["delete", "2"],
          ["import", join(folder, "exported")],
        ];
        for (const call of calls) {
          const { code, stderr } = await run(["models", ...call, ...folders], { env });
          assert.equal(code, 0, `${call}: ${stderr}`);
        }
        const { stdout } = await run(["models", "history", "--json", ...folders], { env });
        assert.deepEqual(
          JSON.parse(stdout).history.map(({ model_id }: { model_id: string }) => model_id),
          [models.first.id, models.second.id, models.first.id],
        );
        const wrong = [
          [
            url.replace(encodeURIComponent(postgres.password), "hidden"),
            /refuses the user or the password/,
            1,
          ],
          [`${url}&hidden=1`, /parameter hidden/, 2],
          ["postgres://u:hidden@localhost", /does not name one database/, 2],
          ["http://u:hidden@localhost/x", /begin with postgres/, 2],
        ] as const;
        for (const [given, reason, expected] of wrong) {
          const { code, stdout, stderr } = await run([
            "models",
            "list",
            "--json",
            "--registry",
            given,
            ...folders,
          ], { env });
          assert.equal(code, expected, stderr);
          assert.match(stdout + stderr, reason);
          assert.doesNotMatch((stdout + stderr).replaceAll("parameter hidden", ""), /hidden/);
        }
        const untrusted = await run(["models", "list", ...folders], { env: { CLICKWELL_REGISTRY: url } });
        assert.deepEqual([untrusted.code, untrusted.stdout], [1, ""]);
        assert.match(
          untrusted.stderr,
          /none of the system's authorities; give the authority's certificate with --registry-ca/,
        );
      } finally {
        models.remove();
      }
    }),
});
