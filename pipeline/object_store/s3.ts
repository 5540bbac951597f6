import { AwsV4Signer } from "aws4fetch";
import { createHash } from "node:crypto";
import { Failure } from "../failure.ts";
import {
  type Answer,
  exchange,
  firstWords,
  noBucket,
  redirected,
  type Sent,
  type Timing,
  unavailable,
  unescapeXml,
  xmlText,
} from "./exchange.ts";
import type { Expiring } from "./credentials/expiring.ts";
import { type ObjectRequest, objectStoreOf } from "./object_client.ts";
import { type ObjectStore, pagesMax } from "./object_store.ts";

/** Keys with which requests to AWS are signed. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface S3Options {
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  readonly region: string;
  /** The origin of a compatible server; default: that of AWS. */
  readonly endpoint?: string | undefined;
  /** Default: only with an endpoint, and for a bucket whose name would not be one part of a host. */
  readonly usePathStyle?: boolean | undefined;
  readonly keys: Expiring<AwsKeys>;
  readonly timing?: Partial<Timing> | undefined;
}

/** Connects to S3, or to a server that speaks its protocol. Nothing is sent before the first call. */
export function createS3Store(options: S3Options): ObjectStore {
  const client = createClient(options);
  return objectStoreOf(client, {
    lookBy: "HEAD",
    put: (key, body, isNew) => put(client, key, body, isNew),
    list: (start) => list(client, start),
  });
}

/** A bucket, below a prefix. */
type Client = ReturnType<typeof createClient>;

function createClient(options: S3Options) {
  const { bucket, prefix } = options;
  const base = bucketUrl(options);

  async function ask(request: ObjectRequest): Promise<Answer> {
    const { method, action, path = "", query = {}, headers = {}, body } = request;
    const url = new URL(path === "" ? base : `${base}/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const sent = { method, url: url.href, ...(body ? { body } : {}) };
    const sign = () => signed({ ...sent, headers: new Headers(headers) }, options);
    const hedged = method === "GET" || method === "HEAD";
    const send = () => exchange(sign, { action, hedged, timing: { ...request.timing, ...options.timing } });
    const answer = await send();
    // Keys may be revoked, or exchanged for others in their file, before they expire.
    if (![400, 401, 403].includes(answer.status) || !options.keys.drop()) return answer;
    return await send();
  }

  return {
    location: `s3://${bucket}${prefix && `/${prefix}`}`,
    prefix,
    pathOf: (key: string) => prefix === "" ? key : `${prefix}/${key}`,
    /** @throws {Failure} for any other status. */
    async expect(request: ObjectRequest, statuses: readonly number[]): Promise<Answer> {
      const answer = await ask(request);
      if (!statuses.includes(answer.status)) throw refused(answer, request.action, options);
      // A bucket that does not exist is answered with the status of a missing object, and so is a page of some other server.
      const isMissing = answer.status === 404 && request.method === "GET";
      if (isMissing && codeOf(answer) !== "NoSuchKey") throw refused(answer, request.action, options);
      return answer;
    },
  };
}

async function put(
  { location, pathOf, expect }: Client,
  key: string,
  body: Uint8Array<ArrayBuffer>,
  isNew: boolean,
): Promise<boolean> {
  const action = `write ${location}/${key}`;
  const headers = {
    "content-type": "application/octet-stream",
    "x-amz-checksum-sha256": createHash("sha256").update(body).digest("base64"),
    ...(isNew ? { "if-none-match": "*" } : {}),
  };
  // 409: another write of the same key was going on; which of them won, a read tells.
  const answer = await expect({ method: "PUT", action, path: pathOf(key), headers, body }, [200, 409, 412]);
  if (answer.status === 200 && !answer.headers.has("etag")) throw strange(answer, action);
  return answer.status === 200;
}

async function list({ location, prefix, pathOf, expect }: Client, start: string): Promise<string[]> {
  const keys: string[] = [];
  const action = `list ${location}/${start}`;
  let token: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const query = {
      "list-type": "2",
      prefix: pathOf(start),
      ...(token ? { "continuation-token": token } : {}),
    };
    const answer = await expect({ method: "GET", action, query }, [200]);
    const xml = new TextDecoder().decode(answer.bytes);
    if (!/<ListBucketResult[\s>]/.test(xml)) throw strange(answer, action);
    for (const [, key] of xml.matchAll(/<Key>([^<]*)<\/Key>/g)) {
      keys.push(unescapeXml(key).slice(prefix === "" ? 0 : prefix.length + 1));
    }
    token = xmlText(xml, "NextContinuationToken");
    if (xmlText(xml, "IsTruncated") !== "true" || token === undefined) return keys;
  }
  throw unavailable(action, `there are more than ${pagesMax} pages of keys`);
}

/** Returns the URL of the bucket, without a slash at its end. */
export function bucketUrl(
  { bucket, region, endpoint, usePathStyle }: Pick<
    S3Options,
    "bucket" | "region" | "endpoint" | "usePathStyle"
  >,
): string {
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const origin = endpoint ?? `https://s3.${region}.${domain}`;
  if (usePathStyle ?? (endpoint !== undefined || bucket.includes("."))) return `${origin}/${bucket}`;
  return origin.replace("://", `://${bucket}.`);
}

async function signed(sent: Sent, { keys, region }: S3Options): Promise<Sent> {
  const { headers } = sent;
  headers.set("x-amz-content-sha256", createHash("sha256").update(sent.body ?? "").digest("hex"));
  const { accessKeyId, secretAccessKey, sessionToken } = await keys.get();
  const signer = new AwsV4Signer({
    method: sent.method,
    url: sent.url,
    headers,
    ...{ accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    service: "s3",
    region,
  });
  return { ...sent, headers: (await signer.sign()).headers };
}

function codeOf({ bytes }: Answer): string | undefined {
  const xml = new TextDecoder().decode(bytes);
  return /<Error[\s>]/.test(xml) ? xmlText(xml, "Code")?.slice(0, 60) : undefined;
}

/** Returns the failure of a request that was answered, but not with success. */
function refused(answer: Answer, action: string, { bucket, region }: S3Options): Failure {
  const code = codeOf(answer);
  const actual = answer.headers.get("x-amz-bucket-region") ??
    xmlText(new TextDecoder().decode(answer.bytes), "Region");
  const { status } = answer;
  if (code === "NoSuchBucket") {
    return noBucket(bucket, action);
  }
  if (actual !== undefined && actual !== region && /^[a-z0-9-]{1,40}$/.test(actual)) {
    return unavailable(
      action,
      `the bucket is in the region ${actual}, not in ${region}. Set AWS_REGION=${actual}`,
    );
  }
  if (status >= 300 && status < 400) return redirected(status, action);
  const reason = code === undefined ? "" : ` (${code})`;
  if (status === 401 || status === 403) {
    return unavailable(
      action,
      `access is denied${reason}, status ${status}. Check the credentials, and that they may read, write, list and delete there`,
    );
  }
  if (code === undefined && answer.bytes.length > 0) return strange(answer, action);
  return unavailable(action, `status ${status}${reason}`);
}

function strange({ status, bytes }: Answer, action: string): Failure {
  return unavailable(
    action,
    `the server answered ${firstWords(bytes)}, status ${status}, which is not S3's protocol`,
  );
}
