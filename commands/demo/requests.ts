import type { Encoder } from "../../pipeline/encode/encoder.ts";
import { drawFeatureRow, type FeatureRow } from "../../pipeline/generate/feature_row.ts";
import { createRandom } from "../../pipeline/math/random.ts";
import type { RecordedClient, RecordedRequest } from "./recorded_client.ts";

export interface DemoSubject {
  /** Ids of the two models. */
  readonly first: string;
  readonly second: string;
  /** Id of the model in production, which it is again in the end. */
  readonly production: string;
  /** Of the first model. */
  readonly encoder: Encoder;
  /** Whose probability is asked for; at least one. */
  readonly rows: readonly FeatureRow[];
}

const rowCount = 3;
const featureSeed = 7;

/** Feature rows to ask about, always the same for a model. */
export function drawRows(encoder: Encoder): FeatureRow[] {
  const random = createRandom(featureSeed);
  return Array.from({ length: rowCount }, () => drawFeatureRow(encoder, random));
}

/** Asks a server all that the demo shows: predictions by each model, assignments, and what bad requests get. */
export async function askAll(conversation: RecordedClient, subject: DemoSubject): Promise<void> {
  const { first, second, production, encoder, rows } = subject;
  await conversation.send({
    title: "Which model is in production?",
    method: "GET",
    path: "/model",
    status: 200,
    answer: { model_id: production },
  });
  if (production !== first) await assign(conversation, first, "Put the first model in production");
  const before = await predictAll(conversation, rows, first, "the first model");
  await assign(conversation, second, "Put the second model in production");
  await predictAll(conversation, rows, second, "the second model");
  await assign(conversation, first, "Put the first model back");
  await predict(conversation, rows[0], "The first model again: the same answer as before", {
    model_id: first,
    probability: before,
  });
  await askUnusual(conversation, rows[0], encoder, before);
  await askBad(conversation, rows[0], encoder);
  if (production !== first) {
    await assign(conversation, production, "Put the model back that was in production");
  }
}

/** @returns The probability of the first row. */
async function predictAll(
  conversation: RecordedClient,
  rows: readonly FeatureRow[],
  modelId: string,
  model: string,
): Promise<unknown> {
  const probabilities: unknown[] = [];
  for (const [i, row] of rows.entries()) {
    const title = `How likely is a click? Row ${i + 1} of ${rows.length}, ${model}`;
    probabilities.push((await predict(conversation, row, title, { model_id: modelId })).probability);
  }
  return probabilities[0];
}

function predict(
  conversation: RecordedClient,
  body: FeatureRow,
  title: string,
  answer: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  return conversation.send({ title, method: "POST", path: "/predict", body, status: 200, answer });
}

/** Assigns a model, then verifies that it is the one in production. */
async function assign(conversation: RecordedClient, modelId: string, title: string): Promise<void> {
  const answer = { model_id: modelId };
  await conversation.send({ title, method: "POST", path: "/model", body: answer, status: 200, answer });
  await conversation.send({
    title: "Verify: which model is it now?",
    method: "GET",
    path: "/model",
    status: 200,
    answer,
  });
}

/** Requests out of the ordinary that have an answer all the same. */
async function askUnusual(
  conversation: RecordedClient,
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
    conversation,
    { ...row, ...Object.fromEntries(unknown.map((name) => [name, null])) },
    "Values that are not known: null",
    {},
  );
  const category = encoder.features.find(({ type }) => type === "categorical")?.name;
  if (category !== undefined) {
    await predict(
      conversation,
      { ...row, [category]: "never seen before" },
      "A category that the model does not know",
      {
        unseen: [category],
      },
    );
  }
  const id = encoder.features.find(({ name, type }) =>
    type === "categorical" && typeof row[name] === "number"
  )?.name;
  if (id !== undefined) {
    await predict(
      conversation,
      { ...row, [id]: String(row[id]) },
      "A category is its value, however it is spelled",
      {
        probability: before,
      },
    );
  }
}

/** What the requests get that a user sends by mistake. */
async function askBad(conversation: RecordedClient, row: FeatureRow, encoder: Encoder): Promise<void> {
  const [{ name: missing }] = encoder.features;
  const number = encoder.features.find(({ type }) => type === "numeric")?.name ?? missing;
  const { [missing]: _, ...rest } = row;
  const bad = (
    title: string,
    path: string,
    question: Partial<RecordedRequest> & Pick<RecordedRequest, "status">,
  ) => conversation.send({ title, method: "POST", path, answer: { status: question.status }, ...question });

  await bad("A field is missing", "/predict", { status: 422, body: rest });
  await bad("A number that is none, and a field that the model does not have", "/predict", {
    status: 422,
    body: { ...row, [number]: "cheap", colour: "blue" },
  });
  await bad("Not JSON, though it says so", "/predict", { status: 400, body: '{"apr": 11.5,' });
  await bad("Not JSON, and it says so", "/predict", {
    status: 415,
    body: "apr=11.5",
    contentType: "text/plain",
  });
  await bad("A model that is not there", "/model", { status: 404, body: { model_id: "no-such-model" } });
  await bad("A method that the path does not have", "/predict", { status: 405, method: "GET" });
  await bad("A path that is not there", "/prediction", { status: 404, body: row });
}
