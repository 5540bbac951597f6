import { assignmentAt, assignmentHistory } from "../pipeline/model/registry.ts";
import { readAdminBody } from "./admin_body.ts";
import { assignmentTag, taggedResponse } from "./entity_tag.ts";
import { assignmentAnswer } from "./model_answer.ts";
import type { Assigning, ChangeRequest } from "./production.ts";
import { readInstant, readInteger, readQuery } from "./query.ts";
import { type Exchange, jsonResponse, type Route } from "./route.ts";
import type { ModelSlot } from "./serving_model.ts";
import type { VisitStore } from "./store_visit.ts";

const historyLimit = 50;
const historyLimitMax = 500;

export interface ModelRoutesOptions {
  readonly slot: ModelSlot;
  readonly production: Assigning;
  readonly visitStore: VisitStore;
}

/** The model in production: which it is, which it was, and changing it. */
export function modelRoutes({ slot, production, visitStore }: ModelRoutesOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/model",
      summary: "the model in production: id, version, since when, by whom; ?at=TIME: the one that was then",
      async handle({ request }) {
        const { at } = readQuery(request, ["at"]);
        if (at !== undefined) {
          const micros = readInstant("at", at);
          const then = await visitStore("read", (store) => assignmentAt(store, micros));
          return taggedResponse(request, assignmentAnswer(then));
        }
        if (!slot.current) throw slot.absence;
        const { assignment } = slot.current;
        return taggedResponse(request, assignmentAnswer(assignment), assignmentTag(assignment));
      },
    },
    {
      method: "POST",
      path: "/model",
      summary: 'put a model in production: {"model_id": …}; every later prediction is by it',
      write: true,
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
      async handle(exchange) {
        const { reason = "rollback", ...body } = await readAdminBody(exchange.request, "change");
        return changed(await production.rollBack(changeOf(exchange, { reason, ...body })));
      },
    },
    {
      method: "GET",
      path: "/model/history",
      summary: "what was in production when, the newest first; ?limit=N, ?before=ASSIGNMENT_ID",
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
        const rows = await visitStore(
          "read",
          (store) => assignmentHistory(store, { limit: limit + 1, ...before }),
        );
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
  { request, client }: Exchange,
  body: { reason?: string | undefined; expected_current?: string | undefined },
): ChangeRequest {
  const ifMatch = request.headers.get("if-match");
  return {
    assignedBy: `http ${client}`,
    ...(body.reason === undefined ? {} : { reason: body.reason }),
    ...(body.expected_current === undefined ? {} : { expectedCurrent: body.expected_current }),
    ...(ifMatch === null ? {} : { ifMatch }),
  };
}

function changed(assignment: Awaited<ReturnType<Assigning["assign"]>>): Response {
  const response = jsonResponse(assignmentAnswer(assignment));
  response.headers.set("etag", assignmentTag(assignment));
  return response;
}
