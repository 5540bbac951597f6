import { createExplainer } from "../../pipeline/model/explanation.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { probabilityOf, row } from "../support/served_models.ts";

function explanationOf({ first }: ScenarioContext, features: Readonly<Record<string, unknown>> = row) {
  const { logit, intercept, contributions } = createExplainer(first.metadata)(features);
  const names = first.metadata.encoder.features.map(({ name }) => name);
  return {
    logit,
    intercept,
    contributions: Object.fromEntries(names.map((name, i) => [name, contributions[i]])),
  };
}

const useSecond = ({ service }: ScenarioContext) =>
  service.production.assign({ modelId: "2", assignedBy: "test" }).then(() => {});

export const explanations: readonly Scenario[] = [
  {
    name: "a probability is explained by its fields",
    path: "/predict?explain=true",
    body: row,
    status: 200,
    answer: (context) => ({
      probability: probabilityOf(context.first),
      explanation: explanationOf(context),
      model_id: context.first.id,
      version: 1,
    }),
  },
  {
    name: "explain=false explains nothing",
    path: "/predict?explain=false",
    body: row,
    status: 200,
    answer: ({ first }) => ({ probability: probabilityOf(first), explanation: undefined }),
  },
  {
    name: "each row of a batch is explained",
    path: "/predict/batch?explain=true",
    body: { rows: [row, { ...row, lender_id: 99 }] },
    status: 200,
    answer: (context) => ({
      rows: [row, { ...row, lender_id: 99 }].map((features, i) => ({
        probability: probabilityOf(context.first, features),
        ...(i === 1 ? { unseen: ["lender_id"] } : {}),
        explanation: explanationOf(context, features),
      })),
    }),
  },
  {
    name: "each row of columns is explained",
    path: "/predict/batch?explain=true",
    body: { columns: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]])) },
    status: 200,
    answer: (context) => ({
      columns: { probability: [probabilityOf(context.first)], explanation: [explanationOf(context)] },
    }),
  },
  {
    name: "each offer of a ranking is explained",
    path: "/rank?explain=true",
    body: { lead: row, offers: [{ offer_id: 5 }] },
    status: 200,
    answer: (context) => ({
      ranking: [{
        index: 0,
        offer_id: 5,
        probability: probabilityOf(context.first),
        explanation: explanationOf(context),
      }],
    }),
  },
  {
    name: "explain must be true or false",
    path: "/predict?explain=yes",
    body: row,
    status: 422,
    problem: "input-invalid",
    pointers: ["#/explain"],
  },
  {
    name: "an unknown query parameter is reported with a pointer",
    path: "/predict?explian=true",
    body: row,
    status: 422,
    problem: "input-invalid",
    pointers: ["#/explian"],
  },
  {
    name: "a bad row is reported in the same way with a query",
    path: "/predict?explain=true",
    body: { ...row, apr: null },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/apr"],
  },
  {
    name: "without a model, an explanation is a problem",
    path: "/predict?explain=true",
    body: row,
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
  },
  {
    name: "the level of an interval must be between 0 and 1",
    path: "/predict?interval=95",
    body: row,
    status: 422,
    problem: "input-invalid",
    pointers: ["#/interval"],
  },
  {
    name: "a model without a covariance answers interval-missing",
    path: "/predict?interval=0.9",
    body: row,
    given: useSecond,
    status: 409,
    problem: "interval-missing",
  },
  {
    name: "a model without a covariance answers interval-missing to a batch too",
    path: "/predict/batch?interval=0.9",
    body: [row],
    given: useSecond,
    status: 409,
    problem: "interval-missing",
  },
];
