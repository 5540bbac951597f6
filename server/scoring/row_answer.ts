import type { FailureKind } from "../../pipeline/failure.ts";
import { intervalAround } from "../../pipeline/model/interval.ts";
import type { Parameter } from "../http/operation.ts";
import { readingProblems } from "../http/problem.ts";
import { readFlag, readQuery, readShare } from "../http/query.ts";
import type { LoadedModel, ServingModel } from "../models/loaded_model.ts";

/** What an answer tells of each row beside its probability. */
export interface RowOptions {
  /** What the log-odds are made of. */
  readonly explain: boolean;
  /** The level of the probability's interval, in (0, 1). */
  readonly interval: number | undefined;
}

type Row = Readonly<Record<string, unknown>>;

/** One more thing that is told of a row. */
export interface Detail {
  readonly name: string;
  /**
   * Its value as JSON.
   *
   * @param row One that the model has just answered.
   */
  text(row: Row): string;
}

/**
 * Writes what is told of a row, as members of a JSON object without its braces.
 *
 * @param row One that the model has just given this probability.
 */
export type WriteRow = (row: unknown, probability: number, unseen: readonly string[]) => string;

/** Queries of the paths that answer rows. */
export const rowQueries = ["explain", "interval"] as const;
export const batchQueries = [...rowQueries, "strict"] as const;

/** The queries as the document describes them. */
export const rowParameters: readonly Parameter[] = [
  {
    name: "explain",
    in: "query",
    description: "what the log-odds are made of, field by field",
    schema: { type: "boolean" },
  },
  {
    name: "interval",
    in: "query",
    description: "the level of an interval for each probability, as 0.9",
    schema: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
  },
];

export const batchParameters: readonly Parameter[] = [...rowParameters, {
  name: "strict",
  in: "query",
  description: "refuse the whole where a row cannot be answered, and do not report the row in its place",
  schema: { type: "boolean" },
}];

/** What a path that answers rows may have to tell. Only rows that lack fields and have a key ask the store. */
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

/**
 * Prepares what is told of each row.
 *
 * @throws {Failure} `interval-missing`
 */
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

async function intervalDetail({ explainer }: ServingModel, level: number): Promise<Detail> {
  const certainty = await explainer.certainty();
  const explain = explainer.explainer();
  return {
    name: "interval",
    text(row) {
      const { low, high } = intervalAround(explain(row).logit, certainty.standardError(row), level);
      return `{"level":${level},"low":${low},"high":${high}}`;
    },
  };
}

export function explanationDetail({ explainer: insight, predictor }: LoadedModel): Detail {
  const explain = insight.explainer();
  const names = predictor.fields.map(({ name }) => JSON.stringify(name));
  return {
    name: "explanation",
    text(row) {
      const { logit, intercept, contributions, network } = explain(row);
      const parts = names.map((name, i) => `${name}:${numberText(contributions[i])}`).join(",");
      const hidden = network === undefined ? "" : `,"network":${numberText(network)}`;
      return `{"logit":${numberText(logit)},"intercept":${intercept},"contributions":{${parts}}${hidden}}`;
    },
  };
}

/** Says who answered, as members of a JSON object without its braces. Neither id has a character that JSON escapes. */
export function answeredBy({ idMembersJson }: ServingModel, requestId: string): string {
  return `${idMembersJson},"request_id":"${requestId}"`;
}

/** Headers that say which model answered, for bodies without room for it. A later swap changes nothing in them. */
export function modelHeaders({ modelId, version }: ServingModel): Record<string, string> {
  return { "x-model-id": modelId, "x-model-version": String(version) };
}

/** Sums of large numbers can become infinite, which JSON does not have. */
function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : "null";
}
