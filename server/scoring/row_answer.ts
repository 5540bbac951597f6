import type { FailureKind } from "../../pipeline/failure.ts";
import { contributorsOf } from "../../pipeline/model/explanation.ts";
import { servedCalibration } from "../../pipeline/model/calibration_map.ts";
import { intervalAround } from "../../pipeline/model/standard_error.ts";
import type { Parameter } from "../http/operation.ts";
import { readingProblems } from "../http/problem.ts";
import { readFlag, readQuery, readShare } from "../http/query.ts";
import type { LoadedModel, ServingModel } from "../models/loaded_model.ts";

/** Details that a request asks for besides each row's probability. */
export interface RowOptions {
  /** Contribution of each field to the log-odds. */
  readonly explain: boolean;
  /** Level of the probability's interval, in (0, 1). */
  readonly interval: number | undefined;
}

type Row = Readonly<Record<string, unknown>>;

/** A member of a row's answer besides the probability. */
export interface Detail {
  readonly name: string;
  /** Returns the value as JSON. @param row A row that the model has just scored. */
  text(row: Row): string;
}

/**
 * Returns the answer to a row: the members of a JSON object, without its braces.
 *
 * @param row A row that the model has just scored with this probability.
 */
export type WriteRow = (row: unknown, probability: number, unseen: readonly string[]) => string;

/** Query parameters of the routes that answer rows. */
export const rowQueries = ["explain", "interval"] as const;
export const batchQueries = [...rowQueries, "strict"] as const;

/** The query parameters as the OpenAPI document describes them. */
export const rowParameters: readonly Parameter[] = [
  {
    name: "explain",
    in: "query",
    description: "also return the contribution of each field to the log-odds",
    schema: { type: "boolean" },
  },
  {
    name: "interval",
    in: "query",
    description: "also return an interval of this level for each probability, for example 0.9",
    schema: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
  },
];

export const batchParameters: readonly Parameter[] = [...rowParameters, {
  name: "strict",
  in: "query",
  description:
    "reject the whole request if a row cannot be answered, instead of reporting the row in its place",
  schema: { type: "boolean" },
}];

/** Problems of the routes that answer rows. Only rows that lack fields and have a key are looked up in the store. */
export const rowProblems: readonly FailureKind[] = [
  "model-missing",
  "interval-missing",
  "row-unknown",
  "lookup-unindexed",
  "examples-invalid",
  ...readingProblems,
];

/** @throws {Failure} `input-invalid` */
export function readRowOptions(query: { readonly [N in typeof rowQueries[number]]?: string }): RowOptions {
  return {
    explain: readFlag("explain", query.explain),
    interval: query.interval === undefined ? undefined : readShare("interval", query.interval),
  };
}

/** @throws {Failure} `input-invalid` */
export function readBatchOptions(request: Request): RowOptions & { readonly strict: boolean } {
  const query = readQuery(request, batchQueries);
  return { ...readRowOptions(query), strict: readFlag("strict", query.strict) };
}

/** Prepares the requested details for a model. @throws {Failure} `interval-missing` */
export async function detailsOf(model: ServingModel, options: RowOptions): Promise<readonly Detail[]> {
  return [
    ...(options.interval === undefined ? [] : [await intervalDetail(model, options.interval)]),
    ...(options.explain ? [explanationDetail(model)] : []),
  ];
}

export function rowWriter(details: readonly Detail[]): WriteRow {
  if (details.length === 0) return writePlain;
  return (row, probability, unseen) =>
    details.reduce(
      (text, detail) => `${text},"${detail.name}":${detail.text(row as Row)}`,
      writePlain(row, probability, unseen),
    );
}

const writePlain: WriteRow = (_row, probability, unseen) =>
  unseen.length === 0
    ? `"probability":${probability}`
    : `"probability":${probability},"unseen":${JSON.stringify(unseen)}`;

async function intervalDetail({ explainer, metadata }: ServingModel, level: number): Promise<Detail> {
  const standardErrorOf = await explainer.standardError();
  const explain = explainer.explainer();
  const calibrated = servedCalibration(metadata.calibration);
  return {
    name: "interval",
    text(row) {
      const { low, high } = intervalAround(
        explain(row).uncalibrated,
        standardErrorOf(row),
        level,
        calibrated,
      );
      return `{"level":${level},"low":${low},"high":${high}}`;
    },
  };
}

export function explanationDetail({ explainer: insight, metadata }: LoadedModel): Detail {
  const explain = insight.explainer();
  const names = contributorsOf(metadata.encoder).map((name) => JSON.stringify(name));
  return {
    name: "explanation",
    text(row) {
      const { logit, intercept, contributions, network, calibration } = explain(row);
      const parts = names.map((name, i) => `${name}:${numberText(contributions[i])}`).join(",");
      const hidden = network === undefined ? "" : `,"network":${numberText(network)}`;
      const map = calibration === undefined ? "" : `,"calibration":${numberText(calibration)}`;
      return `{"logit":${
        numberText(logit)
      },"intercept":${intercept},"contributions":{${parts}}${hidden}${map}}`;
    },
  };
}

/** Returns the ids of model and request: members of a JSON object, without its braces. Neither needs JSON escapes. */
export function answeredBy({ idMembersJson }: ServingModel, requestId: string): string {
  return `${idMembersJson},"request_id":"${requestId}"`;
}

/** Returns headers that name the model, for bodies that cannot. A later change of the active model does not affect them. */
export function modelHeaders({ modelId, version }: ServingModel): Record<string, string> {
  return { "x-model-id": modelId, "x-model-version": String(version) };
}

/** Returns a number as JSON; null for an infinite sum, which JSON cannot represent. */
function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : "null";
}
