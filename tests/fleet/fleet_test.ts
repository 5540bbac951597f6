import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact } from "../../pipeline/model/artifact.ts";
import { openRegistryAt } from "../../pipeline/model/open_registry.ts";
import { lastAssignmentFile } from "../../server/models/last_assignment.ts";
import {
  ask,
  eventually,
  type Fleet,
  type Member,
  type Prediction,
  registryUrl,
  startLoad,
  withFleet,
} from "../support/fleet.ts";
import { artifactsAt, testKeys } from "../support/object_stores.ts";
import { postgresPrograms } from "../support/postgres.ts";
import { root } from "../support/program.ts";
import { withConnections } from "../support/registries.ts";
import { row, writeFurtherModels } from "../support/served_models.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";
import { type RunningObjectServer, versitygw } from "./object_servers.ts";

/** As docs/fleet.md has it. */
const promise = [
  "no prediction fails or waits because the registry or the object store is out of reach, or because another server is",
  "each server answers with the last model it followed, also after a restart on its data folder",
  "an assignment that cannot be made fails, with the reason, and changes nothing",
  "no answer comes from an old model later than two seconds after an assignment answered, and none at all from the server that took it",
  "what was changed while something was out of reach is followed within two seconds of its return",
].join("; ");

const ignore = postgresPrograms === undefined || versitygw === undefined;
if (ignore) {
  console.warn(
    "PostgreSQL or versitygw is not installed: the test of a whole fleet is skipped. apt-get install postgresql; deno task test-fleet",
  );
}

const swapCount = 200;
const followMs = 2_000;

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Server extends Member {
  readonly name: string;
  /** The network between this server and PostgreSQL. */
  readonly registry: TcpProxy;
  /** The network between this server and the object store. */
  readonly objects: TcpProxy;
  /** When it could not follow, or did not run. */
  readonly outages: Span[];
  start(): Promise<void>;
}

/** An assignment that answered. */
interface Swap {
  readonly modelId: string;
  /** The server that took it; undefined for another process. */
  readonly taker: Server | undefined;
  readonly begunAt: number;
  readonly answeredAt: number;
}

interface Scene {
  readonly fleet: Fleet;
  readonly store: RunningObjectServer;
  readonly servers: readonly Server[];
  readonly swaps: readonly Swap[];
  readonly current: string;
  /** Assigns a model that no server has a copy of, as long as there are any, through a server or as another process. */
  swap(taker?: Server): Promise<void>;
  /** Goes back to the previous model, of which all servers have a copy. */
  goBack(taker: Server): Promise<void>;
  /** Tries to assign a model that is never in production. */
  refuse(server: Server, kind: string): Promise<void>;
  /** Waits until every running server answers with the newest assignment's model, two seconds at most. */
  followed(what: string): Promise<void>;
}

/** A part of the fleet that fails and returns. */
interface Fault {
  readonly name: string;
  /** The servers that cannot follow meanwhile. */
  readonly affected: (scene: Scene) => readonly Server[];
  begin(scene: Scene): Promise<void> | void;
  /** Between begin and end. */
  during(scene: Scene): Promise<void>;
  end(scene: Scene): Promise<void> | void;
  /** An assignment at once after the end, where none could be made before it. */
  readonly swapAtEnd?: boolean;
}

const all = ({ servers }: Scene) => servers;
const only = (index: number) => ({ servers }: Scene) => [servers[index]];

const refusedByRegistry = async ({ servers, refuse }: Scene) => {
  await Promise.all(servers.map((server) => refuse(server, "store-unreachable")));
};
const withoutObjects = async ({ servers, refuse, goBack, swap }: Scene) => {
  await Promise.all(servers.map((server) => refuse(server, "artifacts-unavailable")));
  await goBack(servers[0]);
  await swap();
};
const setMode = (proxies: readonly TcpProxy[], mode: TcpProxy["mode"]) => {
  for (const proxy of proxies) proxy.mode = mode;
};

const kill = async (server: Server) => {
  const { process } = server;
  server.process = undefined;
  process?.kill("SIGKILL");
  await process?.ended();
};

