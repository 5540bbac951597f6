// The client of clickwell 0.2.0, made by deno task clients. Changes here are lost.

/** The raw fields of one row, as defined by the model in production. */
export type Row = RowFields & (
  | Required<Pick<RowFields, "requested" | "annual_income" | "apr" | "loan_purpose" | "credit" | "lender_id">>
  | Required<Pick<RowFields, "offer_id">>
  | Required<Pick<RowFields, "lead_uuid">>
);

/** All that {@link Row} may have. */
export interface RowFields {
  /** a key of the row in the store, from which omitted fields are read; send integers beyond 2^53 as a string */
  offer_id?: string | number | null;
  /** a key of the row in the store, from which omitted fields are read; send integers beyond 2^53 as a string */
  lead_uuid?: string | number | null;
  /** a number; null if not known */
  requested?: number | null;
  /** a number; null if not known */
  annual_income?: number | null;
  /** a number; null if not known */
  apr?: number | null;
  /** a category; the model knows 18; null if not known; "12" and 12 are the same category, "012" is another */
  loan_purpose?:
    | "auto"
    | "auto_refinance"
    | "baby"
    | "boat"
    | "business"
    | "credit_card_refi"
    | "debt_consolidation"
    | "home_improvement"
    | "household_expenses"
    | "large_purchases"
    | "medical_dental"
    | "moving_relocation"
    | "other"
    | "special_occasion"
    | "student_loan"
    | "taxes"
    | "vacation"
    | "wedding"
    | (string & Record<never, never>)
    | number
    | boolean
    | null;
  /** a category; the model knows 6; null if not known; "12" and 12 are the same category, "012" is another */
  credit?:
    | "excellent"
    | "fair"
    | "good"
    | "limited"
    | "poor"
    | "unknown"
    | (string & Record<never, never>)
    | number
    | boolean
    | null;
  /** a category; the model knows 21; null if not known; 12, 12.0, "12" and "012" are the same category, and so are true and 1; send integers beyond 2^53 as a string */
  lender_id?:
    | "12"
    | "19"
    | "23"
    | "26"
    | "27"
    | "29"
    | "30"
    | "33"
    | "4"
    | "41"
    | "48"
    | "5"
    | "52"
    | "57"
    | "63"
    | "66"
    | "7"
    | "71"
    | "74"
    | "76"
    | "8"
    | (string & Record<never, never>)
    | number
    | boolean
    | null;
}

/** Some of the raw fields of one row; others are added to them. */
export interface RowPart {
  /** a key of the row in the store, from which omitted fields are read; send integers beyond 2^53 as a string */
  offer_id?: string | number | null;
  /** a key of the row in the store, from which omitted fields are read; send integers beyond 2^53 as a string */
  lead_uuid?: string | number | null;
  /** a number; null if not known */
  requested?: number | null;
  /** a number; null if not known */
  annual_income?: number | null;
  /** a number; null if not known */
  apr?: number | null;
  /** a category; the model knows 18; null if not known; "12" and 12 are the same category, "012" is another */
  loan_purpose?:
    | "auto"
    | "auto_refinance"
    | "baby"
    | "boat"
    | "business"
    | "credit_card_refi"
    | "debt_consolidation"
    | "home_improvement"
    | "household_expenses"
    | "large_purchases"
    | "medical_dental"
    | "moving_relocation"
    | "other"
    | "special_occasion"
    | "student_loan"
    | "taxes"
    | "vacation"
    | "wedding"
    | (string & Record<never, never>)
    | number
    | boolean
    | null;
  /** a category; the model knows 6; null if not known; "12" and 12 are the same category, "012" is another */
  credit?:
    | "excellent"
    | "fair"
    | "good"
    | "limited"
    | "poor"
    | "unknown"
    | (string & Record<never, never>)
    | number
    | boolean
    | null;
  /** a category; the model knows 21; null if not known; 12, 12.0, "12" and "012" are the same category, and so are true and 1; send integers beyond 2^53 as a string */
  lender_id?:
    | "12"
    | "19"
    | "23"
    | "26"
    | "27"
    | "29"
    | "30"
    | "33"
    | "4"
    | "41"
    | "48"
    | "5"
    | "52"
    | "57"
    | "63"
    | "66"
    | "7"
    | "71"
    | "74"
    | "76"
    | "8"
    | (string & Record<never, never>)
    | number
    | boolean
    | null;
}

