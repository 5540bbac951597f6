import {
  activeModel,
  type Assignment,
  findModel,
  listModels,
  type ModelRow,
} from "../pipeline/model/registry.ts";
import { bodyFailure, readJson, requireJson } from "./body.ts";
import type { Production } from "./production.ts";
import { jsonResponse, type Route } from "./route.ts";
import type { ModelSlot } from "./serving_model.ts";
import type { VisitStore } from "./store_visit.ts";

const adminBodyBytesMax = 64 * 1024;

export interface ModelRoutesOptions {
  readonly slot: ModelSlot;
  readonly production: Production;
  readonly visitStore: VisitStore;
}

export function modelRoutes({ slot, production, visitStore }: ModelRoutesOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/model",
      summary: "the model in production: id, version, since when, by whom",
      handle() {
        if (!slot.current) throw slot.absence;
        return jsonResponse(assignmentAnswer(slot.current.assignment));
      },
    },
    {
      method: "POST",
      path: "/model",
      summary: 'put a model in production: {"model_id": …}; every later prediction is by it',
      write: true,
      async handle({ request, client }) {
        const { model_id, reason, expected_current } = await readAssignment(request);
        const assignment = await production.assign({
          modelId: model_id,
          assignedBy: `http ${client}`,
          ...(reason === undefined ? {} : { reason }),
          ...(expected_current === undefined ? {} : { expectedCurrent: expected_current }),
        });
        return jsonResponse(assignmentAnswer(assignment));
      },
    },
    {
      method: "GET",
      path: "/models",
      summary: "all models, the newest first",
      async handle() {
        const { rows, active } = await visitStore("read", (store) => ({
          rows: listModels(store),
          active: activeModel(store)?.modelId,
        }));
        return jsonResponse({ models: rows.map((row) => modelAnswer(row, active)) });
      },
    },
    {
      method: "GET",
      path: "/models/:id",
      summary: "one model, by its id or version: hyper-parameters and metrics",
      async handle({ parameters: { id } }) {
        const { row, active } = await visitStore("read", (store) => ({
          row: findModel(store, id),
          active: activeModel(store)?.modelId,
        }));
        return jsonResponse(modelAnswer(row, active));
      },
    },
  ];
}

async function readAssignment(request: Request) {
  requireJson(request);
  // Checking assignments takes a library that would cost every start of the server ten times what it costs here, once.
  const [{ parseAssignmentBody }, body] = await Promise.all([
    import("./assignment_body.ts"),
    readJson(request, adminBodyBytesMax).catch((error) => {
      throw bodyFailure(error, request);
    }),
  ]);
  return parseAssignmentBody(body);
}

function assignmentAnswer({ modelId, version, assignedAt, assignedBy, reason }: Assignment) {
  return {
    model_id: modelId,
    version,
    assigned_at: instant(assignedAt),
    assigned_by: assignedBy,
    reason,
  };
}

function modelAnswer(row: ModelRow, active: string | undefined) {
  return {
    model_id: row.modelId,
    version: row.version,
    active: row.modelId === active,
    created_at: instant(row.createdAt),
    hyper_parameters: row.hyperParameters,
    metrics: row.metrics,
    checksum: row.checksum,
  };
}

/** @param micros Microseconds since 1970-01-01T00:00:00Z. */
function instant(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
