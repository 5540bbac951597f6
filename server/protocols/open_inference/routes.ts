import { Failure } from "../../../pipeline/failure.ts";
import { version as programVersion } from "../../../pipeline/version.ts";
import type { Lifecycle } from "../../runtime/lifecycle.ts";
import { type ModelReference, type ModelRepository, productionName } from "../../models/model_repository.ts";
import type { Operation, Parameter } from "../../http/operation.ts";
import { requireNotDraining } from "../../routes/health.ts";
import { jsonResponse, type RequestContext, type Route } from "../../http/route.ts";
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

const schemas = () => import("./schemas.ts");
type Schemas = Awaited<ReturnType<typeof schemas>>;

const modelPaths = [
  { path: "/v2/models/:name", of: "", id: "", parameters: [nameParameter] },
  {
    path: "/v2/models/:name/versions/:version",
    of: " of one version",
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
  return [
    get("/v2", "name, version and extensions of the server", { id: "server", answer: "server" }, server),
    get("/v2/", "same as /v2", { id: "serverSlash", answer: "server" }, server),
    get(
      "/v2/health/live",
      "200 while the process is running",
      { id: "live", answer: "live", health: true },
      () => jsonResponse({ live: true }),
    ),
    get(
      "/v2/health/ready",
      "200 when ready to predict",
      { id: "ready", answer: "ready", problems: ["draining", "model-missing"], health: true },
      ready,
    ),
    get(
      "/v2/models",
      "names of the models",
      { id: "models", answer: "names" },
      async () => jsonResponse({ models: await listModelNames(repository) }),
    ),
    ...modelPaths.flatMap(({ path, of, id, parameters }): Route[] => [
      get(
        path,
        `inputs and outputs${of}`,
        { id: `metadata${id}`, answer: "metadata", parameters, problems: modelProblems },
        async ({ parameters }) => {
          const model = await repository.find(referenceOf(parameters));
          return modelResponse(model, await metadata(repository, parameters, model));
        },
      ),
      get(
        `${path}/ready`,
        `200 if the model is ready${of}`,
        { id: `modelReady${id}`, answer: "modelReady", parameters, problems: modelProblems },
        async ({ parameters }) => {
          const model = await repository.find(referenceOf(parameters));
          return modelResponse(model, { name: parameters.name, ready: true });
        },
      ),
      {
        method: "POST",
        path: `${path}/infer`,
        summary: `Open Inference: tensors of raw fields → a tensor of probabilities${of}`,
        protocol: true,
        fastPath: true,
        operation: {
          id: `inferenceInfer${id}`,
          tag: "protocols",
          parameters,
          problems: modelProblems,
          schemas: async () => (await schemas()).infer,
        },
        handle: (context) => infer(repository, context),
      },
    ]),
  ];
}

interface GetOptions {
  readonly id: string;
  readonly answer: keyof Schemas;
  readonly parameters?: readonly Parameter[];
  readonly problems?: Operation["problems"];
  readonly health?: true;
}

function get(
  path: string,
  summary: string,
  { id, answer, parameters = [], problems = [], health }: GetOptions,
  handle: Route["handle"],
): Route {
  return {
    method: "GET",
    path,
    summary: `Open Inference: ${summary}`,
    protocol: true,
    ...(health ? { health } : {}),
    operation: {
      id: `inference${id[0].toUpperCase()}${id.slice(1)}`,
      tag: "protocols",
      parameters,
      problems,
      schemas: async () => (await schemas())[answer],
    },
    handle,
  };
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
      datatype: type === "numeric" ? "FP64" : "BYTES",
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
