import configuration from "../deno.json" with { type: "json" };
import type { Package } from "./notices.ts";

/** The part of deno.lock that is read. */
export interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity?: string }>>;
}

/** A bill of materials of CycloneDX 1.6, in which clickwell is the component that the others are part of. */
export interface BillOfMaterials {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly type: "application" | "library" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly licenses: readonly ({ license: { id: string } } | { expression: string })[];
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: "SHA-512"; readonly content: string }[];
}

/**
 * Returns the bill of materials of an executable. It has no time and no random number: the same sources give the same bytes.
 *
 * @param packages The packages in the bundle.
 * @param deno Version of the Deno that is in the executable.
 * @param lock Content of deno.lock, which has the packages' hashes.
 * @see https://cyclonedx.org/docs/1.6/json/
 */
export function billOfMaterials(
  packages: readonly Package[],
  { deno, commit, lock }: { readonly deno: string; readonly commit: string; readonly lock: Lock },
): BillOfMaterials {
  const { name, version, license } = configuration;
  const self = `${name}@${version}`;
  const components = [...packages.map((one) => packageComponent(one, lock)), runtimeComponent(deno)];
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": self,
        name,
        version: `${version}+${commit}`,
        licenses: [{ license: { id: license } }],
      },
    },
    components,
    dependencies: [{ ref: self, dependsOn: components.map((component) => component["bom-ref"]) }],
  };
}

function packageComponent({ name, version, license }: Package, lock: Lock): Component {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const hash = hashOf(`${name}@${version}`, lock);
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    licenses: [isExpression(license) ? { expression: license } : { license: { id: license } }],
    purl,
    ...(hash === undefined ? {} : { hashes: [{ alg: "SHA-512", content: hash }] }),
  };
}

/** The runtime contains V8 and SQLite; its own documents list what it is made of. */
function runtimeComponent(version: string): Component {
  const purl = `pkg:github/denoland/deno@v${version}`;
  return {
    type: "platform",
    "bom-ref": purl,
    name: "deno",
    version,
    licenses: [{ license: { id: "MIT" } }],
    purl,
  };
}

function isExpression(license: string): boolean {
  return / (AND|OR|WITH) /.test(license);
}

/** Returns the SHA-512 of a package's archive as hexadecimal. @param id As name@version. */
function hashOf(id: string, { npm }: Lock): string | undefined {
  // A package with peers has their names after its version.
  const [, entry] = Object.entries(npm).find(([key]) => key === id || key.startsWith(`${id}_`)) ?? [];
  const encoded = entry?.integrity?.replace(/^sha512-/, "");
  return encoded === undefined
    ? undefined
    : [...atob(encoded)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