/** Waits until a server has written which model it followed: it does so beside the swap, which does not wait for the disk. */
const kept = ({ fleet, current }: Scene, { name }: Server) =>
  eventually(
    async () =>
      (await Deno.readTextFile(join(fleet.folderOf(name), lastAssignmentFile)).catch(() => "")).includes(
        current,
      ),
    "the assignment is kept",
  );

const faults: readonly Fault[] = [
  {
    name: "PostgreSQL stopped",
    affected: all,
    begin: ({ fleet }) => fleet.postgres.stop(),
    during: refusedByRegistry,
    end: ({ fleet }) => fleet.postgres.start(),
    swapAtEnd: true,
  },
  {
    name: "PostgreSQL frozen",
    affected: all,
    begin: ({ fleet }) => fleet.postgres.signal("SIGSTOP"),
    during: refusedByRegistry,
    end: ({ fleet }) => fleet.postgres.signal("SIGCONT"),
    swapAtEnd: true,
  },
  {
    name: "PostgreSQL behind a network that forwards nothing",
    affected: all,
    begin: ({ servers }) => setMode(servers.map(({ registry }) => registry), "silent"),
    async during(scene) {
      await refusedByRegistry(scene);
      await scene.swap();
    },
    end: ({ servers }) => setMode(servers.map(({ registry }) => registry), "open"),
  },
  {
    name: "the object store stopped",
    affected: all,
    begin: ({ store }) => store.stop(),
    during: withoutObjects,
    end: ({ store }) => store.start(),
  },
  {
    name: "the object store frozen",
    affected: all,
    begin: ({ store }) => store.freeze(),
    during: withoutObjects,
    end: ({ store }) => store.thaw(),
  },
  {
    name: "one server without its way to PostgreSQL",
    affected: only(0),
    begin: ({ servers }) => setMode([servers[0].registry], "silent"),
    async during({ servers, swap, refuse }) {
      for (let i = 0; i < 10; i++) await swap(servers[1 + i % 2]);
      await refuse(servers[0], "store-unreachable");
    },
    end: ({ servers }) => setMode([servers[0].registry], "open"),
  },
  {
    name: "one server cut off from the object store",
    affected: only(1),
    begin: ({ servers }) => setMode([servers[1].objects], "closed"),
    async during({ servers, swap, refuse }) {
      for (let i = 0; i < 10; i++) await swap(servers[i % 2 * 2]);
      await refuse(servers[1], "artifacts-unavailable");
    },
    end: ({ servers }) => setMode([servers[1].objects], "open"),
  },
  {
    name: "one server cut off from both",
    affected: only(2),
    begin: ({ servers }) => setMode([servers[2].registry, servers[2].objects], "closed"),
    async during({ servers, swap, refuse }) {
      for (let i = 0; i < 10; i++) await swap(servers[i % 2]);
      await refuse(servers[2], "store-unreachable");
    },
    end: ({ servers }) => setMode([servers[2].registry, servers[2].objects], "open"),
  },
  {
    name: "a server killed, and started again",
    affected: only(2),
    begin: ({ servers }) => kill(servers[2]),
    async during({ servers, swap }) {
      for (let i = 0; i < 10; i++) await swap(servers[i % 2]);
    },
    end: ({ servers }) => servers[2].start(),
  },
  {
    name: "PostgreSQL and the object store stopped, and a server killed and started again meanwhile",
    affected: all,
    async begin({ fleet, store }) {
      await Promise.all([fleet.postgres.stop(), store.stop()]);
    },
    async during(scene) {
      const { servers, current } = scene;
      await kept(scene, servers[1]);
      await kill(servers[1]);
      await servers[1].start();
      assert.equal(servers[1].process?.ready.model_id, current, "the last model that it had");
      const { json } = await ask(servers[1].process, "/predict", row);
      assert.equal(json.model_id, current);
      await refusedByRegistry(scene);
    },
    async end({ fleet, store }) {
      await Promise.all([fleet.postgres.start(), store.start()]);
    },
    swapAtEnd: true,
  },
];

