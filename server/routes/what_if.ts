import { createFindings } from "../../pipeline/model/findings.ts";
import { jsonText } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { createRowWork, withRowBody } from "./batch.ts";
import { createRowFailures, errorsAt, pauseIfDue, type RowWork } from "../scoring/batch_rows.ts";
import { readQuery } from "../http/query.ts";
import { type Route, routesWith } from "../http/route.ts";
import { answeredBy, readRowOptions, rowParameters, rowProblems, rowQueries } from "../scoring/row_answer.ts";
import { changesMax, requireCount } from "../http/row_limits.ts";
import { rowFailure, scoreRow } from "../scoring/score.ts";
import type { ModelSlot } from "../models/loaded_model.ts";
import type { Row, StoredRows } from "../scoring/stored_rows.ts";
import { isObject } from "../../pipeline/exact_json.ts";

const route = routesWith<"predictWhatIf">("predictions", () => import("./schemas/row_answer.ts"));

const findings = createFindings();

/** Returns `POST /predict/what-if`, which answers one row as sent and with changed fields. */
export function whatIfRoute(slot: ModelSlot, storedRows: StoredRows): Route {
  return route("POST", "/predict/what-if", {
    id: "predictWhatIf",
    summary: 'one row as sent and with changed fields: {"features":{…},"changes":[{…},…]}',
    description: "Each variant is the row with the fields of one change replaced.",
    parameters: rowParameters,
    problems: rowProblems,
    schemas: "predictWhatIf",
  }, async (context) => {
    const options = readRowOptions(readQuery(context.request, rowQueries));
    const work = await createRowWork(slot, storedRows, { ...options, strict: true });
    return await withRowBody(context.request, async (body, parse) => {
      if (isObject(body)) requireCount(body.changes, "changes", changesMax);
      const { features, changes } = parse("whatIf", body);
      const base = await completeFeatures(work, features);
      const probability = scoreRow(work.model, base, findings);
      if (probability !== probability) {
        throw withPath(rowFailure(work.model, findings.errors, "The row"), ["features"]);
      }
      const baseText = `"base":{${work.write(base, probability, findings.unseen)}}`;
      const variants = (await variantTexts(work, base, { before: probability, changes })).join(",");
      return new Response(
        `{${baseText},"variants":[${variants}],${answeredBy(work.model, context.requestId)}}`,
        { headers: { "content-type": "application/json" } },
      );
    });
  });
}

async function completeFeatures({ model, storedRows }: RowWork, features: Row): Promise<Row> {
  if (!storedRows.canComplete(model, features)) return features;
  try {
    return await storedRows.complete(model, features);
  } catch (error) {
    throw error instanceof Failure ? withPath(error, ["features"]) : error;
  }
}

function withPath({ kind, message, errors }: Failure, path: readonly PropertyKey[]): Failure {
  return new Failure(kind, message, errorsAt(path, errors));
}

/** @throws {Failure} `input-invalid` if a change makes the row invalid. */
async function variantTexts(
  work: RowWork,
  base: Row,
  { before, changes }: { readonly before: number; readonly changes: readonly Row[] },
): Promise<string[]> {
  const failures = createRowFailures(["changes"]);
  const texts: string[] = [];
  for (const [i, change] of changes.entries()) {
    await pauseIfDue(work);
    const row = { ...base, ...change };
    const probability = scoreRow(work.model, row, findings);
    if (probability !== probability) {
      failures.add(i, rowFailure(work.model, findings.errors, "The row"));
      continue;
    }
    const members = work.write(row, probability, findings.unseen);
    texts.push(`{"changes":${jsonText(change)},${members},"difference":${probability - before}}`);
  }
  failures.throwAny();
  return texts;
}
