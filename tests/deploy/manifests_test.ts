import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import serve from "../../commands/serve.ts";
import { environmentName, readOptions } from "../../commands/cli/options.ts";
import configuration from "../../deno.json" with { type: "json" };
import { readStage } from "../support/dockerfile.ts";
import { unknownKeys } from "../support/kserve_keys.ts";
import { containersOf, deployFolder, type Manifest, podOf, readDocuments } from "../support/manifests.ts";
import { inFolder, root } from "../support/program.ts";
import { deployPrograms, deployPython } from "./install.ts";

const missing = existsSync(deployPython)
  ? undefined
  : "deno task test-deploy installs kubernetes-validate and kserve";
if (missing) console.log(`skipped: the manifests: ${missing}`);
const ignore = missing !== undefined;

const kubernetes = [
  "autoscaling",
  "deployment",
  "disruption_budget",
  "network_policy",
  "service",
  "service_account",
  "with_volumes/stateful_set",
].map((name) => `kubernetes/${name}.yaml`);
const [runtimePath, inferencePath, cloudRunPath, vertexPath] = [
  "kserve/serving_runtime.yaml",
  "kserve/inference_service.yaml",
  "cloud_run/service.yaml",
  "vertex/model.json",
];
const servers = [...kubernetes, runtimePath, cloudRunPath, vertexPath];

/** Validates Kubernetes' own kinds. @returns What it finds wrong; empty if nothing. */
async function faultsIn(path: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(join(deployPrograms, "kubernetes-validate"), {
    args: ["--strict", "--kubernetes-version", "1.37.0", path],
  }).output();
  return success ? "" : new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("manifests: the list of these tests has every one", () => {
  const listed = [...servers, inferencePath, "kubeflow/pipeline.py", "kubeflow/requirements.txt"];
  const found = [...walk(deployFolder)].map((path) => path.slice(deployFolder.length + 1));
  assert.deepEqual(found.sort(), listed.sort());
});

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* walk(path);
    else if (!name.endsWith(".pyc")) yield path;
  }
}

Deno.test({
  name: "manifests: Kubernetes' schemas, strictly",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      for (const path of kubernetes) assert.equal(await faultsIn(join(deployFolder, path)), "", path);
      // Pods of kinds that are not Kubernetes' own.
      for (const path of [runtimePath, cloudRunPath]) {
        const [manifest] = await readDocuments(path);
        const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "pod" }, spec: podOf(manifest) };
        const written = join(folder, "pod.json");
        await Deno.writeTextFile(written, JSON.stringify(pod));
        assert.equal(await faultsIn(written), "", path);
      }
      const wrong = join(folder, "wrong.yaml");
      const text = await Deno.readTextFile(join(deployFolder, "kubernetes/deployment.yaml"));
      await Deno.writeTextFile(wrong, text.replace("readinessProbe:", "readynessProbe:"));
      assert.match(await faultsIn(wrong), /readynessProbe/);
    }),
});

Deno.test({
  name: "manifests: KServe knows every key of its kinds",
  ignore,
  fn: async () => {
    const [lib] = [...Deno.readDirSync(join(deployPrograms, "..", "lib"))];
    const models = join(deployPrograms, "..", "lib", lib.name, "site-packages", "kserve", "models");
    const [runtime] = await readDocuments(runtimePath);
    const [inference] = await readDocuments(inferencePath);
    assert.deepEqual(unknownKeys(models, "V1alpha1ServingRuntime", runtime), []);
    assert.deepEqual(unknownKeys(models, "V1beta1InferenceService", inference), []);
    const misspelt = structuredClone(runtime);
    misspelt.spec.supportedModelFormats[0].autoselect = true;
    assert.deepEqual(unknownKeys(models, "V1alpha1ServingRuntime", misspelt), [
      "V1alpha1ServingRuntime.spec.supportedModelFormats[0].autoselect",
    ]);
    // They name each other, and the paths of the protocol.
    const { model } = inference.spec.predictor;
    assert.equal(model.runtime, runtime.metadata.name);
    assert.equal(model.modelFormat.name, runtime.spec.supportedModelFormats[0].name);
    assert.ok(runtime.spec.protocolVersions.includes(model.protocolVersion));
    assert.equal(inference.metadata.name, "clickwell", "the name of the model in production");
    assert.equal(runtime.spec.containers[0].name, "kserve-container");
  },
});

const containers = ignore
  ? []
  : (await Promise.all(servers.map(async (path) =>
    (await readDocuments(path)).flatMap((document) => containersOf(path, document))
  ))).flat();

