import { join } from "node:path";
import { deployPython } from "../deploy/install.ts";
import { root } from "./program.ts";

export const deployFolder: string = join(root, "packaging/deploy");

// deno-lint-ignore no-explicit-any
export type Manifest = any;

/** A container as a manifest describes it. */
export interface ManifestContainer {
  /** The path of its manifest. */
  readonly path: string;
  readonly image: string;
  readonly args: readonly string[];
  /** Values, and the names of secrets for those that a secret has. */
  readonly env: Readonly<Record<string, { readonly value?: string; readonly secret?: string }>>;
  readonly port: number;
  readonly probes: readonly string[];
}

/** Reads the documents of a YAML or JSON file. */
export async function readDocuments(path: string): Promise<Manifest[]> {
  const args = [join(root, "tests/deploy/yaml_documents.py"), join(deployFolder, path)];
  const { success, stdout, stderr } = await new Deno.Command(deployPython, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Returns the pod that a manifest makes; undefined for a kind that makes none. */
export function podOf({ kind, apiVersion, spec }: Manifest): Manifest | undefined {
  if (kind === "ServingRuntime") return { containers: spec.containers, volumes: spec.volumes };
  if (apiVersion?.startsWith("serving.knative.dev/")) {
    const { containerConcurrency: _, timeoutSeconds: __, ...pod } = spec.template.spec;
    return { ...pod, containers: pod.containers.map((one: Manifest) => ({ name: "server", ...one })) };
  }
  return spec?.template?.spec;
}

/** Returns the containers of a manifest's pod, and that of a model of Vertex AI. */
export function containersOf(path: string, manifest: Manifest): ManifestContainer[] {
  const { containerSpec } = manifest;
  if (containerSpec) {
    const { imageUri, args, ports, healthRoute } = containerSpec;
    return [{ path, image: imageUri, args, env: {}, port: ports[0].containerPort, probes: [healthRoute] }];
  }
  return (podOf(manifest)?.containers ?? []).map((container: Manifest) => ({
    path,
    image: container.image,
    args: container.args,
    env: Object.fromEntries(
      (container.env ?? []).map(({ name, value, valueFrom }: Manifest) => [
        name,
        value === undefined ? { secret: valueFrom.secretKeyRef.name } : { value },
      ]),
    ),
    port: container.ports[0].containerPort,
    probes: ["startupProbe", "livenessProbe", "readinessProbe"].flatMap((name) =>
      container[name] ? [container[name].httpGet.path] : []
    ),
  }));
}
