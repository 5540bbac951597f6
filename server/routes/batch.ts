import { Failure } from "../../pipeline/failure.ts";
import { answerColumns } from "../scoring/batch_columns.ts";
import { answerRows, type RowWork } from "../scoring/batch_rows.ts";
import { withJson } from "../http/body.ts";
import { bodyFailure, requirePlain } from "../http/body_failure.ts";
import type { Lifecycle } from "../runtime/lifecycle.ts";
import { answerStream } from "../scoring/batch_stream.ts";
import { type RequestContext, type Route, routesWith } from "../http/route.ts";
import {
  answeredBy,
  batchParameters,
  detailsOf,
  modelHeaders,
  readBatchOptions,
  type RowOptions,
  rowProblems,
  rowWriter,
} from "../scoring/row_answer.ts";
import { batchRowsMax } from "../http/row_limits.ts";
import { predictBodyBytesMax } from "../scoring/predict.ts";
import type { parseRowBody } from "./schemas/row_body.ts";
import { activeModel, type ModelSlot } from "../models/loaded_model.ts";
import { startSlices } from "../runtime/time_slices.ts";
import type { StoredRows } from "../scoring/stored_rows.ts";
import { isObject } from "../../pipeline/exact_json.ts";

const route = routesWith<"predictBatch">("predictions", () => import("./schemas/row_answer.ts"));

export const batchBodyBytesMax = 8 * 1024 * 1024;

export interface BatchOptions {
  readonly slot: ModelSlot;
  readonly storedRows: StoredRows;
  readonly lifecycle: Lifecycle;
}

/** Returns `POST /predict/batch`, which answers many rows by one model. */
export function batchRoute({ slot, storedRows, lifecycle }: BatchOptions): Route {
  return route("POST", "/predict/batch", {
    id: "predictBatch",
    summary: 'many rows: an array, {"rows":[…]}, {"columns":{…}}, or newline-delimited JSON, streamed',
    description:
      "The response has the same shape as the request, and all rows are answered by one model. A row that cannot be " +
      "answered is reported in its place. Newline-delimited JSON may be much longer; it is answered while it is sent.",
    parameters: batchParameters,
    problems: rowProblems,
    schemas: "predictBatch",
  }, async (context) => {
    const options = readBatchOptions(context.request);
    requirePlain(context.request);
    const work = await createRowWork(slot, storedRows, options);
    return isLines(context.request)
      ? answerStream(work, context.request, lifecycle)
      : await answerJson(work, context);
  });
}

/** Time slice for rows with details, which take longer each. */
const detailedSliceMs = 2;

/**
 * Creates the context of a request from the active model, which is read once: it answers all rows of the request.
 *
 * @throws {Failure} `model-missing`, `interval-missing`
 */
export async function createRowWork(
  slot: ModelSlot,
  storedRows: StoredRows,
  options: RowOptions & { readonly strict: boolean },
): Promise<RowWork> {
  const model = activeModel(slot);
  const details = await detailsOf(model, options);
  return {
    model,
    storedRows,
    details,
    write: rowWriter(details),
    strict: options.strict,
    pause: startSlices(details.length > 0 ? detailedSliceMs : undefined),
    lookups: 0,
  };
}

/** Answers a request by its JSON body. @param answer Gets the body, and the function that checks it. */
export async function withRowBody(
  request: Request,
  answer: (body: unknown, parse: typeof parseRowBody) => Promise<Response>,
): Promise<Response> {
  requirePlain(request);
  const schemas = import("./schemas/row_body.ts");
  try {
    return await withJson(
      request,
      { bytesMax: predictBodyBytesMax },
      async (body) => await answer(body, (await schemas).parseRowBody),
    );
  } catch (error) {
    throw bodyFailure(error, request);
  }
}

async function answerJson(work: RowWork, { request, requestId }: RequestContext): Promise<Response> {
  try {
    return await withJson(
      request,
      { bytesMax: batchBodyBytesMax },
      async (body) =>
        new Response(await answerText(work, body, answeredBy(work.model, requestId)), {
          headers: { "content-type": "application/json", ...modelHeaders(work.model) },
        }),
    );
  } catch (error) {
    throw bodyFailure(error, request);
  }
}

/** @returns An answer of the same shape as the body. */
async function answerText(work: RowWork, body: unknown, by: string): Promise<string> {
  if (Array.isArray(body)) return `[${await answerRows(work, requireRowsMax(body), [])}]`;
  if (isObject(body) && Object.keys(body).length === 1) {
    const { rows, columns } = body;
    if (Array.isArray(rows)) {
      return `{"rows":[${await answerRows(work, requireRowsMax(rows), ["rows"])}],${by}}`;
    }
    if (isColumns(columns)) return `{${await answerColumns(work, columns)},${by}}`;
  }
  // The schema is only used to report errors; checking with it costs more than answering the rows.
  const { parseRowBody } = await import("./schemas/row_body.ts");
  parseRowBody("batch", sampleOf(body));
  // The error is beyond the sample. It is a column, because any list of rows is accepted.
  const wrong = isObject(body) && isObject(body.columns)
    ? Object.entries(body.columns).find(([, values]) => !Array.isArray(values))
    : undefined;
  parseRowBody("batch", wrong ? { columns: Object.fromEntries([wrong]) } : null);
  throw new Error("the schema of a batch accepts a body that its reader does not");
}

/** @throws {Failure} `body-oversized` */
function requireRowsMax(rows: readonly unknown[]): readonly unknown[] {
  if (rows.length <= batchRowsMax) return rows;
  throw new Failure(
    "body-oversized",
    `The batch has ${rows.length.toLocaleString("en")} rows, more than the ${
      batchRowsMax.toLocaleString("en")
    } that one request may have. Send them as newline-delimited JSON, which has no limit.`,
  );
}

/** Number of values of a list that are checked to report an error. */
const sampleLength = 20;

/** Returns the body with only the beginnings of its lists, which nearly always contain the error. */
function sampleOf(value: unknown, depth = 0): unknown {
  if (depth > 2) return value;
  if (Array.isArray(value)) return value.slice(0, sampleLength).map((item) => sampleOf(item, depth + 1));
  if (!isObject(value)) return value;
  const members = Object.entries(value).slice(0, sampleLength);
  return Object.fromEntries(members.map(([name, item]) => [name, sampleOf(item, depth + 1)]));
}

function isColumns(columns: unknown): columns is Record<string, unknown[]> {
  return isObject(columns) &&
    Object.values(columns).every((values) => Array.isArray(values) && requireRowsMax(values));
}

function isLines(request: Request): boolean {
  return /^application\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines) *(?:;|$)/i.test(
    request.headers.get("content-type") ?? "",
  );
}
