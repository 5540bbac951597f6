import { join } from "node:path";
import { unavailable } from "../exchange.ts";
import type { AwsKeys } from "../s3.ts";
import type { Issued } from "./expiring.ts";
import { credentialsAction, type CredentialsContext, readSecretFile } from "./token_request.ts";

type Section = Readonly<Record<string, string>>;

/** Parses a file of AWS's tools: sections of `name = value`. */
export function parseProfiles(text: string): ReadonlyMap<string, Section> {
  const sections = new Map<string, Record<string, string>>();
  let section: Record<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const title = /^\s*\[\s*(?:profile\s+)?"?([^\]"]+?)"?\s*\]/.exec(line);
    const entry = /^([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (title) sections.set(title[1], section = sections.get(title[1]) ?? {});
    else if (entry && section && !/^\s*[#;]/.test(line)) section[entry[1].toLowerCase()] = entry[2];
  }
  return sections;
}

/** The name of the profile, and whether it was asked for. */
function profileNameOf({ variable }: CredentialsContext, profile?: string) {
  const asked = profile ?? variable("AWS_PROFILE");
  return { name: asked ?? "default", isAsked: asked !== undefined };
}

function pathOf({ variable }: CredentialsContext, file: "credentials" | "config"): string | undefined {
  const named = variable(file === "credentials" ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
  const home = variable("HOME") ?? variable("USERPROFILE");
  return named ?? (home === undefined ? undefined : join(home, ".aws", file));
}

/** A file that is not there, or may not be read, has no sections: the next source is tried. */
function sectionOf(
  context: CredentialsContext,
  file: "credentials" | "config",
  name: string,
): Section | undefined {
  const path = pathOf(context, file);
  try {
    return path === undefined ? undefined : parseProfiles(Deno.readTextFileSync(path)).get(name);
  } catch {
    return undefined;
  }
}

/** Returns the region of the profile in AWS's config file, if it has one. */
export function regionOfProfile(context: CredentialsContext, profile?: string): string | undefined {
  return sectionOf(context, "config", profileNameOf(context, profile).name)?.region;
}

/**
 * Returns the keys of a profile in the shared credentials file, or in the config file; undefined if there is none.
 *
 * @throws {Failure} `artifacts-unavailable` for a profile that was asked for and has no keys.
 */
export function keysOfProfile(context: CredentialsContext, profile?: string): Issued<AwsKeys> | undefined {
  const { name, isAsked } = profileNameOf(context, profile);
  const section = [sectionOf(context, "credentials", name), sectionOf(context, "config", name)]
    .find((section) => section?.aws_access_key_id && section.aws_secret_access_key);
  if (section) {
    return {
      value: {
        accessKeyId: section.aws_access_key_id,
        secretAccessKey: section.aws_secret_access_key,
        sessionToken: section.aws_session_token || undefined,
      },
    };
  }
  if (!isAsked) return undefined;
  const from = `the profile ${name} of AWS's credentials file`;
  const path = pathOf(context, "credentials");
  if (path !== undefined) readSecretFile(path, from);
  throw unavailable(
    credentialsAction(from),
    "it has no aws_access_key_id and aws_secret_access_key. Profiles of single sign-on and of assumed roles are not read: " +
      "export their keys to the environment",
  );
}
