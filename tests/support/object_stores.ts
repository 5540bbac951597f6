import type { ArtifactStore } from "../../pipeline/model/artifact.ts";
import { createObjectArtifacts } from "../../pipeline/model/artifact_objects.ts";
import type { Timing } from "../../pipeline/object_store/exchange.ts";
import { type OpenObjects, openObjects } from "../../pipeline/object_store/open_objects.ts";
import { parseObjectUrl } from "../../pipeline/object_store/object_url.ts";

export const testSecret = "the-secret-key-of-a-test";

/** Credentials as the environment has them. */
export const testKeys: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: "testkey",
  AWS_SECRET_ACCESS_KEY: testSecret,
};

/** Short limits, so that a test of a time limit takes a fraction of a second. */
export const testTiming: Timing = {
  requestMs: 300,
  totalMs: 400,
  hedgeMs: 100,
  backoffMs: 5,
  failuresMax: 4,
};

/** Opens the object store of a URL with an environment that has only these variables. */
export function objectsAt(
  url: string,
  variables: Readonly<Record<string, string>> = testKeys,
  timing: Partial<Timing> = testTiming,
): OpenObjects {
  return openObjects(parseObjectUrl(url), (name) => variables[name], timing);
}

export function artifactsAt(url: string, variables?: Readonly<Record<string, string>>): ArtifactStore {
  return createObjectArtifacts(objectsAt(url, variables));
}
