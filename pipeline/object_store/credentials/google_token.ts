import { join } from "node:path";
import { unavailable } from "../exchange.ts";
import { isSafe } from "../object_url.ts";
import { createExpiring, type Expiring, type Issued } from "./expiring.ts";
import {
  credentialsAction,
  type CredentialsContext,
  membersOf,
  metadataTiming,
  parsed,
  readSecretFile,
  requestToken,
  timeOf,
} from "./token_request.ts";

const scope = "https://www.googleapis.com/auth/devstorage.read_write";
const formType = { "content-type": "application/x-www-form-urlencoded" };

/**
 * Returns access tokens by Google's application default credentials: the file of GOOGLE_APPLICATION_CREDENTIALS, that of gcloud,
 * the metadata server.
 *
 * `get` rejects with `artifacts-unavailable` if no place has credentials, or the first that is set up does not give a token.
 */
export function createGoogleToken(context: CredentialsContext): Expiring<string> {
  return createExpiring(async () => {
    const file = credentialsFileOf(context);
    return file === undefined ? await fromMetadata(context) : await fromFile(file, context);
  });
}

function credentialsFileOf({ variable }: CredentialsContext): string | undefined {
  const named = variable("GOOGLE_APPLICATION_CREDENTIALS");
  if (named !== undefined) return named;
  const home = variable("HOME");
  if (home === undefined) return undefined;
  const path = join(home, ".config", "gcloud", "application_default_credentials.json");
  try {
    Deno.statSync(path);
    return path;
  } catch {
    return undefined;
  }
}

async function fromFile(path: string, context: CredentialsContext): Promise<Issued<string>> {
  const from = path;
  const text = readSecretFile(path, from);
  const member = membersOf(text, from);
  switch (member("type")) {
    case "service_account":
      return await fromServiceAccount(member, from, context);
    case "authorized_user":
      return await tokenFrom("https://oauth2.googleapis.com/token", {
        grant_type: "refresh_token",
        client_id: member("client_id"),
        client_secret: member("client_secret"),
        refresh_token: member("refresh_token"),
      }, { from, context });
    case "external_account":
      return await fromWorkload(parsed(text, from), { member, from, context });
    default:
      throw unavailable(
        credentialsAction(from),
        "its type is not service_account, authorized_user or external_account",
      );
  }
}

interface Place {
  readonly from: string;
  readonly context: CredentialsContext;
}

/** Sends a form to a token endpoint of OAuth. */
async function tokenFrom(url: string, form: Readonly<Record<string, string>>, { from, context }: Place) {
  requireSafe(url, from);
  const body = new URLSearchParams(form).toString();
  const { bytes } = await requestToken(
    from,
    { method: "POST", url, headers: formType, body },
    context.timing,
  );
  return issuedBy(bytes, from);
}

function issuedBy(bytes: Uint8Array, from: string): Issued<string> {
  const member = membersOf(bytes, from);
  const seconds = Number(member("expires_in"));
  if (!(seconds > 0)) throw unavailable(credentialsAction(from), "expires_in is not a number of seconds");
  return { value: member("access_token"), expiresAt: Date.now() + 1000 * seconds };
}

function requireSafe(url: string, from: string): void {
  if (!isSafe(url)) throw unavailable(credentialsAction(from), "it names a server without TLS");
}

/** @see RFC 7523, JSON Web Token Profile for OAuth 2.0. */
async function fromServiceAccount(
  member: (name: string) => string,
  from: string,
  context: CredentialsContext,
): Promise<Issued<string>> {
  const url = member("token_uri");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: member("client_email"), scope, aud: url, iat: now, exp: now + 3_600 };
  const key = await importKey(member("private_key"), from);
  const unsigned = [{ alg: "RS256", typ: "JWT", kid: member("private_key_id") }, claims]
    .map((part) => base64url(new TextEncoder().encode(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, new TextEncoder().encode(unsigned));
  return await tokenFrom(url, {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: `${unsigned}.${base64url(new Uint8Array(signature))}`,
  }, { from, context });
}

async function importKey(pem: string, from: string): Promise<CryptoKey> {
  try {
    const der = Uint8Array.fromBase64(pem.replace(/-----[^-]*-----|\s/g, ""));
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
  } catch {
    throw unavailable(credentialsAction(from), "its private_key is not a key in PKCS #8");
  }
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Workload identity federation: a token of another provider, from a file or a server, is exchanged. @see RFC 8693 */
async function fromWorkload(
  file: Readonly<Record<string, unknown>>,
  { member, from, context }: Place & { readonly member: (name: string) => string },
): Promise<Issued<string>> {
  const issued = await tokenFrom(member("token_url"), {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
    audience: member("audience"),
    scope,
    subject_token: await subjectToken(file.credential_source, { from, context }),
    subject_token_type: member("subject_token_type"),
  }, { from, context });
  const url = file.service_account_impersonation_url;
  if (typeof url !== "string") return issued;
  requireSafe(url, from);
  const headers = { "content-type": "application/json", authorization: `Bearer ${issued.value}` };
  const body = JSON.stringify({ scope: [scope] });
  const { bytes } = await requestToken(from, { method: "POST", url, headers, body }, context.timing);
  const account = membersOf(bytes, from);
  return { value: account("accessToken"), expiresAt: timeOf(account("expireTime"), from) };
}

async function subjectToken(source: unknown, { from, context }: Place): Promise<string> {
  const { file, url, headers, format } = (source ?? {}) as Partial<Record<string, unknown>>;
  const text = typeof file === "string"
    ? readSecretFile(file, from)
    : typeof url === "string"
    ? await askSource(url, headers as Record<string, string>, { from, context })
    : undefined;
  if (text === undefined) {
    throw unavailable(credentialsAction(from), "its credential_source has neither a file nor a url");
  }
  const { type, subject_token_field_name: name } = (format ?? {}) as Partial<Record<string, unknown>>;
  return type === "json" && typeof name === "string" ? membersOf(text, from)(name) : text.trim();
}

async function askSource(
  url: string,
  headers: Record<string, string> = {},
  { from, context }: Place,
): Promise<string> {
  const { bytes } = await requestToken(from, { method: "GET", url, headers }, context.timing);
  return new TextDecoder().decode(bytes);
}

/** The service account of a machine, a pod or a service of Google Cloud. */
async function fromMetadata({ variable, timing }: CredentialsContext): Promise<Issued<string>> {
  const host = variable("GCE_METADATA_HOST") ?? "metadata.google.internal";
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token?scopes=${scope}`;
  const from = "the metadata server of Google Cloud";
  try {
    const sent = { method: "GET", url, headers: { "metadata-flavor": "Google" } };
    return issuedBy((await requestToken(from, sent, { ...metadataTiming, ...timing })).bytes, from);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\.$/, "") : "";
    throw unavailable(
      "get credentials for Cloud Storage",
      `${reason}. Set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials, or give the machine or the pod a service account`,
    );
  }
}
