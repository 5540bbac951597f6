import { usageInvalid } from "../failure.ts";

/** A place in an object store, as `--models` names it. */
export interface ObjectUrl {
  readonly service: "s3" | "gs";
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  /** The origin of another server than the service's own. */
  readonly endpoint?: string;
  readonly region?: string;
  /** A profile of the shared credentials file. */
  readonly profile?: string;
  /** Whether the bucket is part of the path, and not of the host. */
  readonly usePathStyle?: boolean;
}

const parameterNames = {
  s3: ["endpoint", "region", "profile", "use_path_style"],
  gs: ["endpoint"],
} as const;

/** What an endpoint is, for messages. */
export const endpointForm = "the URL of a server, expected https://HOST:PORT without a name or a password";

/** Whether `--models` names an object store, and not a folder. */
export function isObjectUrl(models: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//.test(models);
}

/** Returns the place without its parameters. */
export function locationOf(models: string): string {
  return isObjectUrl(models) ? models.replace(/\?.*$/s, "").replace(/\/+$/, "") : models;
}

/**
 * Parses `s3://BUCKET/PREFIX?endpoint=…&region=…&profile=…&use_path_style=true` or `gs://BUCKET/PREFIX?endpoint=…`.
 *
 * @throws {Failure} `usage-invalid`
 */
export function parseObjectUrl(text: string): ObjectUrl {
  const fail = (what: string) => usageInvalid(`--models is ${JSON.stringify(shown(text))}: ${what}.`);
  const found = /^(s3|gs):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/.exec(text);
  if (!found) throw fail("expected a folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX");
  const [, service, bucket, path, query = ""] = found as unknown as [
    string,
    "s3" | "gs",
    string,
    string,
    string?,
  ];
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket)) {
    throw fail(
      "its bucket is not one: expected 3 or more of the characters a-z, 0-9, dot, hyphen and underscore; " +
        "credentials are never part of the URL",
    );
  }
  const prefix = path.replace(/^\/+|\/+$/g, "");
  if (!/^[\w.=\/-]*$/.test(prefix) || /\/\/|(^|\/)\.{1,2}(\/|$)/.test(prefix)) {
    throw fail("its prefix may have letters, digits and _ . = - / only, and no empty part");
  }
  const parameters = new URLSearchParams(query);
  const known: readonly string[] = parameterNames[service];
  for (const name of parameters.keys()) {
    if (!known.includes(name)) {
      throw fail(`it has the parameter ${JSON.stringify(name)}, expected ${known.join(", ")}`);
    }
  }
  const value = (name: string) => parameters.get(name) || undefined;
  const usePathStyle = value("use_path_style");
  if (usePathStyle !== undefined && usePathStyle !== "true" && usePathStyle !== "false") {
    throw fail("use_path_style is true or false");
  }
  const [given, region, profile] = ["endpoint", "region", "profile"].map(value);
  const endpoint = given === undefined ? undefined : endpointOf(given);
  if (given !== undefined && endpoint === undefined) throw fail(`its endpoint is not ${endpointForm}`);
  if (service === "gs" && endpoint !== undefined && !isSafe(endpoint)) {
    throw fail("its endpoint has no TLS, and would be sent an access token");
  }
  if (region !== undefined && !/^[a-z0-9-]{1,40}$/.test(region)) {
    throw fail("its region is not a name such as eu-west-1");
  }
  return {
    service,
    bucket,
    prefix,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(usePathStyle === undefined ? {} : { usePathStyle: usePathStyle === "true" }),
  };
}

/** Returns the URL of a server without a slash at its end; undefined if the text is none, or has more than a host and a path. */
export function endpointOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" &&
    url.search === "" && url.hash === "";
  return isOrigin ? url.origin + url.pathname.replace(/\/+$/, "") : undefined;
}

/** Whether secrets may be sent to a URL: by TLS, or within this machine. */
export function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** The URL without what might be a secret: in the place of a host, or in a parameter. */
function shown(text: string): string {
  return text.replace(/\?.*$/s, "").replace(/\/\/[^/]*@/, "//…@").slice(0, 200);
}
