import { Failure } from "../../../pipeline/failure.ts";
import { version as programVersion } from "../../../pipeline/version.ts";
import type { Lifecycle } from "../../runtime/lifecycle.ts";
import { type ModelReference, type ModelRepository, productionName } from "../../models/model_repository.ts";
import type { Operation, Parameter } from "../../http/operation.ts";
import { requireNotDraining } from "../../routes/health.ts";
import { jsonResponse, type RequestContext, type Route, routesWith } from "../../http/route.ts";
import { activeModel, type LoadedModel, type ModelSlot } from "../../models/loaded_model.ts";
import { withContent } from "../protocol_body.ts";
import { outputName, withInferRequest } from "./infer_request.ts";
import { inferBytes, inferJson } from "./infer_response.ts";
import { listModelNames, modelProblems, nameParameter } from "../names.ts";
import { modelResponse } from "../responses.ts";
import { withScores } from "../score_rows.ts";

export interface OpenInferenceOptions {
  readonly repository: ModelRepository;
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
}

const route = routesWith("protocols", () => import("./schemas.ts"));

const modelPaths = [
  { path: "/v2/models/:name", of: "", id: "", parameters: [nameParameter] },
  {
    path: "/v2/models/:name/versions/:version",
    of: ", by version",
    id: "OfVersion",
    parameters: [nameParameter, {
      name: "version",
      in: "path",
      description: "a version, an id or an alias",
      schema: { type: "string", examples: ["1"] },
    }],
  },
] satisfies { readonly parameters: Parameter[]; readonly [member: string]: unknown }[];

/**
 * Returns the routes of the Open Inference Protocol: V2 of KServe, Triton and MLServer.
 *
 * @see kserve/open-inference-protocol specification/protocol/inference_rest.md; kserve v2_endpoints.py.
 */
export function openInferenceRoutes({ repository, slot, lifecycle }: OpenInferenceOptions): readonly Route[] {
  const server = () =>
    jsonResponse({
      name: productionName,
      version: programVersion,
      extensions: ["binary_tensor_data", "model_repository"],
    });
  const ready = () => {
    requireNotDraining(lifecycle);
    activeModel(slot);
    // The specification requires `live`, KServe `ready`.
    return jsonResponse({ live: true, ready: true });
  };
  const get = (path: string, options: Parameters<typeof route>[2], handle: Route["handle"]) =>
    route("GET", path, { ...options, summary: `Open Inference: ${options.summary}` }, handle);
  const live = () => jsonResponse({ live: true });
  const names = async () => jsonResponse({ models: await listModelNames(repository) });
  const problems: Operation["problems"] = ["draining", "model-missing"];
  const serverSummary = "name, version and extensions of the server";
  return [
    get("/v2", { id: "inferenceServer", summary: serverSummary, schemas: "server" }, server),
    get("/v2/", { id: "inferenceServerSlash", summary: "same as /v2", schemas: "server" }, server),
    get("/v2/health/live", {
      id: "inferenceLive",
      summary: "200 while the process is running",
      schemas: "live",
      health: true,
    }, live),
    get("/v2/health/ready", {
      id: "inferenceReady",
      summary: "200 when ready to predict",
      schemas: "ready",
      problems,
      health: true,
    }, ready),
    get("/v2/models", { id: "inferenceModels", summary: "names of the models", schemas: "names" }, names),
    ...modelPaths.flatMap(({ path, of, id, parameters }): Route[] => {
      const shared = { parameters, problems: modelProblems };
      return [
        get(path, {
          id: `inferenceMetadata${id}`,
          summary: `inputs and outputs${of}`,
          schemas: "metadata",
          ...shared,
        }, async ({ parameters }) => {
          const model = await repository.find(referenceOf(parameters));
          return modelResponse(model, await metadata(repository, parameters, model));
        }),
        get(`${path}/ready`, {
          id: `inferenceModelReady${id}`,
          summary: `200 if the model is ready${of}`,
          schemas: "modelReady",
          ...shared,
        }, async ({ parameters }) => {
          const model = await repository.find(referenceOf(parameters));
          return modelResponse(model, { name: parameters.name, ready: true });
        }),
        route("POST", `${path}/infer`, {
          id: `inferenceInfer${id}`,
          summary: `Open Inference: tensors of raw fields → a tensor of probabilities${of}`,
          schemas: "infer",
          fastPath: true,
          ...shared,
        }, (context) => infer(repository, context)),
      ];
    }),
  ];
}

function infer(
  repository: ModelRepository,
  { request, requestId, parameters }: RequestContext,
): Response | Promise<Response> {
  return withContent(
    request,
    () => repository.find(referenceOf(parameters)),
    (content, model) =>
      withInferRequest(
        model,
        { request, content },
        ({ rows, id = requestId, wantsBytes }) =>
          withScores(model, rows, (probabilities) => {
            const answer = { name: parameters.name, model, probabilities, id, requestId };
            return wantsBytes ? inferBytes(answer) : inferJson(answer);
          }),
      ),
  );
}

async function metadata(
  repository: ModelRepository,
  { name, version }: RequestContext["parameters"],
  model: LoadedModel,
) {
  const all = version === undefined && name === productionName;
  return {
    name,
    versions: all ? await versionsOf(repository, model) : [String(model.version)],
    platform: "clickwell",
    inputs: model.predictor.fields.map(({ name, type }) => ({
      name,
      datatype: { numeric: "FP64", time: "INT64", categorical: "BYTES" }[type],
      shape: [-1],
    })),
    outputs: [{ name: outputName, datatype: "FP64", shape: [-1] }],
  };
}

/** Returns the versions of all models, since any can be requested; only that of `model` if the store cannot be read. */
async function versionsOf(repository: ModelRepository, { version }: LoadedModel): Promise<string[]> {
  try {
    return [...new Set((await repository.list()).map(({ version }) => version))].sort((a, b) => a - b).map(
      String,
    );
  } catch (error) {
    if (error instanceof Failure) return [String(version)];
    throw error;
  }
}

function referenceOf({ name, version }: RequestContext["parameters"]): ModelReference {
  return { name, version };
}
