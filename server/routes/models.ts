import type { ModelRow, Registry } from "../../pipeline/model/registry.ts";
import { ifNoneMatch, taggedResponse } from "../http/entity_tag.ts";
import { type ActivationState, modelAnswer } from "./model_answer.ts";
import type { Parameter } from "../http/operation.ts";
import { readingProblems, writingProblems } from "../http/problem.ts";
import { jsonResponse, type Route, routesWith } from "../http/route.ts";

const route = routesWith("models", () => import("./schemas/model.ts"));

const modelParameter: Parameter = {
  name: "id",
  in: "path",
  description: "a model's id, version or alias",
  schema: { type: "string", pattern: "^[A-Za-z0-9_-]{1,80}$", examples: ["1"] },
};
const aliasParameter: Parameter = {
  name: "alias",
  in: "path",
  description:
    "1 to 64 lower-case letters, digits, _ and -; must not be a number or begin like an id, with cw-",
  schema: { type: "string", pattern: "^[a-z0-9][a-z0-9_-]{0,63}$", examples: ["champion"] },
};

/** Returns the routes of all registered models and their aliases. */
export function registryRoutes(registry: Registry): readonly Route[] {
  return [
    route("GET", "/models", {
      id: "listModels",
      summary: "all models, newest first",
      parameters: [ifNoneMatch],
      problems: readingProblems,
      schemas: "listModels",
    }, async ({ request }) => {
      const [state, rows] = await Promise.all([activationState(registry), registry.listModels()]);
      return taggedResponse(request, { models: rows.map((row) => modelAnswer(row, state)) });
    }),
    route("GET", "/models/:id", {
      id: "showModel",
      summary: "one model, by its id, version or alias: hyper-parameters and metrics",
      parameters: [modelParameter, ifNoneMatch],
      problems: ["model-unknown", ...readingProblems],
      schemas: "showModel",
    }, async ({ request, parameters: { id } }) => {
      return taggedResponse(request, await answer(registry, await registry.findModel(id)));
    }),
    route("PUT", "/models/:id/aliases/:alias", {
      id: "setAlias",
      summary: "point an alias at this model",
      write: true,
      parameters: [modelParameter, aliasParameter],
      problems: ["input-invalid", "model-unknown", ...writingProblems],
      schemas: "showModel",
    }, async ({ parameters: { id, alias }, client }) => {
      const request = { model: id, alias, setAt: Date.now() * 1000, setBy: `http ${client}` };
      return jsonResponse(await answer(registry, await registry.setAlias(request)));
    }),
    route("DELETE", "/models/:id/aliases/:alias", {
      id: "removeAlias",
      summary: "remove an alias from this model",
      write: true,
      parameters: [modelParameter, aliasParameter],
      problems: ["model-unknown", "alias-unknown", ...writingProblems],
      schemas: "showModel",
    }, async ({ parameters: { id, alias } }) => {
      return jsonResponse(await answer(registry, await registry.removeAlias({ model: id, alias })));
    }),
  ];
}

async function answer(registry: Registry, row: ModelRow) {
  return modelAnswer(row, await activationState(registry));
}

async function activationState(registry: Registry): Promise<ActivationState> {
  const [active, aliases] = await Promise.all([registry.activeModel(), registry.aliases()]);
  return { active: active?.modelId, aliases };
}
