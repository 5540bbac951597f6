import type { FailureKind } from "../../pipeline/failure.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { readAdminBody } from "./admin_body.ts";
import { assignmentTag, ifMatch, ifNoneMatch, taggedResponse } from "../http/entity_tag.ts";
import { assignmentAnswer } from "./model_answer.ts";
import { readingProblems, writingProblems } from "../http/problem.ts";
import type { ChangeRequest, ModelAssigner } from "../models/production_model.ts";
import { readInstant, readInteger, readQuery } from "../http/query.ts";
import { jsonResponse, type RequestContext, type Route } from "../http/route.ts";
import type { ModelSlot } from "../models/loaded_model.ts";

const historyLimit = 50;
const historyLimitMax = 500;
const schemas = () => import("./schemas/model.ts");

const changeProblems: readonly FailureKind[] = [
  "assignment-conflict",
  "precondition-failed",
  ...writingProblems,
];

export interface ModelRoutesOptions {
  readonly slot: ModelSlot;
  readonly production: ModelAssigner;
  readonly registry: Registry;
}

/** The model in production: which it is, which it was, and changing it. */
export function modelRoutes({ slot, production, registry }: ModelRoutesOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/model",
      summary: "the model in production: id, version, since when, by whom; ?at=TIME: the one that was then",
      operation: {
        id: "getModel",
        tag: "models",
        parameters: [{
          name: "at",
          in: "query",
          description: "a time of RFC 3339 with its zone: the assignment of then, in place of the one of now",
          schema: { type: "string", format: "date-time" },
        }, ifNoneMatch],
        problems: ["model-missing", "assignment-missing", ...readingProblems],
        schemas: async () => (await schemas()).getModel,
      },
      async handle({ request }) {
        const { at } = readQuery(request, ["at"]);
        if (at !== undefined) {
          const micros = readInstant("at", at);
          const then = await registry.assignmentAt(micros);
          return taggedResponse(request, assignmentAnswer(then));
        }
        const { current } = slot;
        if (!current) throw slot.unavailableReason;
        const { assignment } = current;
        return taggedResponse(request, assignmentAnswer(assignment), assignmentTag(assignment));
      },
    },
    {
      method: "POST",
      path: "/model",
      summary: 'put a model in production: {"model_id": …}; every later prediction is by it',
      write: true,
      operation: {
        id: "assignModel",
        tag: "models",
        description:
          "The model is loaded and proven whole aside. When the answer arrives, no other model answers any more; where there " +
          "is a problem, nothing has changed.",
        parameters: [ifMatch],
        problems: ["model-unknown", "artifact-corrupt", ...changeProblems],
        schemas: async () => (await schemas()).assignModel,
      },
      async handle(exchange) {
        const { model_id, ...body } = await readAdminBody(exchange.request, "assignment");
        return changed(await production.assign({ modelId: model_id, ...changeOf(exchange, body) }));
      },
    },
    {
      method: "POST",
      path: "/model/rollback",
      summary: "put the model back in production that was there before",
      write: true,
      operation: {
        id: "rollBackModel",
        tag: "models",
        parameters: [ifMatch],
        problems: ["rollback-impossible", "model-unknown", "artifact-corrupt", ...changeProblems],
        schemas: async () => (await schemas()).rollBackModel,
      },
      async handle(exchange) {
        const { reason = "rollback", ...body } = await readAdminBody(exchange.request, "change");
        return changed(await production.rollBack(changeOf(exchange, { reason, ...body })));
      },
    },
    {
      method: "GET",
      path: "/model/history",
      summary: "what was in production when, the newest first; ?limit=N, ?before=ASSIGNMENT_ID",
      operation: {
        id: "modelHistory",
        tag: "models",
        parameters: [{
          name: "limit",
          in: "query",
          description: "the most that are told",
          schema: { type: "integer", minimum: 1, maximum: historyLimitMax, default: historyLimit },
        }, {
          name: "before",
          in: "query",
          description: "only assignments older than the one with this id",
          schema: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
        }, ifNoneMatch],
        problems: readingProblems,
        schemas: async () => (await schemas()).modelHistory,
      },
      async handle({ request }) {
        const query = readQuery(request, ["limit", "before"]);
        const limit = readInteger("limit", query.limit ?? String(historyLimit), {
          min: 1,
          max: historyLimitMax,
        });
        const before = query.before === undefined
          ? {}
          : { before: readInteger("before", query.before, { min: 1, max: Number.MAX_SAFE_INTEGER }) };
        // One more than is told, to know whether there are more.
        const rows = await registry.history({ limit: limit + 1, ...before });
        const told = rows.slice(0, limit);
        const next = rows.length > limit
          ? `/model/history?limit=${limit}&before=${told[limit - 1].assignmentId}`
          : null;
        return taggedResponse(request, { history: told.map(assignmentAnswer), next });
      },
    },
  ];
}

/** @param body What it says of the change. */
function changeOf(
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

function changed(assignment: Awaited<ReturnType<ModelAssigner["assign"]>>): Response {
  const response = jsonResponse(assignmentAnswer(assignment));
  response.headers.set("etag", assignmentTag(assignment));
  return response;
}