/** Assigns models through all servers in turn. */
async function swapAll({ servers, swap, swaps, followed }: Scene, until: number): Promise<void> {
  while (swaps.length < until) {
    await swap(servers[swaps.length % servers.length]);
    // Some one after the other, as fast as they can be; others only when the last one is followed.
    if (swaps.length % 3 === 0) await followed(`swap ${swaps.length}`);
  }
  await followed(`swap ${swaps.length}`);
}

async function happen(scene: Scene, fault: Fault): Promise<void> {
  const from = performance.now();
  await fault.begin(scene);
  await fault.during(scene);
  await fault.end(scene);
  const to = performance.now();
  for (const { outages } of fault.affected(scene)) outages.push({ from, to });
  if (fault.swapAtEnd) await scene.swap();
  await scene.followed(fault.name);
  console.log(
    `${fault.name}: ${Math.round(to - from)} ms, followed ${Math.round(performance.now() - to)} ms later`,
  );
}

/** The predictions that were answered by a model that must not answer then any more, or not yet. */
function tooOld(
  predictions: readonly Prediction<Server>[],
  swaps: readonly Swap[],
  servers: readonly Server[],
): string[] {
  const supersededAt = new Map(servers.map((server) => [server, supersessions(server, swaps)]));
  return predictions.filter(({ member, modelId, sentAt, answeredAt }) => {
    const limits = supersededAt.get(member) ?? [];
    return !swaps.some((swap, k) =>
      swap.modelId === modelId && swap.begunAt <= answeredAt && sentAt <= limits[k]
    );
  }).map(({ member, modelId, sentAt }) => {
    const known = swaps.findLastIndex((swap) => swap.modelId === modelId && swap.begunAt <= sentAt);
    const late = sentAt - (supersededAt.get(member)?.[known] ?? NaN);
    return `${member.name} answers by assignment ${known} ${Math.round(late)} ms after it may`;
  });
}

/** Returns for each assignment when a server must follow a later one at the latest. */
function supersessions(server: Server, swaps: readonly Swap[]): number[] {
  const deadlines = swaps.map(({ taker, answeredAt }) => {
    if (taker === server) return answeredAt;
    return server.outages.reduce(
      (deadline, { from, to }) =>
        from < deadline && answeredAt < to ? Math.max(deadline, to + followMs) : deadline,
      answeredAt + followMs,
    );
  });
  const limits = new Array<number>(swaps.length).fill(Infinity);
  for (let k = swaps.length - 2; k >= 0; k--) limits[k] = Math.min(deadlines[k + 1], limits[k + 1]);
  return limits;
}

/** Puts models in the object store and the registry. */
async function publish({ postgres }: Fleet, url: string, models: readonly Artifact[]): Promise<void> {
  const objects = artifactsAt(url);
  const registry = await openRegistryAt({ dataDir: "none", url: postgres.url() });
  for (const model of models) {
    await objects.write(model);
    await registry.registerModel(model, 4_000_000);
  }
  await registry.close();
}

async function assignElsewhere({ postgres }: Fleet, modelId: string): Promise<void> {
  const registry = await openRegistryAt({ dataDir: "none", url: postgres.url() });
  await registry.assign({ modelId, assignedAt: Date.now() * 1000, assignedBy: "another process" });
  await registry.close();
}

async function historyOf({ postgres }: Fleet): Promise<string[]> {
  const registry = await openRegistryAt({ dataDir: "none", url: postgres.url() });
  const history = await registry.history();
  await registry.close();
  return history.map(({ modelId }) => modelId).reverse();
}

function makeServer(fleet: Fleet, store: RunningObjectServer, name: string): Server {
  const [registry, objects] = [startTcpProxy(fleet.postgres.port), startTcpProxy(store.port)];
  const places = {
    registry: registryUrl(fleet.postgres, registry),
    models: `s3://bucket/models?endpoint=http://127.0.0.1:${objects.port}`,
    env: testKeys,
  };
  return {
    name,
    registry,
    objects,
    outages: [],
    process: undefined,
    async start() {
      this.process = await fleet.start(name, places);
    },
  };
}

