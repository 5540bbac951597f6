import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import configuration from "../../deno.json" with { type: "json" };
import { bundle } from "../../packaging/bundle.ts";
import { confinedPermissions, fleetPermissions, ordinaryPermissions } from "../../packaging/executable.ts";
import { billOfMaterials, type Lock } from "../../packaging/bill_of_materials.ts";
import { noticesOf, packagesOf } from "../../packaging/notices.ts";
import { packedBytesMin } from "../../packaging/packed_chunks.ts";
import { faultOf } from "../../packaging/runtime_version.ts";
import { inFolder, program, root } from "../support/program.ts";
import { listFiles } from "../support/source_graph.ts";

Deno.test("bundle: holds the program and its threads under their names, is the same each time, and names no machine", () =>
  inFolder(async (folder) => {
    const [once, twice] = [join(folder, "once"), join(folder, "twice")];
    const { sources, byteCount } = await bundle({ folder: once, commit: "0123456789ab" });
    await bundle({ folder: twice, commit: "0123456789ab" });
    const names = (await Array.fromAsync(Deno.readDir(once))).map(({ name }) => name).sort();
    const workers = ["commands", "pipeline", "server"].flatMap(listFiles).filter((path) =>
      path.endsWith("_worker.ts")
    );
    for (const worker of workers) {
      assert.ok(names.includes(worker.replace(/^.*[\\/](.*)\.ts$/, "$1.js")), worker);
    }
    assert.ok(names.includes("main.js"));
    const texts = await Promise.all(names.map((name) => unpacked(join(once, name))));
    for (const [i, name] of names.entries()) {
      assert.deepEqual(await Deno.readFile(join(twice, name)), await Deno.readFile(join(once, name)), name);
      assert.ok(!texts[i].includes(root), `${name} names a folder of this machine`);
      assert.equal((await Deno.stat(join(once, name))).mtime?.getTime(), 0, "the executable keeps the time");
    }
    assert.ok(texts.some((text) => text.includes("0123456789ab")), "the commit is in it");
    assert.ok(texts.some((text) => text.includes("CREATE TABLE")), "the schema is in it");
    const sizes = await Promise.all(names.map(async (name) => (await Deno.stat(join(once, name))).size));
    assert.equal(byteCount, sizes.reduce((sum, size) => sum + size, 0));
    const large = names.filter((_, i) => sizes[i] >= packedBytesMin);
    assert.deepEqual(large, [], "the runtime reads every file at each start");
    assert.deepEqual(sources.filter((path) => /^(tests|packaging)\//.test(path)), []);
    await checkNotices(sources);
    await checkBillOfMaterials(sources);
    await checkBuildContext(sources);
    await checkTraining(join(once, "main.js"), folder);
  }));

/** Returns the text of a module, also of one that is packed. */
async function unpacked(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return new TextDecoder().decode(path.endsWith(".bin") ? inflateSync(bytes) : bytes);
}

/** tfjs trains in the bundle, where it is packed, with a .wasm that is in it, and gives the bytes that it gives from source. */
async function checkTraining(main: string, folder: string): Promise<void> {
  const data = join(folder, "data");
  const tables = ["leads", "offers", "clicks"].flatMap((
    name,
  ) => [`--${name}`, join(folder, `${name}.parquet`)]);
  const training = ["train", "--data", data, "--hidden", "8,4", "--epochs", "2", "--json"];
  await succeed(program, ["generate", "--offers", "2000", "--out", folder]);
  await succeed(program, ["ingest", "--data", data, ...tables]);
  const ids = [];
  const features = configuration.unstable.map((feature) => `--unstable-${feature}`);
  const bundled = [Deno.execPath(), "run", "--no-prompt", "--allow-all", ...features, main];
  for (const [i, words] of [program, bundled].entries()) {
    const stdout = await succeed(words, [...training, "--models", join(folder, `models-${i}`)]);
    ids.push(JSON.parse(stdout).model_id);
  }
  assert.equal(ids[0], ids[1]);
}

/** Returns what a program prints. */
async function succeed([file, ...words]: readonly string[], args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(file, { args: [...words, ...args], cwd: root })
    .output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** Every package in the bundle comes with its licence. */
async function checkNotices(sources: readonly string[]): Promise<void> {
  const [, ...notices] = noticesOf(await packagesOf(sources)).split(`${"-".repeat(80)}\n`);
  for (const name of ["hono", "hyparquet", "zod"]) {
    const notice = notices.find((text) => text.startsWith(`${name} `)) ?? "";
    assert.match(notice, /^\S+ \d+\.\d+\.\d+ \(MIT\)\n\n[^]*Permission is hereby granted/);
  }
  const tools = notices.filter((text) => /^(esbuild|fast-check) /.test(text));
  assert.deepEqual(tools, [], "what only builds and tests is not in it");
}

/** Each package in the bundle is in the bill of materials, with its licence and the hash of its archive. */
async function checkBillOfMaterials(sources: readonly string[]): Promise<void> {
  const packages = await packagesOf(sources);
  const lock: Lock = JSON.parse(await Deno.readTextFile(join(root, "deno.lock")));
  const { components } = billOfMaterials(packages, { deno: "2.9.6", commit: "0123456789ab", lock });
  assert.deepEqual(
    components.map(({ name, version }) => `${name} ${version}`),
    [...packages.map(({ name, version }) => `${name} ${version}`), "deno 2.9.6"],
  );
  for (const { name, purl, hashes = [] } of components.slice(0, -1)) {
    assert.match(purl ?? "", /^pkg:npm\/(%40[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+$/, name);
    assert.match(hashes[0]?.content ?? "", /^[0-9a-f]{128}$/, name);
  }
  const zod = components.find(({ name }) => name === "zod");
  assert.deepEqual(zod?.licenses, [{ license: { id: "MIT" } }]);
  // Of the package's archive, as its registry has it.
  const encoded = Object.entries(lock.npm).find(([key]) => key.startsWith("zod@"))?.[1].integrity ?? "";
  assert.equal(`sha512-${Buffer.from(zod?.hashes?.[0].content ?? "", "hex").toString("base64")}`, encoded);
}

Deno.test("release: a platform without a base is named with the reason, and what is there has a checksum", () =>
  inFolder(async (folder) => {
    const [bases, out] = [join(folder, "bases"), join(folder, "out")];
    await Deno.mkdir(bases);
    const args = [
      "run",
      "--no-prompt",
      "--allow-all",
      "packaging/release.ts",
      "--bases",
      bases,
      "--out",
      out,
    ];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
    assert.equal(code, 1, "nothing was made");
    const said = new TextDecoder().decode(stderr);
    const text = await Deno.readTextFile(join(out, "RELEASE.txt"));
    for (const target of ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"]) {
      const line = `was not made for ${target}: there is no base ${join(bases, `denort-${target}`)}`;
      assert.ok(said.includes(line) && text.includes(line), said);
    }
    const sums = (await Deno.readTextFile(join(out, "SHA256SUMS"))).trim().split("\n");
    assert.deepEqual(
      sums.map((line) => line.split("  ")[1]),
      ["LICENSE", "RELEASE.txt", "THIRD_PARTY_NOTICES.txt", "clickwell.cdx.json"],
    );
    for (const line of sums) {
      const [sum, name] = line.split("  ");
      assert.equal(sum, createHash("sha256").update(await Deno.readFile(join(out, name))).digest("hex"));
    }
  }));

/** A container is built from what .dockerignore lets through. */
async function checkBuildContext(sources: readonly string[]): Promise<void> {
  const passed = (await Deno.readTextFile(join(root, ".dockerignore"))).split("\n")
    .filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const own = sources.filter((path) => !path.includes("node_modules/")).concat(
    "build.ts",
    "deno.lock",
    "LICENSE",
  );
  assert.deepEqual(
    own.filter((path) => !passed.some((name) => path === name || path.startsWith(`${name}/`))),
    [],
  );
}

Deno.test("permissions: the executable reads only its own variables, and runs and links nothing", () => {
  assert.deepEqual([...ordinaryPermissions].sort(), [
    "--allow-env=CLICKWELL_*,AIP_*,AWS_*,GOOGLE_*,GCE_METADATA_HOST,STORAGE_EMULATOR_HOST,HOME,USERPROFILE,PGAPPNAME,PGTARGETSESSIONATTRS,DENO_SERVE_ADDRESS",
    "--allow-net",
    "--allow-read",
    "--allow-sys=statfs",
    "--allow-write",
  ]);
});

Deno.test("permissions: in the container it keeps to its volume, its secrets and its own machine", () => {
  assert.deepEqual([...confinedPermissions].sort(), [
    "--allow-env=CLICKWELL_*,AIP_*,AWS_*,GOOGLE_*,GCE_METADATA_HOST,STORAGE_EMULATOR_HOST,HOME,USERPROFILE,PGAPPNAME,PGTARGETSESSIONATTRS,DENO_SERVE_ADDRESS",
    "--allow-net=0.0.0.0,127.0.0.1,localhost,[::],[::1]",
    "--allow-read=/data,/run/secrets",
    "--allow-sys=statfs",
    "--allow-write=/data",
  ]);
});

Deno.test("permissions: in a fleet it also has what Kubernetes and Kubeflow mount, and the network or the hosts that are named", async () => {
  const mounts = ["/tmp/kfp", "/gcs", "/s3", "/minio", "/kfp-workspace"].join(",");
  const permissions = fleetPermissions([]);
  assert.ok(permissions.includes("--allow-net"));
  assert.ok(permissions.includes(`--allow-write=/data,/cloudsql,${mounts}`));
  assert.ok(
    permissions.includes(
      `--allow-read=/data,/run/secrets,/var/run/secrets,/etc/clickwell,/mnt/models,/cloudsql,${mounts}`,
    ),
  );
  assert.equal(permissions.length, ordinaryPermissions.length);
  const hosts = ["postgres.example:5432", "*.storage.example", "[fd00::1]:443", "10.0.0.7"];
  const named = fleetPermissions(hosts);
  assert.ok(named.includes(`--allow-net=0.0.0.0,127.0.0.1,localhost,[::],[::1],${hosts.join(",")}`));
  for (const host of ["", "a,b", "https://a", "a:b", "a b"]) {
    assert.throws(() => fleetPermissions([host]), host);
  }

  // The runtime takes the flags, and holds the program to them.
  const server = Deno.serve(
    { hostname: "127.0.0.2", port: 0, onListen: () => {} },
    () => new Response("ready"),
  );
  const ask = async (permissions: readonly string[]) => {
    const url = `http://127.0.0.2:${server.addr.port}`;
    const args = ["run", "--no-prompt", ...permissions, join(root, "main.ts"), "healthcheck", "--url", url];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
    return [code, new TextDecoder().decode(stderr)] as const;
  };
  try {
    assert.equal((await ask(fleetPermissions([`127.0.0.2:${server.addr.port}`])))[0], 0);
    const [code, stderr] = await ask(named);
    assert.equal(code, 1);
    assert.match(stderr, /Requires net access to "127\.0\.0\.2:/);
  } finally {
    await server.shutdown();
  }
});

Deno.test("runtime: versions with a faulty HTTP server are reported", () => {
  for (const version of ["2.8.3", "2.8.10", "2.9.0", "2.9.5"]) {
    assert.match(faultOf(version) ?? "", /use 2\.9\.6/);
  }
  for (const version of ["2.7.11", "2.8.2", "2.9.6", "2.10.0", "3.0.0"]) {
    assert.equal(faultOf(version), undefined);
  }
});

Deno.test("runtime: the Deno of the README is the one that CI runs and the container is built with", async () => {
  const versionIn = async (path: string, pattern: RegExp) =>
    (await Deno.readTextFile(join(root, path))).match(pattern)?.[1];
  const version = await versionIn("README.md", /npx -y deno@([\d.]+) task demo/);
  assert.match(version ?? "", /^\d+\.\d+\.\d+$/);
  assert.equal(await versionIn("Dockerfile", /^FROM denoland\/deno:(\S+) AS build$/m), version);
  assert.equal(await versionIn(".ci/run", /^newest\(\) \{ npx -y deno@([\d.]+) /m), version);
});
