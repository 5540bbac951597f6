import { Failure } from "../../../pipeline/failure.ts";
import { version as programVersion } from "../../../pipeline/version.ts";
import type { Lifecycle } from "../../runtime/lifecycle.ts";
import { requireNotDraining } from "../../routes/health.ts";
import { predictionInit } from "../../routes/predict.ts";
import { type Route, routesWith } from "../../http/route.ts";
import { activeModel, type ModelSlot } from "../../models/loaded_model.ts";
import { createHeaderReader } from "../../http/buffered_body.ts";
import { withCsvRows } from "./csv_rows.ts";
import { withContent, withProtocolJson } from "../protocol_body.ts";
import type { ProtocolRows } from "../protocol_rows.ts";
import { readInvocation } from "./request.ts";
import { predictionsJson } from "../responses.ts";
import { withScores } from "../score_rows.ts";

const readHeader = createHeaderReader();
const route = routesWith("protocols", () => import("./schemas.ts"));

/** Version of the scoring protocol; clients compare it with their own. */
const mlflowVersion = "3.17.2";

/**
 * Returns the routes of MLflow's scoring server. Its two main paths are also those of a SageMaker container.
 *
 * @see mlflow/pyfunc/scoring_server/__init__.py.
 */
export function mlflowRoutes(
  { slot, lifecycle }: { readonly slot: ModelSlot; readonly lifecycle: Lifecycle },
): { readonly routes: readonly Route[]; readonly ping: Route } {
  const answerPing = () => {
    requireNotDraining(lifecycle);
    // MLflow answers 404 without a model.
    if (!slot.current) throw new Failure("model-unknown", slot.unavailableReason.message);
    return new Response("\n", { headers: { "content-type": "text/plain" } });
  };
  const pingRoute = (path: string, id: string, summary: string) =>
    route("GET", path, {
      id,
      summary,
      schemas: "ping",
      health: true,
      problems: ["draining", "model-unknown"],
    }, answerPing);
  const ping = pingRoute("/ping", "mlflowPing", "MLflow, SageMaker: 200 when ready to predict");
  const invocations = route("POST", "/invocations", {
    id: "mlflowInvocations",
    summary: "MLflow, SageMaker: rows as JSON in one of four forms, or as CSV → probabilities",
    schemas: "invocations",
    fastPath: true,
    problems: ["model-missing"],
  }, ({ request, requestId }) => invoke(slot, request, requestId));
  const headers = { "content-type": "text/plain", "x-clickwell-version": programVersion };
  const version = route("GET", "/version", {
    id: "mlflowVersion",
    summary: "MLflow: the version of its protocol that this server implements",
    schemas: "version",
  }, () => new Response(mlflowVersion, { headers }));
  return {
    routes: [invocations, ping, pingRoute("/health", "mlflowHealth", "MLflow: same as /ping"), version],
    ping,
  };
}

function invoke(slot: ModelSlot, request: Request, requestId: string): Response | Promise<Response> {
  const type = readHeader(request, "content-type");
  const isCsv = type !== null && type !== "application/json" && readType(type) === "text/csv";
  return withContent(request, () => activeModel(slot), (content, model) => {
    const answer = (rows: ProtocolRows) =>
      withScores(
        model,
        rows,
        (probabilities) => new Response(predictionsJson(model, probabilities, requestId), predictionInit),
      );
    return isCsv
      ? withCsvRows(model, content, answer)
      : withProtocolJson(content, (body) => answer(readInvocation(model, body)));
  }, { asBytes: isCsv });
}

const supported = ["text/csv", "application/json"];

/** Returns the media type. @throws {Failure} `media-type-invalid`, with MLflow's own messages. */
function readType(header: string): string {
  const [type, ...parameters] = header.split(";").map((part) => part.trim().toLowerCase());
  const others = parameters.filter((parameter) => parameter !== "" && !parameter.startsWith("charset="));
  if (others.length > 0) {
    throw new Failure("media-type-invalid", `Unrecognized content type parameters: ${others.join(", ")}.`);
  }
  if (parameters.some((parameter) => parameter !== "" && !/^charset="?utf-8"?$/.test(parameter))) {
    throw new Failure("media-type-invalid", "The scoring server only supports UTF-8.");
  }
  if (supported.includes(type)) return type;
  throw new Failure(
    "media-type-invalid",
    `This predictor only supports the following content types: ${supported.join(", ")}. Got ${
      JSON.stringify(header.slice(0, 80))
    }.`,
  );
}