function makeScene(
  { fleet, store, servers, models, refused, newest }: Pick<Scene, "fleet" | "store" | "servers"> & {
    readonly models: readonly Artifact[];
    readonly refused: Artifact;
    readonly newest: ReadonlyMap<Server, string>;
  },
): Scene {
  const swaps: Swap[] = [{ modelId: fleet.first.id, taker: undefined, begunAt: 0, answeredAt: 0 }];
  let next = 0;
  const assign = async (modelId: string, taker?: Server) => {
    const begunAt = performance.now();
    if (taker?.process) {
      const { status, text } = await ask(taker.process, "/model", { model_id: modelId });
      assert.equal(status, 200, text);
    } else await assignElsewhere(fleet, modelId);
    swaps.push({ modelId, taker, begunAt, answeredAt: performance.now() });
  };
  return {
    fleet,
    store,
    servers,
    swaps,
    get current() {
      return swaps[swaps.length - 1].modelId;
    },
    swap: (taker) => assign(models[next++ % models.length].id, taker),
    goBack: (taker) => assign(swaps[swaps.length - 2].modelId, taker),
    async refuse({ name, process }, kind) {
      assert.ok(process);
      const { status, json, text } = await ask(process, "/model", { model_id: refused.id });
      assert.deepEqual([status, json.type], [503, `urn:clickwell:problem:${kind}`], `${name}: ${text}`);
      assert.doesNotMatch(text, /postgres:\/\/|the-secret/);
    },
    followed: (what) => {
      const { modelId } = swaps[swaps.length - 1];
      const running = servers.filter(({ process }) => process);
      return eventually(
        () => Promise.resolve(running.every((server) => newest.get(server) === modelId)),
        `${what}: followed by all`,
        followMs,
      );
    },
  };
}

Deno.test("fleet: the documentation makes the promise word for word, and names the test", async () => {
  const text = (await Deno.readTextFile(`${root}/docs/fleet.md`)).replaceAll(/\s+/g, " ");
  assert.ok(text.includes(promise), promise);
  assert.ok(text.includes("`tests/fleet/fleet_test.ts`"));
});

Deno.test({
  name:
    "fleet: each part stopped, frozen, cut off or killed in turn, the promise holds for three servers under load",
  ...withConnections,
  ignore,
  fn: () =>
    withFleet(async (fleet) => {
      await using store = await versitygw?.start(testKeys);
      assert.ok(store);
      const further = writeFurtherModels(fleet, swapCount / 2 + 1);
      const [refused, ...models] = further;
      await publish(fleet, `s3://bucket/models?endpoint=${store.origin}`, [fleet.first, ...further]);
      // No server must find them there.
      await Deno.remove(fleet.modelsDir, { recursive: true });
      await using cleanup = new AsyncDisposableStack();
      const servers = ["one", "two", "three"].map((name) => makeServer(fleet, store, name));
      for (const server of servers) {
        cleanup.use(server.registry);
        cleanup.use(server.objects);
        cleanup.defer(async () => await server.process?.[Symbol.asyncDispose]());
        await server.start();
      }
      const load = startLoad(servers, [fleet.first, ...further], 1);
      const scene = makeScene({ fleet, store, servers, models, refused, newest: load.newest });
      try {
        for (const [i, fault] of faults.entries()) {
          await swapAll(scene, Math.max(scene.swaps.length, 1 + 16 * (i + 1)));
          await happen(scene, fault);
        }
        await swapAll(scene, swapCount + 1);
      } catch (error) {
        // A prediction that failed says more than what it led to.
        await load.stop();
        throw error;
      }
      const predictions = await load.stop();
      assert.deepEqual(tooOld(predictions, scene.swaps, servers), []);
      const slowest = Math.max(...predictions.map(({ sentAt, answeredAt }) => answeredAt - sentAt));
      assert.ok(slowest < followMs, `a prediction took ${Math.round(slowest)} ms`);
      assert.deepEqual(await historyOf(fleet), scene.swaps.map(({ modelId }) => modelId));
      console.log(
        `${predictions.length} predictions, ${scene.swaps.length - 1} swaps; slowest ${
          Math.round(slowest)
        } ms`,
      );
    }),
});
