import assert from "node:assert/strict";
import { problemForms } from "../server/problem.ts";
import { run } from "./scenarios/scenario.ts";
import { modelScenarios, storeScenarios } from "./scenarios/models.ts";
import { predictions } from "./scenarios/predictions.ts";
import { accessScenarios, healthScenarios, routeScenarios } from "./scenarios/requests.ts";

const others = [
  ...modelScenarios,
  ...storeScenarios,
  ...healthScenarios,
  ...routeScenarios,
  ...accessScenarios,
];

for (const scenario of predictions) {
  const request = { method: "POST", ...scenario };
  Deno.test(`POST /predict, read by the runtime: ${scenario.name}`, () => run(request, { withLength: true }));
  Deno.test(`POST /predict, streamed: ${scenario.name}`, () => run(request, { withLength: false }));
}
for (const scenario of others) {
  Deno.test(`${scenario.method ?? "GET"} ${scenario.path.slice(0, 40)}: ${scenario.name}`, () =>
    run(scenario, { withLength: true }));
}

Deno.test("every kind of failure that can reach HTTP has a scenario", () => {
  const told = Object.entries(problemForms).filter(([, { status }]) => status !== 500).map(([kind]) => kind);
  const shown = new Set<string>([...predictions, ...others].flatMap(({ problem }) => problem ?? []));
  assert.deepEqual(told.filter((kind) => !shown.has(kind)), []);
});