export interface ProblemErrorsItem {
  /** a JSON pointer (RFC 6901) */
  pointer: string;
  detail: string;
}

/** RFC 9457: what went wrong, and how to fix it. Compare `type`; members may be added later. */
export interface Problem {
  type:
    | "urn:clickwell:problem:input-invalid"
    | "urn:clickwell:problem:interval-missing"
    | "urn:clickwell:problem:row-unknown"
    | "urn:clickwell:problem:lookup-unindexed"
    | "urn:clickwell:problem:examples-invalid"
    | "urn:clickwell:problem:model-unknown"
    | "urn:clickwell:problem:model-missing"
    | "urn:clickwell:problem:assignment-conflict"
    | "urn:clickwell:problem:assignment-missing"
    | "urn:clickwell:problem:rollback-impossible"
    | "urn:clickwell:problem:precondition-failed"
    | "urn:clickwell:problem:alias-unknown"
    | "urn:clickwell:problem:report-missing"
    | "urn:clickwell:problem:model-unloaded"
    | "urn:clickwell:problem:model-in-production"
    | "urn:clickwell:problem:artifact-corrupt"
    | "urn:clickwell:problem:artifacts-unavailable"
    | "urn:clickwell:problem:unauthorized"
    | "urn:clickwell:problem:forbidden"
    | "urn:clickwell:problem:attempts-exceeded"
    | "urn:clickwell:problem:host-invalid"
    | "urn:clickwell:problem:target-invalid"
    | "urn:clickwell:problem:target-oversized"
    | "urn:clickwell:problem:route-unknown"
    | "urn:clickwell:problem:method-invalid"
    | "urn:clickwell:problem:media-type-invalid"
    | "urn:clickwell:problem:body-malformed"
    | "urn:clickwell:problem:body-oversized"
    | "urn:clickwell:problem:body-late"
    | "urn:clickwell:problem:server-busy"
    | "urn:clickwell:problem:draining"
    | "urn:clickwell:problem:store-missing"
    | "urn:clickwell:problem:store-busy"
    | "urn:clickwell:problem:store-unreachable"
    | "urn:clickwell:problem:store-full"
    | "urn:clickwell:problem:store-invalid"
    | "urn:clickwell:problem:store-newer"
    | "urn:clickwell:problem:store-older"
    | "urn:clickwell:problem:thread-lost"
    | "about:blank";
  title: string;
  status: number;
  /** text for people; its wording may change */
  detail: string;
  /** invalid fields, if any */
  errors?: ProblemErrorsItem[];
  request_id: string;
}

/** A raw field of the model in production. */
export interface Field {
  name: string;
  type: "numeric" | "categorical" | "time";
  /** true if null may be sent for an unknown value */
  nullable: boolean;
  /** number of categories that the model knows */
  level_count?: number;
  /** the first 50 of these categories */
  levels?: string[];
}

/** The answer to a row. */
export interface Prediction {
  /** probability that the label of this row is 1 */
  probability: number;
  /** fields with a category that the model has not seen */
  unseen?: string[];
  /** present if requested */
  interval?: Interval;
  /** present if requested */
  explanation?: Explanation;
  /** the model that answered */
  model_id: string;
  version: number;
  request_id: string;
}

/** interval of the probability, from the covariance of the model's coefficients or resamples of its tables */
export interface Interval {
  level: number;
  low: number;
  high: number;
}

export interface Explanation {
  /** log-odds: the sum of intercept, contributions, network and calibration */
  logit: number | null;
  intercept: number;
  /** log-odds by field, and by pair of fields that has a table */
  contributions: Record<string, number | null>;
  /** only for models with hidden layers: log-odds from the fields' interactions */
  network?: number | null;
  /** only for models with an isotonic calibration: what the map adds to the sum of the other parts */
  calibration?: number | null;
}

