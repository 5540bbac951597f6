import { createHash } from "node:crypto";

/** A request that a stand-in has received. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
}

/** Answers in place of the store; undefined lets the store answer. */
export type Fault = (seen: Seen) => Response | Promise<Response> | undefined;

/** A server in this process that answers as S3 does, or as Cloud Storage's JSON API, as far as clickwell asks it. */
export interface ObjectServer extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  /** Names are `bucket/key`. */
  readonly objects: Map<string, Uint8Array<ArrayBuffer>>;
  readonly seen: Seen[];
  fault: Fault | undefined;
  /** Keys of a page of a listing. */
  pageSize: number;
  stop(): Promise<void>;
}

type Protocol = (server: ObjectServer, seen: Seen, body: Uint8Array<ArrayBuffer>) => Response;

/** @param buckets Those that exist. */
export function serveS3(buckets: readonly string[] = ["bucket"], port = 0): ObjectServer {
  return serve((server, seen, body) => answerS3(server, seen, { body, buckets }), port);
}

export function serveGcs(buckets: readonly string[] = ["bucket"], port = 0): ObjectServer {
  return serve((server, seen, body) => answerGcs(server, seen, { body, buckets }), port);
}

function serve(protocol: Protocol, port: number): ObjectServer {
  const listening = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const seen = {
      method: request.method,
      path: decodeURIComponent(pathname),
      query: searchParams,
      headers: request.headers,
    };
    server.seen.push(seen);
    const body = await request.bytes();
    return await server.fault?.(seen) ?? protocol(server, seen, body);
  });
  const server: ObjectServer = {
    origin: `http://127.0.0.1:${listening.addr.port}`,
    port: listening.addr.port,
    objects: new Map(),
    seen: [],
    fault: undefined,
    pageSize: 1_000,
    stop: () => listening.shutdown(),
    [Symbol.asyncDispose]: () => shutDown(listening),
  };
  return server;
}

/** Also if a test has failed and requests are still held back. */
async function shutDown(listening: Deno.HttpServer): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, 200));
  await Promise.race([listening.shutdown(), late]);
  clearTimeout(timer);
}

interface Content {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly buckets: readonly string[];
}

function answerS3(server: ObjectServer, { method, path, query, headers }: Seen, { body, buckets }: Content) {
  const name = path.slice(1);
  const [bucket, ...key] = name.split("/");
  if (!/^AWS4-HMAC-SHA256 /.test(headers.get("authorization") ?? "")) return s3Error(403, "AccessDenied");
  if (!buckets.includes(bucket)) return s3Error(404, "NoSuchBucket");
  if (key.length === 0) return listS3(server, bucket, query);
  const bytes = server.objects.get(name);
  switch (method) {
    case "HEAD":
      return new Response(null, { status: bytes ? 200 : 404 });
    case "GET":
      return bytes ? new Response(bytes, { headers: { etag: tagOf(bytes) } }) : s3Error(404, "NoSuchKey");
    case "PUT": {
      if (headers.get("if-none-match") === "*" && bytes) return s3Error(412, "PreconditionFailed");
      if (headers.get("x-amz-checksum-sha256") !== createHash("sha256").update(body).digest("base64")) {
        return s3Error(400, "BadDigest");
      }
      server.objects.set(name, body);
      return new Response(null, { headers: { etag: tagOf(body) } });
    }
    case "DELETE":
      server.objects.delete(name);
      return new Response(null, { status: 204 });
    default:
      return s3Error(405, "MethodNotAllowed");
  }
}

function s3Error(status: number, code: string): Response {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>a message</Message></Error>`;
  return new Response(xml, { status, headers: { "content-type": "application/xml" } });
}

function tagOf(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function page(server: ObjectServer, bucket: string, { prefix, from }: { prefix: string; from: number }) {
  const keys = [...server.objects.keys()].filter((name) => name.startsWith(`${bucket}/${prefix}`))
    .map((name) => name.slice(bucket.length + 1)).sort();
  const next = from + server.pageSize;
  return { keys: keys.slice(from, next), next: next < keys.length ? String(next) : undefined };
}

function listS3(server: ObjectServer, bucket: string, query: URLSearchParams): Response {
  const from = Number(query.get("continuation-token") ?? 0);
  const { keys, next } = page(server, bucket, { prefix: query.get("prefix") ?? "", from });
  const contents = keys.map((key) => `<Contents><Key>${key.replaceAll("&", "&amp;")}</Key></Contents>`).join(
    "",
  );
  const more = next === undefined ? "" : `<NextContinuationToken>${next}</NextContinuationToken>`;
  return new Response(
    `<ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${contents}${more}</ListBucketResult>`,
  );
}

function answerGcs(server: ObjectServer, { method, path, query }: Seen, { body, buckets }: Content) {
  const found = /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/(.*))?$/.exec(path);
  if (!found) return gcsError(404, "Not Found");
  const [, upload, bucket, key] = found;
  if (!buckets.includes(bucket)) return gcsError(404, "The specified bucket does not exist.");
  const name = `${bucket}/${upload ? query.get("name") : key}`;
  const bytes = server.objects.get(name);
  if (upload) {
    if (query.get("ifGenerationMatch") === "0" && bytes) return gcsError(412, "conditionNotMet");
    server.objects.set(name, body);
    return Response.json({
      name: query.get("name"),
      md5Hash: createHash("md5").update(body).digest("base64"),
    });
  }
  if (key === undefined) {
    const from = Number(query.get("pageToken") ?? 0);
    const { keys, next } = page(server, bucket, { prefix: query.get("prefix") ?? "", from });
    return Response.json({ items: keys.map((name) => ({ name })), ...(next ? { nextPageToken: next } : {}) });
  }
  if (!bytes) return gcsError(404, `No such object: ${name}`);
  if (method === "DELETE") {
    server.objects.delete(name);
    return new Response(null, { status: 204 });
  }
  if (query.get("alt") !== "media") return Response.json({ name: key });
  return new Response(bytes);
}

function gcsError(code: number, message: string): Response {
  return Response.json({ error: { code, message } }, { status: code });
}
