import { Failure } from "../../../pipeline/failure.ts";
import { type ModelReference, type ModelRepository, productionName } from "../../models/model_repository.ts";
import type { Parameter } from "../../http/operation.ts";
import { predictionInit } from "../../routes/predict.ts";
import { jsonResponse, type RequestContext, type Route, routesWith } from "../../http/route.ts";
import { explanationDetail } from "../../scoring/row_answer.ts";
import type { LoadedModel } from "../../models/loaded_model.ts";
import { startSlices } from "../../runtime/time_slices.ts";
import { withContent, withProtocolJson } from "../protocol_body.ts";
import type { ProtocolRows } from "../protocol_rows.ts";
import { listModelNames, modelProblems, nameParameter } from "../names.ts";
import { idMembers, modelResponse } from "../responses.ts";
import { withScores } from "../score_rows.ts";
import { tensorflowMetadata } from "./metadata.ts";
import { readExamplesRequest, readPredictRequest } from "./request.ts";
import { isObject } from "../../../pipeline/exact_json.ts";

/** One of the verbs of a path, such as `:predict`. */
interface Verb {
  readonly summary: string;
  read(model: LoadedModel, body: unknown): VerbRequest;
}

interface VerbRequest {
  readonly rows: ProtocolRows;
  /** Returns the members of the answer without the ids. */
  members(probabilities: readonly number[]): string | Promise<string>;
}

const route = routesWith("protocols", () => import("./schemas.ts"));

/** The ways to name a model in a path. */
const modelPaths = [
  { path: "/v1/models/:name", of: "", id: "", parameters: [nameParameter] },
  {
    path: "/v1/models/:name/versions/:version",
    of: ", by version",
    id: "OfVersion",
    parameters: [nameParameter, {
      name: "version",
      in: "path",
      description: "a version, an integer",
      schema: { type: "string", examples: ["1"] },
    }],
  },
  {
    path: "/v1/models/:name/labels/:label",
    of: ", by alias",
    id: "OfLabel",
    parameters: [nameParameter, {
      name: "label",
      in: "path",
      description: "an alias, an id or a version",
      schema: { type: "string", examples: ["champion"] },
    }],
  },
] satisfies { readonly parameters: Parameter[]; readonly [member: string]: unknown }[];

const verbNames = ["predict", "classify", "regress", "explain"] as const;

const verbs: Readonly<Record<typeof verbNames[number], Verb>> = {
  predict: {
    summary: "TensorFlow Serving, KServe V1: rows or columns of raw fields → probabilities",
    read(model, body) {
      const { rows, answersAs } = readPredictRequest(model, body);
      return { rows, members: (probabilities) => `"${answersAs}":[${probabilities.join(",")}]` };
    },
  },
  classify: {
    summary: "TensorFlow Serving: examples → the probabilities of both labels",
    read: (model, body) => ({
      rows: readExamplesRequest(model, body),
      members: (probabilities) =>
        `"results":[${probabilities.map((p) => `[["0",${1 - p}],["1",${p}]]`).join(",")}]`,
    }),
  },
  regress: {
    summary: "TensorFlow Serving: examples → probabilities",
    read: (model, body) => ({
      rows: readExamplesRequest(model, body),
      members: (probabilities) => `"results":[${probabilities.join(",")}]`,
    }),
  },
  explain: {
    summary: "KServe V1: rows or columns of raw fields → contributions to the log-odds",
    read(model, body) {
      const { rows } = readPredictRequest(model, body);
      return { rows, members: (probabilities) => explanationMembers(model, rows, probabilities) };
    },
  },
};

async function explanationMembers(
  model: LoadedModel,
  { count, rowAt }: ProtocolRows,
  probabilities: readonly number[],
): Promise<string> {
  const { text } = explanationDetail(model);
  const pause = startSlices();
  const explanations: string[] = [];
  for (let i = 0; i < count; i++) {
    const row = rowAt(i);
    // Every row that was scored is an object.
    if (isObject(row)) explanations.push(text(row));
    await pause();
  }
  return `"explanations":[${explanations.join(",")}],"predictions":[${probabilities.join(",")}]`;
}

/**
 * Returns the routes of TensorFlow Serving's REST API and of KServe's V1 protocol, which uses the same paths. A label is an
 * alias; a model's name is `clickwell`, an alias, an id or a version.
 *
 * @see tensorflow/serving g3doc/api_rest.md; kserve python/kserve/kserve/protocol/rest/v1_endpoints.py.
 */
export function tensorflowRoutes(repository: ModelRepository): readonly Route[] {
  const posts = modelPaths.flatMap(({ path, of, id, parameters }) =>
    verbNames.map((name) =>
      route("POST", `${path}:${name}`, {
        id: `tensorflow${name[0].toUpperCase() + name.slice(1)}${id}`,
        summary: verbs[name].summary + of,
        schemas: name,
        fastPath: true,
        parameters,
        problems: modelProblems,
      }, (context) => answer(repository, context, verbs[name]))
    )
  );
  const gets = modelPaths.flatMap(({ path, of, id, parameters }) => [
    route("GET", path, {
      id: `tensorflowStatus${id}`,
      summary: `TensorFlow Serving, KServe V1: model status${of}`,
      schemas: "status",
      parameters,
      problems: modelProblems,
    }, (context) => describe(repository, context, modelStatus)),
    route("GET", `${path}/metadata`, {
      id: `tensorflowMetadata${id}`,
      summary: `TensorFlow Serving: inputs and outputs${of}`,
      schemas: "metadata",
      parameters,
      problems: modelProblems,
    }, (context) => describe(repository, context, tensorflowMetadata)),
  ]);
  const names = route("GET", "/v1/models", {
    id: "tensorflowModels",
    summary: "KServe V1: names of the models",
    schemas: "names",
  }, async () => jsonResponse({ models: await listModelNames(repository) }));
  return [...posts, names, ...gets];
}

function answer(
  repository: ModelRepository,
  { request, requestId, parameters }: RequestContext,
  verb: Verb,
): Response | Promise<Response> {
  return withContent(
    request,
    () => repository.find(referenceOf(parameters)),
    (content, model) =>
      withProtocolJson(content, (body) => {
        const { rows, members } = verb.read(model, body);
        const respond = (text: string) =>
          new Response(`{${text},${idMembers(model, requestId)}}`, predictionInit);
        return withScores(model, rows, (probabilities) => {
          const text = members(probabilities);
          return typeof text === "string" ? respond(text) : text.then(respond);
        });
      }),
  );
}

async function describe(
  repository: ModelRepository,
  { parameters }: RequestContext,
  description: (name: string, model: LoadedModel) => unknown,
): Promise<Response> {
  const model = await repository.find(referenceOf(parameters));
  return modelResponse(model, description(parameters.name, model));
}

/** @see tensorflow_serving/apis/get_model_status.proto, and kserve's `ModelReady`. */
function modelStatus(name: string, { version }: LoadedModel) {
  return {
    name,
    ready: true,
    model_version_status: [{
      version: String(version),
      state: "AVAILABLE",
      status: { error_code: "OK", error_message: "" },
    }],
  };
}

/** @throws {Failure} `model-unknown` for a version that is not a number. */
function referenceOf({ name, version, label }: RequestContext["parameters"]): ModelReference {
  if (version !== undefined && !/^[0-9]+$/.test(version)) {
    throw new Failure(
      "model-unknown",
      `"${
        version.slice(0, 80)
      }" is not a version, expected an integer; for an alias, use /v1/models/${productionName}/labels/….`,
    );
  }
  return { name, version: version ?? label };
}
