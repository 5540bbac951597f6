/**
 * Builds dist/clickwell: bundles the program into build/ and compiles the bundle.
 *
 *     deno task build               may read and write any path of its user
 *     deno task build --confined    dist/clickwell-confined, for the container: its volume only, and no network
 *     deno task build --fleet       dist/clickwell-fleet, for the container of a fleet: its volume and mounts, and the network;
 *                                   --host HOST[:PORT], which may be repeated, is all that it then connects to
 *     deno task build --telemetry   dist/clickwell-telemetry, which exports traces and metrics by OpenTelemetry
 *
 * The commit in `clickwell --version` is CLICKWELL_COMMIT or, if that is not set, the one of git.
 */
import { parseArgs } from "node:util";
import { bundle } from "./packaging/bundle.ts";
import { findCommit } from "./packaging/commit.ts";
import {
  compile,
  confinedPermissions,
  fleetPermissions,
  ordinaryPermissions,
} from "./packaging/executable.ts";
import { noticesOf, packagesOf } from "./packaging/notices.ts";
import { faultOf } from "./packaging/runtime_version.ts";

const flag = { type: "boolean", default: false } as const;
const { confined, fleet, host, telemetry } = parseArgs({
  options: {
    confined: flag,
    fleet: flag,
    host: { type: "string", multiple: true, default: [] },
    telemetry: flag,
  },
}).values;
if (confined && fleet) throw new Error("--confined and --fleet are two executables: name one.");
if (host.length > 0 && !fleet) throw new Error("--host goes with --fleet.");
const bundleFolder = "build";
const output = `dist/clickwell${confined ? "-confined" : fleet ? "-fleet" : ""}${
  telemetry ? "-telemetry" : ""
}`;
const notices = "dist/THIRD_PARTY_NOTICES.txt";

const { sources, byteCount } = await bundle({ folder: bundleFolder, commit: await findCommit() });
const permissions = confined ? confinedPermissions : fleet ? fleetPermissions(host) : ordinaryPermissions;
await compile({ bundleFolder, output, permissions, telemetry });
await Deno.writeTextFile(notices, noticesOf(await packagesOf(sources)));

const fault = faultOf(Deno.version.deno);
if (fault) console.error(`warning: ${fault}`);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const { size } = await Deno.stat(output);
console.error(`${output}  ${megabytes(size)}, of which the program is ${megabytes(byteCount)}`);
console.error(`${notices}  the licences of the packages in it`);