export interface RowAnswer {
  /** probability that the label of this row is 1 */
  probability: number;
  /** fields with a category that the model has not seen */
  unseen?: string[];
  /** present if requested */
  interval?: Interval;
  /** present if requested */
  explanation?: Explanation;
}

export interface RowErrorErrorErrorsItem {
  /** JSON pointer into the row */
  pointer: string;
  detail: string;
}

/** a problem as of RFC 9457 */
export interface RowErrorError {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: RowErrorErrorErrorsItem[];
}

export interface RowError {
  /** position of the row, from 0 */
  index: number;
  /** a problem as of RFC 9457 */
  error: RowErrorError;
}

/** The model in production: when, by whom and why it was assigned. */
export interface Assignment {
  /** the model's id: cw- and 16 hexadecimal digits, derived from its content */
  model_id: string;
  /** the model's number in this store: 1, 2, 3 … */
  version: number;
  assigned_at: string;
  assigned_by: string;
  reason: string | null;
  /** increases with every assignment of this store */
  assignment_id: number;
}

/** The model to put in production, and an optional condition. */
export interface AssignmentRequest {
  /** a model's id, version or alias */
  model_id: string | number;
  /** reason, recorded in the history */
  reason?: string;
  /** change only if this model is in production now: its id, version or alias */
  expected_current?: string | number;
}

/** The reason for changing the model in production, and an optional condition. */
export interface ChangeRequest {
  /** reason, recorded in the history */
  reason?: string;
  /** change only if this model is in production now: its id, version or alias */
  expected_current?: string | number;
}

/** Assignments, newest first. */
export interface History {
  history: Assignment[];
  /** path of the next, older page; null on the last page */
  next: string | null;
}

/** All models, newest first. */
export interface Models {
  models: Model[];
}

/** A registered model. */
export interface Model {
  /** the model's id: cw- and 16 hexadecimal digits, derived from its content */
  model_id: string;
  /** the model's number in this store: 1, 2, 3 … */
  version: number;
  /** names that can be used in place of its id */
  aliases: string[];
  /** true for the model in production */
  active: boolean;
  created_at: string;
  hyper_parameters: Record<string, unknown>;
  /** metrics on the rows held out of training */
  metrics: Record<string, unknown>;
  /** checksum of the model's files */
  checksum: string;
}

export interface IndexAnswerModel {
  model_id: string;
  version: number;
  fields: Field[];
  /** an example row for POST /predict */
  example: Record<string, unknown> | null;
}

export interface IndexAnswerRoutesItem {
  method: string;
  path: string;
  summary: string;
  write: boolean;
}

export interface IndexAnswer {
  name: "clickwell";
  version: string;
  model: IndexAnswerModel | null;
  routes: IndexAnswerRoutesItem[];
}

export interface OpenapiAnswer {
  openapi: string;
  [member: string]: unknown;
}

export interface PredictBatchBody2 {
  rows: Row[];
}

export interface PredictBatchBody3 {
  /** lists of values by field, all of the same length */
  columns: Record<string, unknown[]>;
}

export interface PredictBatchAnswer2 {
  /** in the order of the rows */
  rows: (RowAnswer | RowError)[];
  /** the model that answered */
  model_id: string;
  version: number;
  request_id: string;
}

/** one value per row; null for a row that cannot be answered */
export interface PredictBatchAnswer3Columns {
  probability: (number | null)[];
  interval?: (Interval | null)[];
  explanation?: (Explanation | null)[];
}

export interface PredictBatchAnswer3 {
  /** one value per row; null for a row that cannot be answered */
  columns: PredictBatchAnswer3Columns;
  /** by field, positions of the rows with a category that the model has not seen */
  unseen?: Record<string, number[]>;
  errors?: RowError[];
  /** the model that answered */
  model_id: string;
  version: number;
  request_id: string;
}

export interface PredictWhatIfBody {
  features: Row;
  /** the changed fields of each variant */
  changes: RowPart[];
}

