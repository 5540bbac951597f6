import { withBytes } from "../../http/body.ts";
import { bodyFailure } from "../../http/body_failure.ts";
import type { ListedModel, ModelRepository } from "../../models/model_repository.ts";
import { readingProblems } from "../../http/problem.ts";
import { jsonResponse, type Route, routesWith } from "../../http/route.ts";
import { kindOf, parseProtocolJson, requireObject } from "../protocol_body.ts";
import { invalid } from "../protocol_rows.ts";
import { modelProblems, nameParameter } from "../names.ts";
import { requireParameters } from "./tensor.ts";
import { isObject } from "../../../pipeline/exact_json.ts";

const route = routesWith("protocols", () => import("./schemas.ts"));

const bodyBytesMax = 64 * 1024;

/**
 * Returns the model repository routes of the Open Inference Protocol. Loading makes a model ready, unloading makes it
 * unavailable; neither changes the active model.
 *
 * @see triton docs/protocol/extension_model_repository.md; kserve v2_endpoints.py for the answers' bodies.
 */
export function modelRepositoryRoutes(repository: ModelRepository): readonly Route[] {
  const index = route("POST", "/v2/repository/index", {
    id: "inferenceIndex",
    summary: "Open Inference: names of the models, and whether they are ready",
    schemas: "index",
    problems: readingProblems,
  }, async ({ request }) => {
    const { ready } = await readOptions(request);
    const all = await repository.list();
    return jsonResponse(all.filter((model) => ready !== true || model.ready).map(indexEntry));
  });
  const load = route("POST", "/v2/repository/models/:name/load", {
    id: "inferenceLoad",
    summary: "Open Inference: load a model; does not change which one is in production",
    schemas: "load",
    write: true,
    parameters: [nameParameter],
    problems: modelProblems,
  }, async ({ request, parameters: { name } }) => {
    rejectContent((await readOptions(request)).parameters);
    await repository.load({ name });
    return jsonResponse({ name, load: true });
  });
  const unload = route("POST", "/v2/repository/models/:name/unload", {
    id: "inferenceUnload",
    summary: "Open Inference: unload a model that is not in production",
    schemas: "unload",
    write: true,
    parameters: [nameParameter],
    problems: ["model-in-production", ...modelProblems],
  }, async ({ request, parameters: { name } }) => {
    await readOptions(request);
    await repository.unload({ name });
    return jsonResponse({ name, unload: true });
  });
  return [index, load, unload];
}

function indexEntry({ name, version, ready }: ListedModel) {
  return {
    name,
    version: String(version),
    state: ready ? "READY" : "UNAVAILABLE",
    reason: ready ? "" : "unloaded",
  };
}

/** @throws {Failure} `body-malformed`, `body-oversized`, `input-invalid` */
async function readOptions(request: Request): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await withBytes(request, { bytesMax: bodyBytesMax, isWrite: true }, (bytes) => {
      const options = bytes.length === 0 ? {} : requireObject(parseProtocolJson(bytes), "The body");
      const { ready, parameters } = options;
      if (ready !== undefined && typeof ready !== "boolean") {
        throw invalid("#/ready", `must be true or false, not ${kindOf(ready)}`);
      }
      requireParameters(parameters, "#");
      return options;
    });
  } catch (error) {
    throw bodyFailure(error, request);
  }
}

/** Rejects a configuration or files of a model, which Triton accepts here: clickwell serves models only as registered. */
function rejectContent(parameters: unknown): void {
  if (!isObject(parameters)) return;
  const name = Object.keys(parameters).find((name) => name === "config" || name.startsWith("file:"));
  if (name === undefined) return;
  throw invalid(
    `#/parameters/${name.replaceAll("/", "~1")}`,
    "is not supported: a model is loaded as it was registered",
  );
}