Deno.test({
  name: "manifests: every argument and variable is one of clickwell serve, and the image is of this version",
  ignore,
  fn: async () => {
    assert.deepEqual(containers.map(({ path }) => path), [
      "kubernetes/deployment.yaml",
      "kubernetes/with_volumes/stateful_set.yaml",
      runtimePath,
      cloudRunPath,
      vertexPath,
    ]);
    const stage = readStage(await Deno.readTextFile(join(root, "Dockerfile")), "fleet");
    for (const { path, image, args: [command, ...words], env, port, probes } of containers) {
      assert.ok(image.endsWith(`/clickwell-fleet:${configuration.version}`), `${path}: ${image}`);
      assert.equal(command, serve.name);
      for (const name of Object.keys(env)) {
        const isKnown = name === "CLICKWELL_ADMIN_TOKEN" ||
          Object.keys(serve.flags).some((flag) => environmentName(flag) === name);
        assert.ok(isKnown, `${path}: ${name}`);
      }
      const variables = { ...stage.env, ...Object.fromEntries(plain(env)) };
      const { options, unknownSettings } = readOptions(serve, words, {
        environment: (name) => variables[name],
        readConfig: () => ({}),
        isFolder: () => false,
      });
      assert.deepEqual(unknownSettings.names, []);
      assert.equal(options.host, "0.0.0.0", "from the image");
      // Vertex AI names the port in the environment.
      if (path !== vertexPath) assert.equal(options.port ?? 7999, port, path);
      for (const probe of probes) assert.match(probe, /^\/(livez|readyz|v2\/health\/ready|vertex\/health)$/);
    }
  },
});

function plain(env: Readonly<Record<string, { readonly value?: string }>>): [string, string][] {
  return Object.entries(env).flatMap(([name, { value }]) => value === undefined ? [] : [[name, value]]);
}

Deno.test({
  name: "manifests: what refers to each other agrees: labels, volumes, ports, secrets, time to end",
  ignore,
  fn: async () => {
    const documents = (await Promise.all(kubernetes.map(readDocuments))).flat();
    const of = (kind: string): Manifest[] => documents.filter((one) => one.kind === kind);
    const [deployment] = of("Deployment");
    const [stateful] = of("StatefulSet");
    const labels = deployment.spec.template.metadata.labels;
    const selectors = [
      ...[deployment, stateful].map(({ spec }) => spec.selector.matchLabels),
      ...of("Service").map(({ spec }) => spec.selector),
      ...of("PodDisruptionBudget").map(({ spec }) => spec.selector.matchLabels),
      ...of("NetworkPolicy").map(({ spec }) => spec.podSelector.matchLabels),
    ];
    assert.equal(selectors.length, 6);
    for (const selector of selectors) assert.deepEqual(selector, labels);
    const targets = of("HorizontalPodAutoscaler").map(({ spec }) => spec.scaleTargetRef);
    assert.deepEqual(
      targets,
      [deployment, stateful].map(({ apiVersion, kind, metadata: { name } }) => ({ apiVersion, kind, name })),
    );
    assert.equal(stateful.spec.serviceName, of("Service").find(({ spec }) => spec.clusterIP)?.metadata.name);
    assert.equal(deployment.spec.template.spec.serviceAccountName, of("ServiceAccount")[0].metadata.name);

    const { volumes, ...pod } = deployment.spec.template.spec;
    const { volumes: others, ...samePod } = stateful.spec.template.spec;
    assert.deepEqual(samePod, pod, "the servers with volumes differ by the volume alone");
    const claims = stateful.spec.volumeClaimTemplates.map(({ metadata }: Manifest) => metadata.name);
    const names = (all: Manifest[]) => all.map(({ name }) => name).sort();
    const mounted = names(pod.containers[0].volumeMounts);
    assert.deepEqual(names(volumes), mounted);
    assert.deepEqual([...claims, ...names(others)].sort(), mounted);
    const { flags } = serve;
    const drain = Number(flags["drain-delay"].default) + Number(flags["drain-timeout"].default);
    assert.ok(pod.terminationGracePeriodSeconds > drain);
    const { securityContext } = pod.containers[0];
    assert.deepEqual(
      [
        pod.securityContext.runAsNonRoot,
        securityContext.readOnlyRootFilesystem,
        securityContext.capabilities,
      ],
      [true, true, { drop: ["ALL"] }],
    );
    for (const { kind, data, stringData } of documents) {
      assert.ok(kind !== "Secret" && !data && !stringData, "secrets are referred to");
    }
  },
});

Deno.test({
  name: "manifests: Cloud Run's own rules: one port with a name it knows, and an end within ten seconds",
  ignore,
  fn: async () => {
    const [service] = await readDocuments(cloudRunPath);
    const { template } = service.spec;
    assert.deepEqual([service.apiVersion, service.kind], ["serving.knative.dev/v1", "Service"]);
    const [container, ...others] = template.spec.containers;
    assert.deepEqual([others, container.ports], [[], [{ name: "http1", containerPort: 8080 }]]);
    const valueOf = (flag: string) => Number(container.args[container.args.indexOf(flag) + 1]);
    assert.ok(valueOf("--drain-delay") + valueOf("--drain-timeout") < 10);
    for (const key of Object.keys({ ...service.metadata.annotations, ...template.metadata.annotations })) {
      assert.match(key, /^(run\.googleapis\.com|autoscaling\.knative\.dev)\//);
    }
  },
});
