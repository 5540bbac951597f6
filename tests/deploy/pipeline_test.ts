import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { canMount, makeBareRoot } from "../support/container_root.ts";
import { readStage } from "../support/dockerfile.ts";
import { type CompiledPipeline, type Step, stepsOf } from "../support/pipeline_steps.ts";
import { inFolder, type Outcome, root, run } from "../support/program.ts";
import { deployPython } from "./install.ts";

const missing = existsSync(deployPython) ? undefined : "deno task test-deploy installs kfp";
if (missing) console.log(`skipped: the Kubeflow pipeline: ${missing}`);

const executable = Deno.env.get("CLICKWELL_FLEET");

interface Compiled {
  readonly pipeline: CompiledPipeline;
  /** What Kubernetes adds: secrets and the workspace. */
  readonly platform: unknown;
}

async function compile(folder: string): Promise<Compiled> {
  const path = join(folder, "pipeline.yaml");
  await python("packaging/deploy/kubeflow/pipeline.py", path);
  const [pipeline, platform] = JSON.parse(await python("tests/deploy/yaml_documents.py", path));
  return { pipeline, platform };
}

async function python(...args: string[]): Promise<string> {
  const output = await new Deno.Command(deployPython, { args, cwd: root }).output();
  assert.ok(output.success, new TextDecoder().decode(output.stderr));
  return new TextDecoder().decode(output.stdout);
}

/** The places of a run, and how its steps are run: in a bare root by the executable of a fleet, if there is one, else from source. */
interface Cluster {
  /** Folders as the steps see them, and as the test does. */
  readonly artifacts: string;
  readonly workspace: string;
  outside(path: string): string;
  run(args: readonly string[]): Promise<Outcome>;
}

async function makeCluster(folder: string): Promise<Cluster> {
  if (executable === undefined || !canMount()) {
    const [artifacts, workspace] = [join(folder, "artifacts"), join(folder, "workspace")];
    const env = { CLICKWELL_MODELS: join(folder, "models") };
    return { artifacts, workspace, outside: (path) => path, run: (args) => run(args, { cwd: folder, env }) };
  }
  const stage = readStage(await Deno.readTextFile(join(root, "Dockerfile")), "fleet");
  const mounts = ["/minio", "/kfp-workspace"];
  const bare = await makeBareRoot(folder, stage, join(root, executable), mounts);
  return {
    artifacts: "/minio/pipelines/run",
    workspace: "/kfp-workspace",
    outside: (path) => join(folder, "mounts", path),
    run: (args) => bare.run(args),
  };
}

/** Runs steps until one fails. */
async function runSteps(cluster: Cluster, steps: readonly Step[]) {
  const outcomes: Record<string, Outcome> = {};
  for (const { task, args } of steps) {
    outcomes[task] = await cluster.run(args);
    if (outcomes[task].code !== 0) break;
  }
  return outcomes;
}

const names = ["ingest", "train", "evaluate", "gate", "activate"];

Deno.test({
  name:
    "Kubeflow pipeline: kfp compiles it; the commands of its steps work one after another, and a worse model is not activated",
  ignore: missing !== undefined,
  fn: () =>
    inFolder(async (folder) => {
      const { pipeline, platform } = await compile(folder);
      const cluster = await makeCluster(folder);
      const imported = cluster.outside(join(cluster.artifacts, "importer", "artifact"));
      const generated = await run(["generate", "--offers", "4000", "--out", imported]);
      assert.equal(generated.code, 0, generated.stderr);
      for (const name of ["schema.sql", "features.json"]) {
        await Deno.copyFile(join(root, name), join(imported, name));
      }
      if (executable !== undefined) {
        await own(join(folder, "mounts"));
      }

      const steps = (c: string) =>
        stepsOf(pipeline, { ...cluster, parameters: { tables_uri: "gs://tables", c } });
      assert.deepEqual(steps("1.0").map(({ task }) => task), names);
      for (const { image, command } of steps("1.0")) {
        assert.match(image, /\/clickwell-fleet:/);
        assert.deepEqual(command, ["/usr/bin/clickwell"]);
      }
      assert.match(JSON.stringify(platform), /"workspace":\{.*"size":"20Gi"/);
      assert.match(JSON.stringify(platform), /"envVar":"CLICKWELL_REGISTRY","secretKey":"registry"/);

      const resultOf = (task: string, output: string) =>
        JSON.parse(Deno.readTextFileSync(cluster.outside(join(cluster.artifacts, task, output))));
      const first = await runSteps(cluster, steps("1.0"));
      assert.deepEqual(Object.keys(first), names, JSON.stringify(first));
      assert.equal(first.activate.code, 0, first.activate.stderr);
      assert.ok(resultOf("evaluate", "evaluation").metrics.log_loss.value > 0);
      const { model_id } = resultOf("train", "trained");
      assert.equal(resultOf("activate", "assignment").model_id, model_id);

      // So strong a penalty that the model knows little more than the base rate.
      const worse = await runSteps(cluster, steps("0.000001"));
      assert.deepEqual(Object.keys(worse), names.slice(0, 4), "the last step is not run");
      assert.equal(worse.gate.code, 1);
      assert.match(worse.gate.stderr, new RegExp(`is worse than ${model_id}`));
      assert.equal(resultOf("gate", "compared").error.kind, "model-worse");
      const refused = resultOf("train", "trained").model_id;
      assert.notEqual(refused, model_id);

      const equal = await runSteps(cluster, steps("0.9"));
      assert.equal(equal.activate?.code, 0, JSON.stringify(equal));
      const assignment = resultOf("activate", "assignment");
      assert.equal(assignment.model_id, resultOf("train", "trained").model_id);
      assert.equal(assignment.reason, "Kubeflow run clickwell-run");
      const history = await cluster.run([
        "models",
        "history",
        "--data",
        join(cluster.workspace, "data"),
        "--json",
      ]);
      assert.doesNotMatch(history.stdout, new RegExp(refused));
    }),
});

/** Gives the files of a folder to the user of the image. */
async function own(folder: string): Promise<void> {
  const { success } = await new Deno.Command("chown", { args: ["-R", "65532:65532", folder] }).output();
  assert.ok(success);
}