export interface PredictWhatIfAnswerVariantsItem {
  changes: Record<string, unknown>;
  /** probability that the label of this row is 1 */
  probability: number;
  /** fields with a category that the model has not seen */
  unseen?: string[];
  /** present if requested */
  interval?: Interval;
  /** present if requested */
  explanation?: Explanation;
  /** difference from the probability of the row as sent */
  difference: number;
}

export interface PredictWhatIfAnswer {
  base: RowAnswer;
  variants: PredictWhatIfAnswerVariantsItem[];
  /** the model that answered */
  model_id: string;
  version: number;
  request_id: string;
}

export interface RankBody {
  /** fields that all rows share, or the key of a group in the store */
  lead?: RowPart;
  /** the other fields of each row; if omitted, the rows of the group in the store */
  offers?: RowPart[];
  /** maximum number of rows to return; default: all */
  top?: number;
}

export interface RankAnswerRankingItem {
  /** position of the row in `offers` */
  index: number;
  /** probability that the label of this row is 1 */
  probability: number;
  /** fields with a category that the model has not seen */
  unseen?: string[];
  /** present if requested */
  interval?: Interval;
  /** present if requested */
  explanation?: Explanation;
  [member: string]: unknown;
}

export interface RankAnswer {
  /** highest probability first, each with its id if it has one */
  ranking: RankAnswerRankingItem[];
  /** number of rows */
  offers: number;
  errors?: RowError[];
  /** the model that answered */
  model_id: string;
  version: number;
  request_id: string;
}

export interface LiveAnswer {
  live: true;
}

export interface HealthAnswer {
  live: true;
}

export interface ReadyAnswer {
  ready: true;
  model_id: string;
  version: number;
  /** only of a registry that is not in the data folder: whether it answered when it was last looked at */
  registry?: "unknown" | "reachable" | "unreachable";
  /** whether other models can be fetched, if they are in an object store */
  artifacts?: "reachable" | "unreachable";
}

export interface Settings {
  /** The admin token, for changing the model in production. */
  readonly token?: string;
  /** Replaces the global fetch. */
  readonly fetch?: typeof fetch;
}

export interface Options {
  /** Aborts a request. */
  readonly signal?: AbortSignal;
}

