import type { Encoder } from "../../pipeline/encode/encoder.ts";
import { drawFeatureRow, type FeatureRow } from "../../pipeline/generate/feature_row.ts";
import { createRandom } from "../../pipeline/math/random.ts";
import type { RecordedClient, RecordedRequest } from "./recorded_client.ts";

export interface DemoSubject {
  /** Ids of the two models. */
  readonly first: string;
  readonly second: string;
  /** Id of the model in production, which is restored at the end. */
  readonly production: string;
  /** The encoder of the first model. */
  readonly encoder: Encoder;
  /** The rows to predict; at least one. */
  readonly rows: readonly FeatureRow[];
}

const rowCount = 3;
const featureSeed = 7;

/** Draws the feature rows to predict; the same for the same model. */
export function drawRows(encoder: Encoder): FeatureRow[] {
  const random = createRandom(featureSeed);
  return Array.from({ length: rowCount }, () => drawFeatureRow(encoder, random));
}

/** Sends all requests of the demo: predictions by each model, assignments, and invalid requests. */
export async function sendAll(client: RecordedClient, subject: DemoSubject): Promise<void> {
  const { first, second, production, encoder, rows } = subject;
  await client.send({
    title: "Which model is in production?",
    method: "GET",
    path: "/model",
    status: 200,
    answer: { model_id: production },
  });
  if (production !== first) await assign(client, first, "Put the first model in production");
  const before = await predictAll(client, rows, first, "the first model");
  await assign(client, second, "Put the second model in production");
  await predictAll(client, rows, second, "the second model");
  await assign(client, first, "Put the first model back");
  await predict(client, rows[0], "The first model again: the same answer as before", {
    model_id: first,
    probability: before,
  });
  await sendUnusual(client, rows[0], encoder, before);
  await sendInvalid(client, rows[0], encoder);
  if (production !== first) {
    await assign(client, production, "Restore the model that was in production");
  }
}

/** @returns The probability of the first row. */
async function predictAll(
  client: RecordedClient,
  rows: readonly FeatureRow[],
  modelId: string,
  model: string,
): Promise<unknown> {
  const probabilities: unknown[] = [];
  for (const [i, row] of rows.entries()) {
    const title = `How likely is a click? Row ${i + 1} of ${rows.length}, ${model}`;
    probabilities.push((await predict(client, row, title, { model_id: modelId })).probability);
  }
  return probabilities[0];
}

function predict(
  client: RecordedClient,
  body: FeatureRow,
  title: string,
  answer: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  return client.send({ title, method: "POST", path: "/predict", body, status: 200, answer });
}

/** Assigns a model, then verifies that it is in production. */
async function assign(client: RecordedClient, modelId: string, title: string): Promise<void> {
  const answer = { model_id: modelId };
  await client.send({ title, method: "POST", path: "/model", body: answer, status: 200, answer });
  await client.send({
    title: "Verify: which model is it now?",
    method: "GET",
    path: "/model",
    status: 200,
    answer,
  });
}

/** Sends unusual requests that are valid: nulls, an unseen category, another spelling. */
async function sendUnusual(
  client: RecordedClient,
  row: FeatureRow,
  encoder: Encoder,
  before: unknown,
): Promise<void> {
  const unknown = (["numeric", "categorical"] as const).flatMap((kind) => {
    const names = encoder.features.filter(({ type, nullable }) => type === kind && nullable).map(({ name }) =>
      name
    );
    return names.slice(0, 2).slice(-1);
  });
  await predict(
    client,
    { ...row, ...Object.fromEntries(unknown.map((name) => [name, null])) },
    "Null values",
    {},
  );
  const category = encoder.features.find(({ type }) => type === "categorical")?.name;
  if (category !== undefined) {
    await predict(
      client,
      { ...row, [category]: "never seen before" },
      "An unseen category",
      { unseen: [category] },
    );
  }
  const id = encoder.features.find(({ name, type }) =>
    type === "categorical" && typeof row[name] === "number"
  )?.name;
  if (id !== undefined) {
    await predict(
      client,
      { ...row, [id]: String(row[id]) },
      "A category in another spelling",
      { probability: before },
    );
  }
}

/** Sends the mistakes that users make. */
async function sendInvalid(client: RecordedClient, row: FeatureRow, encoder: Encoder): Promise<void> {
  const [{ name: missing }] = encoder.features;
  const number = encoder.features.find(({ type }) => type === "numeric")?.name ?? missing;
  const { [missing]: _, ...rest } = row;
  const sendBad = (
    title: string,
    path: string,
    request: Partial<RecordedRequest> & Pick<RecordedRequest, "status">,
  ) => client.send({ title, method: "POST", path, answer: { status: request.status }, ...request });

  await sendBad("A field is missing", "/predict", { status: 422, body: rest });
  await sendBad("A value that is not a number, and an unknown field", "/predict", {
    status: 422,
    body: { ...row, [number]: "cheap", colour: "blue" },
  });
  await sendBad("Malformed JSON", "/predict", { status: 400, body: '{"apr": 11.5,' });
  await sendBad("A body of another type", "/predict", {
    status: 415,
    body: "apr=11.5",
    contentType: "text/plain",
  });
  await sendBad("An unknown model", "/model", { status: 404, body: { model_id: "no-such-model" } });
  await sendBad("A method that the path does not allow", "/predict", { status: 405, method: "GET" });
  await sendBad("An unknown path", "/prediction", { status: 404, body: row });
}
