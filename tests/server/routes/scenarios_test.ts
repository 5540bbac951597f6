import assert from "node:assert/strict";
import { problemForms } from "../../../server/http/problem.ts";
import { run } from "../../scenarios/scenario.ts";
import { inferenceScenarios, inferScenarios, repositoryScenarios } from "../../scenarios/open_inference.ts";
import { invocationScenarios, mlflowScenarios } from "../../scenarios/mlflow.ts";
import { modelScenarios, storeScenarios } from "../../scenarios/models.ts";
import { batchScenarios } from "../../scenarios/batches.ts";
import { explanations } from "../../scenarios/explanations.ts";
import { lookups } from "../../scenarios/lookups.ts";
import { rankings } from "../../scenarios/rankings.ts";
import { predictions } from "../../scenarios/predictions.ts";
import { typedMembers } from "../../scenarios/typed_members.ts";
import { tensorflowScenarios, verbScenarios } from "../../scenarios/tensorflow.ts";
import { vertexScenarios } from "../../scenarios/vertex.ts";
import { accessScenarios, healthScenarios, routeScenarios } from "../../scenarios/requests.ts";

const others = [
  ...modelScenarios,
  ...storeScenarios,
  ...healthScenarios,
  ...routeScenarios,
  ...accessScenarios,
  ...inferenceScenarios,
  ...repositoryScenarios,
  ...tensorflowScenarios,
  ...mlflowScenarios,
  ...vertexScenarios,
];
/** Predictions by the protocol adapters. */
const protocolScenarios = [...inferScenarios, ...verbScenarios, ...invocationScenarios];

const posts = [...batchScenarios, ...explanations, ...rankings, ...typedMembers];

for (const scenario of [...predictions, ...lookups]) {
  const request = { method: "POST", ...scenario };
  Deno.test(`POST /predict, read by the runtime: ${scenario.name}`, () => run(request, { withLength: true }));
  Deno.test(`POST /predict, streamed: ${scenario.name}`, () => run(request, { withLength: false }));
}
for (const scenario of posts) {
  Deno.test(`POST ${scenario.path}: ${scenario.name}`, () =>
    run({ method: "POST", ...scenario }, { withLength: true }));
}
for (const scenario of protocolScenarios) {
  const request = { method: "POST", ...scenario };
  const what = `POST ${scenario.path}`;
  Deno.test(`${what}, read by the runtime: ${scenario.name}`, () => run(request, { withLength: true }));
  Deno.test(`${what}, streamed: ${scenario.name}`, () => run(request, { withLength: false }));
}
for (const scenario of others) {
  Deno.test(`${scenario.method ?? "GET"} ${scenario.path.slice(0, 40)}: ${scenario.name}`, () =>
    run(scenario, { withLength: true }));
}

/** Tested with an object store, and where time passes: tests/server/models/artifact_outage_test.ts, tests/server/http/attack_body_test.ts. */
const testedElsewhere = ["artifacts-unavailable", "body-late"];

Deno.test("scenarios: every failure kind that can reach HTTP has one", () => {
  const clientKinds = Object.entries(problemForms).filter(([, { status }]) => status !== 500).map(([kind]) =>
    kind
  );
  const covered = new Set<string>(
    [...predictions, ...lookups, ...posts, ...protocolScenarios, ...others].flatMap(({ problem }) =>
      problem ?? []
    ),
  );
  assert.deepEqual(clientKinds.filter((kind) => !covered.has(kind)), testedElsewhere);
});