/** An error response of the server. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

interface Parts {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly options?: Options | undefined;
}

function createSender(origin: string, { token, fetch: ask = fetch }: Settings) {
  return async <Answer>(method: string, path: string, { body, query, header, options }: Parts): Promise<Answer> => {
    const url = new URL(path, origin);
    for (const [name, value] of given(query)) url.searchParams.set(name, value);
    const headers = new Headers(given(header));
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (body !== undefined) headers.set("content-type", "application/json");
    const response = await ask(url, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: options?.signal ?? null,
    });
    if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
      throw new ProblemError(await response.json());
    }
    if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}, and not as clickwell does.`);
    return await response.json();
  };
}

function given(values: Readonly<Record<string, unknown>> = {}): [string, string][] {
  return Object.entries(values).flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]);
}

/** The server's operations. Each rejects with a {@link ProblemError} on an error response. */
export interface Client {
  /** the model, the routes and an example row; redirects browsers to /docs */
  index(options?: Options): Promise<IndexAnswer>;
  /** this API as an OpenAPI document, with the fields of the model in production */
  openapi(options?: Options): Promise<OpenapiAnswer>;
  /** the raw fields of one row, or its key in the store → the probability that its label is 1 */
  predict(body: Row, options?: Options & { explain?: boolean; interval?: number }): Promise<Prediction>;
  /** many rows: an array, {"rows":[…]}, {"columns":{…}}, or newline-delimited JSON, streamed */
  predictBatch(
    body: Row[] | PredictBatchBody2 | PredictBatchBody3,
    options?: Options & { explain?: boolean; interval?: number; strict?: boolean },
  ): Promise<(RowAnswer | RowError)[] | PredictBatchAnswer2 | PredictBatchAnswer3>;
  /** one row as sent and with changed fields: {"features":{…},"changes":[{…},…]} */
  predictWhatIf(
    body: PredictWhatIfBody,
    options?: Options & { explain?: boolean; interval?: number },
  ): Promise<PredictWhatIfAnswer>;
  /** one group and its rows → the rows by probability: {"lead":{…},"offers":[…],"top":k} */
  rank(
    body: RankBody,
    options?: Options & { explain?: boolean; interval?: number; strict?: boolean },
  ): Promise<RankAnswer>;
  /** the model in production: id, version, when and by whom it was assigned; ?at=TIME for an earlier time */
  getModel(options?: Options & { at?: string }): Promise<Assignment>;
  /** put a model in production: {"model_id": …}; all later predictions use it */
  assignModel(body: AssignmentRequest, options?: Options & { ifMatch?: string }): Promise<Assignment>;
  /** put the previous model back in production */
  rollBackModel(body?: ChangeRequest, options?: Options & { ifMatch?: string }): Promise<Assignment>;
  /** past and present assignments, newest first; ?limit=N, ?before=ASSIGNMENT_ID */
  modelHistory(options?: Options & { limit?: number; before?: number }): Promise<History>;
  /** all models, newest first */
  listModels(options?: Options): Promise<Models>;
  /** one model, by its id, version or alias: hyper-parameters and metrics */
  showModel(id: string, options?: Options): Promise<Model>;
  /** point an alias at this model */
  setAlias(id: string, alias: string, options?: Options): Promise<Model>;
  /** remove an alias from this model */
  removeAlias(id: string, alias: string, options?: Options): Promise<Model>;
  /** 200 while the process is running */
  live(options?: Options): Promise<LiveAnswer>;
  /** same as /livez */
  health(options?: Options): Promise<HealthAnswer>;
  /** 200 when ready to predict; 503 without a model and during shutdown */
  ready(options?: Options): Promise<ReadyAnswer>;
}

/** @param origin The URL of the server, as `http://127.0.0.1:7999`. */
export function createClient(origin: string, settings: Settings = {}): Client {
  const send = createSender(origin, settings);
  return {
    index: (options) =>
      send("GET", `/`, { options }),
    openapi: (options) =>
      send("GET", `/openapi.json`, { options }),
    predict: (body, options) =>
      send("POST", `/predict`, { body, query: { explain: options?.explain, interval: options?.interval }, options }),
    predictBatch: (body, options) =>
      send("POST", `/predict/batch`, { body, query: { explain: options?.explain, interval: options?.interval, strict: options?.strict }, options }),
    predictWhatIf: (body, options) =>
      send("POST", `/predict/what-if`, { body, query: { explain: options?.explain, interval: options?.interval }, options }),
    rank: (body, options) =>
      send("POST", `/rank`, { body, query: { explain: options?.explain, interval: options?.interval, strict: options?.strict }, options }),
    getModel: (options) =>
      send("GET", `/model`, { query: { at: options?.at }, options }),
    assignModel: (body, options) =>
      send("POST", `/model`, { body, header: { "If-Match": options?.ifMatch }, options }),
    rollBackModel: (body, options) =>
      send("POST", `/model/rollback`, { body, header: { "If-Match": options?.ifMatch }, options }),
    modelHistory: (options) =>
      send("GET", `/model/history`, { query: { limit: options?.limit, before: options?.before }, options }),
    listModels: (options) =>
      send("GET", `/models`, { options }),
    showModel: (id, options) =>
      send("GET", `/models/${encodeURIComponent(id)}`, { options }),
    setAlias: (id, alias, options) =>
      send("PUT", `/models/${encodeURIComponent(id)}/aliases/${encodeURIComponent(alias)}`, { options }),
    removeAlias: (id, alias, options) =>
      send("DELETE", `/models/${encodeURIComponent(id)}/aliases/${encodeURIComponent(alias)}`, { options }),
    live: (options) =>
      send("GET", `/livez`, { options }),
    health: (options) =>
      send("GET", `/healthz`, { options }),
    ready: (options) =>
      send("GET", `/readyz`, { options }),
  };
}
