import { createAwsKeys } from "./credentials/aws_keys.ts";
import { regionOfProfile } from "./credentials/aws_profile.ts";
import { createGoogleToken } from "./credentials/google_token.ts";
import { type Timing, unavailable } from "./exchange.ts";
import { createGcsStore } from "./gcs.ts";
import type { ObjectStore, Variable } from "./object_store.ts";
import { endpointForm, endpointOf, type ObjectUrl } from "./object_url.ts";
import { createS3Store } from "./s3.ts";

/**
 * Connects to the object store of a URL, with the credentials and the settings of its vendor's tools. Nothing is sent before the
 * first call.
 *
 * @throws {Failure} `artifacts-unavailable` for an endpoint of the environment that is none.
 */
export function openObjects(
  url: ObjectUrl,
  variable: Variable = environmentVariable,
  timing?: Partial<Timing>,
): OpenObjects {
  const closed = new AbortController();
  const context = { variable, timing: { ...timing, closed: closed.signal } };
  const store = url.service === "s3" ? openS3(url, context) : openGcs(url, context);
  return { ...store, close: () => closed.abort() };
}

export interface OpenObjects extends ObjectStore {
  /** Ends the calls that wait, those for credentials too: they fail with `artifacts-unavailable`, as later ones do. */
  close(): void;
}

interface Context {
  readonly variable: Variable;
  readonly timing: Partial<Timing>;
}

function openS3({ bucket, prefix, usePathStyle, profile, ...url }: ObjectUrl, context: Context): ObjectStore {
  const { variable, timing } = context;
  const region = url.region ?? variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ??
    regionOfProfile(context, profile) ?? "us-east-1";
  const endpoint = url.endpoint ?? requireEndpoint("AWS_ENDPOINT_URL_S3", variable("AWS_ENDPOINT_URL_S3")) ??
    requireEndpoint("AWS_ENDPOINT_URL", variable("AWS_ENDPOINT_URL"));
  const keys = createAwsKeys({ ...context, region, profile });
  return createS3Store({ bucket, prefix, region, endpoint, usePathStyle, keys, timing });
}

function openGcs({ bucket, prefix, endpoint }: ObjectUrl, context: Context): ObjectStore {
  const { variable, timing } = context;
  const emulator = variable("STORAGE_EMULATOR_HOST");
  if (endpoint === undefined && emulator !== undefined) {
    const origin = emulator.includes("://") ? emulator : `http://${emulator}`;
    const endpoint = requireEndpoint("STORAGE_EMULATOR_HOST", origin);
    return createGcsStore({ bucket, prefix, endpoint, token: undefined, timing });
  }
  return createGcsStore({ bucket, prefix, endpoint, token: createGoogleToken(context), timing });
}

function requireEndpoint(name: string, text: string | undefined): string | undefined {
  const endpoint = text === undefined ? undefined : endpointOf(text);
  if (text === undefined || endpoint !== undefined) return endpoint;
  throw unavailable("use the object store of --models", `${name} is not ${endpointForm}`);
}

/** A variable that the program may not read counts as unset. */
function environmentVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
