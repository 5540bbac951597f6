import { probabilityOf, row } from "../support/served_models.ts";
import type { Scenario } from "./scenario.ts";

const vertex = {
  health: "/v1/endpoints/7/deployedModels/8",
  predict: "/v1/endpoints/7/deployedModels/8:predict",
};
const options = () => ({ vertex });

export const vertexScenarios: readonly Scenario[] = [
  { name: "the health route answers as ping does", path: vertex.health, options, status: 200, text: "\n" },
  {
    name: "without a model, the health route answers 404",
    path: vertex.health,
    options,
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 404,
    problem: "model-unknown",
  },
  {
    name: "instances get predictions",
    method: "POST",
    path: vertex.predict,
    options,
    body: {
      instances: [row, Object.values(row).slice(0, 0).concat(15_000, 72_000, 11.5, "other", "good", 12)],
      parameters: {},
    },
    status: 200,
    answer: ({ first }) => ({
      predictions: [probabilityOf(first), probabilityOf(first, { ...row, loan_purpose: "other" })],
      model_id: first.id,
      model_version: "1",
    }),
  },
  {
    name: "a bad field is reported with a pointer",
    method: "POST",
    path: vertex.predict,
    options,
    body: { instances: [{ ...row, apr: "11.5" }] },
    status: 400,
    problem: "input-invalid",
    pointers: ["#/instances/0/apr"],
  },
  {
    name: "instances are required",
    method: "POST",
    path: vertex.predict,
    options,
    body: {},
    status: 400,
    problem: "input-invalid",
    pointers: ["#/instances"],
  },
  {
    name: "without a model, predictions are a problem",
    method: "POST",
    path: vertex.predict,
    options,
    body: { instances: [row] },
    given: ({ service }) => {
      service.slot.current = undefined;
    },
    status: 503,
    problem: "model-missing",
  },
  {
    name: "existing paths keep their routes",
    method: "POST",
    path: "/invocations",
    options: () => ({ vertex: { health: "/ping", predict: "/invocations" } }),
    body: { instances: [row] },
    headers: { "content-type": "application/json" },
    status: 200,
    answer: ({ first }) => ({ predictions: [probabilityOf(first)] }),
  },
];
