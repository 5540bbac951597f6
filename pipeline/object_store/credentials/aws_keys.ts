import { unavailable, xmlText } from "../exchange.ts";
import { isLoopback } from "../object_url.ts";
import type { AwsKeys } from "../s3.ts";
import { keysOfProfile } from "./aws_profile.ts";
import { createExpiring, type Expiring, type Issued } from "./expiring.ts";
import {
  credentialsAction,
  type CredentialsContext,
  membersOf,
  metadataTiming,
  readSecretFile,
  requestToken,
  timeOf,
} from "./token_request.ts";

export interface AwsContext extends CredentialsContext {
  readonly region: string;
  /** A profile of the shared credentials file, which is then the only source. */
  readonly profile?: string | undefined;
}

/** A place that may have keys; undefined if it is not set up. */
type Source = (context: AwsContext) => Promise<Issued<AwsKeys> | undefined> | Issued<AwsKeys> | undefined;

/** In the order in which AWS's tools ask them. */
const sources: readonly Source[] = [
  fromEnvironment,
  fromWebIdentity,
  (context) => keysOfProfile(context),
  fromContainer,
  fromInstance,
];

/**
 * Returns the keys of AWS's usual places: environment, web identity, shared credentials file, container, instance.
 *
 * `get` rejects with `artifacts-unavailable` if no place has keys, or the first that is set up does not give them.
 */
export function createAwsKeys(context: AwsContext): Expiring<AwsKeys> {
  const { profile } = context;
  return createExpiring(async () => {
    for (const source of profile === undefined ? sources : [() => keysOfProfile(context, profile)]) {
      const issued = await source(context);
      if (issued) return issued;
    }
    throw unavailable(
      "get credentials for S3",
      "there are none. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, keep them in ~/.aws/credentials, or give the machine or " +
        "the pod a role",
    );
  });
}

function fromEnvironment({ variable }: AwsContext): Issued<AwsKeys> | undefined {
  const accessKeyId = variable("AWS_ACCESS_KEY_ID");
  const secretAccessKey = variable("AWS_SECRET_ACCESS_KEY");
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { value: { accessKeyId, secretAccessKey, sessionToken: variable("AWS_SESSION_TOKEN") } };
  }
  throw unavailable(
    credentialsAction("the environment"),
    "one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is not set",
  );
}

/** Exchanges the token of a Kubernetes service account for keys. @see AWS STS, AssumeRoleWithWebIdentity. */
async function fromWebIdentity(
  { variable, region, timing }: AwsContext,
): Promise<Issued<AwsKeys> | undefined> {
  const [tokenFile, role] = [variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN")];
  if (tokenFile === undefined || role === undefined) return undefined;
  const from = "AWS STS, for the web identity of AWS_WEB_IDENTITY_TOKEN_FILE";
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const url = variable("AWS_ENDPOINT_URL_STS") ?? variable("AWS_ENDPOINT_URL") ??
    `https://sts.${region}.${domain}`;
  // The file is read again each time: Kubernetes replaces the token before it expires.
  const body = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: role,
    RoleSessionName: variable("AWS_ROLE_SESSION_NAME") ?? `clickwell-${Date.now()}`,
    WebIdentityToken: readSecretFile(tokenFile, from).trim(),
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const { bytes } = await requestToken(from, { method: "POST", url, headers, body: body.toString() }, timing);
  const xml = new TextDecoder().decode(bytes);
  const member = (name: string) => {
    const text = xmlText(xml, name);
    if (text) return text;
    throw unavailable(credentialsAction(from), `the answer has no ${name}`);
  };
  return {
    value: {
      accessKeyId: member("AccessKeyId"),
      secretAccessKey: member("SecretAccessKey"),
      sessionToken: member("SessionToken"),
    },
    expiresAt: timeOf(member("Expiration"), from),
  };
}

/** Hosts to which a container's token may be sent without TLS: those of ECS and of EKS. */
const containerHosts = new Set(["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]);

/** ECS tasks and EKS pod identities. */
async function fromContainer({ variable, timing }: AwsContext): Promise<Issued<AwsKeys> | undefined> {
  const relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  const text = relative === undefined ? full : `http://169.254.170.2${relative}`;
  if (text === undefined) return undefined;
  const from = "the container's credentials server";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !(url.protocol === "https:" || containerHosts.has(url.hostname) || isLoopback(url.hostname))) {
    throw unavailable(
      credentialsAction(from),
      "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither of https nor of a container's own address",
    );
  }
  const file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const token = file === undefined
    ? variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    : readSecretFile(file, from).trim();
  const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
  const { bytes } = await requestToken(from, { method: "GET", url: url.href, headers }, {
    ...metadataTiming,
    ...timing,
  });
  return issuedBy(bytes, from);
}

/** The role of an EC2 instance, by the second version of its metadata service. */
async function fromInstance({ variable, timing }: AwsContext): Promise<Issued<AwsKeys> | undefined> {
  if (variable("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true") return undefined;
  const base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")?.replace(/\/$/, "") ?? "http://169.254.169.254";
  const from = "the metadata server of EC2";
  const near = { ...metadataTiming, ...timing };
  const path = `${base}/latest/meta-data/iam/security-credentials/`;
  let token: Uint8Array;
  try {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": "300" };
    token =
      (await requestToken(from, { method: "PUT", url: `${base}/latest/api/token`, headers }, near)).bytes;
  } catch {
    // Not on EC2.
    return undefined;
  }
  const headers = { "x-aws-ec2-metadata-token": new TextDecoder().decode(token) };
  const { bytes } = await requestToken(from, { method: "GET", url: path, headers }, near);
  const [role] = new TextDecoder().decode(bytes).split("\n");
  if (!/^[\w+=,.@-]{1,64}$/.test(role)) {
    throw unavailable(credentialsAction(from), "the instance has no role");
  }
  return issuedBy((await requestToken(from, { method: "GET", url: path + role, headers }, near)).bytes, from);
}

function issuedBy(bytes: Uint8Array, from: string): Issued<AwsKeys> {
  const member = membersOf(bytes, from);
  return {
    value: {
      accessKeyId: member("AccessKeyId"),
      secretAccessKey: member("SecretAccessKey"),
      sessionToken: member("Token"),
    },
    expiresAt: timeOf(member("Expiration"), from),
  };
}
