import type { FailureKind } from "../../pipeline/failure.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { readAdminBody } from "./admin_body.ts";
import { assignmentTag, ifMatch, ifNoneMatch, taggedResponse } from "../http/entity_tag.ts";
import { assignmentAnswer } from "./model_answer.ts";
import { readingProblems, writingProblems } from "../http/problem.ts";
import type { ChangeRequest, ModelAssigner } from "../models/production_model.ts";
import { readInstant, readInteger, readQuery } from "../http/query.ts";
import { jsonResponse, type RequestContext, type Route, routesWith } from "../http/route.ts";
import { activeModel, type ModelSlot } from "../models/loaded_model.ts";

const historyLimit = 50;
const historyLimitMax = 500;
const route = routesWith("models", () => import("./schemas/model.ts"));

const changeProblems: readonly FailureKind[] = [
  "assignment-conflict",
  "precondition-failed",
  ...writingProblems,
];

export interface ModelRoutesOptions {
  readonly slot: ModelSlot;
  readonly assigner: ModelAssigner;
  readonly registry: Registry;
}

/** Returns the routes that show and change the active model. */
export function modelRoutes({ slot, assigner, registry }: ModelRoutesOptions): readonly Route[] {
  return [activeModelRoute(slot, registry), ...changeRoutes(assigner), historyRoute(registry)];
}

function activeModelRoute(slot: ModelSlot, registry: Registry): Route {
  return route("GET", "/model", {
    id: "getModel",
    summary:
      "the model in production: id, version, when and by whom it was assigned; ?at=TIME for an earlier time",
    parameters: [{
      name: "at",
      in: "query",
      description:
        "an RFC 3339 time with a time zone: the assignment in effect then, instead of the current one",
      schema: { type: "string", format: "date-time" },
    }, ifNoneMatch],
    problems: ["model-missing", "assignment-missing", ...readingProblems],
    schemas: "getModel",
  }, async ({ request }) => {
    const { at } = readQuery(request, ["at"]);
    if (at !== undefined) {
      const assignment = await registry.assignmentAt(readInstant("at", at));
      return taggedResponse(request, assignmentAnswer(assignment));
    }
    const { assignment } = activeModel(slot);
    return taggedResponse(request, assignmentAnswer(assignment), assignmentTag(assignment));
  });
}

function changeRoutes(assigner: ModelAssigner): readonly Route[] {
  return [
    route("POST", "/model", {
      id: "assignModel",
      summary: 'put a model in production: {"model_id": …}; all later predictions use it',
      write: true,
      description:
        "The model is loaded and verified before the switch. After a successful response, no other model answers " +
        "predictions; after a problem, nothing has changed.",
      parameters: [ifMatch],
      problems: ["model-unknown", "artifact-corrupt", "artifacts-unavailable", ...changeProblems],
      schemas: "assignModel",
    }, async (context) => {
      const { model_id, ...body } = await readAdminBody(context.request, "assignment");
      const request = { modelId: model_id, ...changeRequestOf(context, body) };
      return assignmentResponse(await assigner.assign(request));
    }),
    route("POST", "/model/rollback", {
      id: "rollBackModel",
      summary: "put the previous model back in production",
      write: true,
      parameters: [ifMatch],
      problems: [
        "rollback-impossible",
        "model-unknown",
        "artifact-corrupt",
        "artifacts-unavailable",
        ...changeProblems,
      ],
      schemas: "rollBackModel",
    }, async (context) => {
      const { reason = "rollback", ...body } = await readAdminBody(context.request, "change");
      return assignmentResponse(await assigner.rollBack(changeRequestOf(context, { reason, ...body })));
    }),
  ];
}

function historyRoute(registry: Registry): Route {
  return route("GET", "/model/history", {
    id: "modelHistory",
    summary: "past and present assignments, newest first; ?limit=N, ?before=ASSIGNMENT_ID",
    parameters: [{
      name: "limit",
      in: "query",
      description: "maximum number of assignments to return",
      schema: { type: "integer", minimum: 1, maximum: historyLimitMax, default: historyLimit },
    }, {
      name: "before",
      in: "query",
      description: "return only assignments older than the one with this id",
      schema: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    }, ifNoneMatch],
    problems: readingProblems,
    schemas: "modelHistory",
  }, async ({ request }) => {
    const query = readQuery(request, ["limit", "before"]);
    const limit = readInteger("limit", query.limit ?? String(historyLimit), { min: 1, max: historyLimitMax });
    const before = query.before === undefined
      ? {}
      : { before: readInteger("before", query.before, { min: 1, max: Number.MAX_SAFE_INTEGER }) };
    // One row more than is shown tells whether there is a next page.
    const rows = await registry.history({ limit: limit + 1, ...before });
    const shown = rows.slice(0, limit);
    const next = rows.length > limit
      ? `/model/history?limit=${limit}&before=${shown[limit - 1].assignmentId}`
      : null;
    return taggedResponse(request, { history: shown.map(assignmentAnswer), next });
  });
}

function changeRequestOf(
  { request, client }: RequestContext,
  body: { reason?: string | undefined; expected_current?: string | undefined },
): ChangeRequest {
  const matched = request.headers.get("if-match");
  return {
    assignedBy: `http ${client}`,
    ...(body.reason === undefined ? {} : { reason: body.reason }),
    ...(body.expected_current === undefined ? {} : { expectedCurrent: body.expected_current }),
    ...(matched === null ? {} : { ifMatch: matched }),
  };
}

function assignmentResponse(assignment: Awaited<ReturnType<ModelAssigner["assign"]>>): Response {
  const response = jsonResponse(assignmentAnswer(assignment));
  response.headers.set("etag", assignmentTag(assignment));
  return response;
}
