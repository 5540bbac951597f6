import type { FollowState } from "../../pipeline/model/follow_state.ts";
import { type Family, histogramSamples } from "./prometheus_text.ts";
import type { Snapshot } from "./counters_snapshot.ts";
import { durationBounds } from "./duration_sampler.ts";
import { increase, probabilityBins } from "./prediction_counters.ts";
import { requestLabels } from "./request_counters.ts";

/** State of the process at the time of a scrape. */
export interface ProcessFacts {
  readonly version: string;
  readonly commit: string;
  readonly deno: string;
  readonly model: { readonly modelId: string; readonly version: number } | undefined;
  /** Time at which the active model was trained, in seconds since 1970; undefined if the store does not have it. */
  readonly trainedAt: number | undefined;
  /** Rows per table of the store; undefined if the store does not have them. */
  readonly storeRows: ReadonlyMap<string, number> | undefined;
  /** What is known of a registry that is not in the data folder. */
  readonly registry: Pick<FollowState, "reach" | "answeredAt"> | undefined;
  /** Whether models can be fetched; true for those in a folder. */
  readonly artifactsReachable: boolean;
  readonly inFlight: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** In seconds since 1970. */
  readonly startedAt: number;
}

const probabilityBounds = Array.from({ length: probabilityBins }, (_, i) => (i + 1) / probabilityBins);
/** The role in which a model answers. There is no other yet. */
const role = "active";

/** Returns all metrics of `GET /metrics`. Labels are names of routes, features and versions, never data from a client. */
export function metricFamilies(snapshot: Snapshot, facts: ProcessFacts): Family[] {
  return [
    ...serverFamilies(snapshot, facts),
    ...registryFamilies(facts),
    ...modelFamilies(snapshot),
    ...processFamilies(facts),
  ];
}

function serverFamilies({ requests }: Snapshot, facts: ProcessFacts): Family[] {
  const { version, commit, deno, model, trainedAt, storeRows, artifactsReachable, inFlight } = facts;
  return [
    gauge("clickwell_build_info", "Version of the program.", [{
      labels: { version, commit, deno },
      value: 1,
    }]),
    gauge(
      "clickwell_active_model_info",
      "The active model.",
      model ? [{ labels: { model_id: model.modelId, model_version: model.version }, value: 1 }] : [],
    ),
    gauge(
      "clickwell_model_trained_timestamp_seconds",
      "Time at which the active model was trained.",
      trainedAt === undefined ? [] : [{ value: trainedAt }],
    ),
    counter(
      "clickwell_http_requests_total",
      "Answered requests.",
      sorted(requests.requests).map(([key, value]) => ({ labels: requestLabels(key), value })),
    ),
    histogram(
      "clickwell_http_request_duration_seconds",
      "Time from a request's head to its response; under load, a weighted random sample of the predictions.",
      sorted(requests.durations).flatMap(([route, histogram]) =>
        histogramSamples(histogram, durationBounds, { route })
      ),
    ),
    gauge("clickwell_http_requests_in_flight", "Requests in flight.", [{ value: inFlight }]),
    gauge(
      "clickwell_artifacts_reachable",
      "1 if models can be fetched from where they are stored, else 0.",
      [{ value: Number(artifactsReachable) }],
    ),
    gauge(
      "clickwell_store_rows",
      "Rows per table after its last load.",
      [...storeRows ?? []].map(([table, value]) => ({ labels: { table }, value })),
    ),
  ];
}

/** Without samples if the registry is in the data folder. */
function registryFamilies({ registry }: ProcessFacts): Family[] {
  const answeredAt = registry?.answeredAt ?? 0;
  return [
    gauge(
      "clickwell_registry_reachable",
      "1 if the registry in PostgreSQL answered when it was last looked at, else 0.",
      registry ? [{ value: Number(registry.reach === "reachable") }] : [],
    ),
    gauge(
      "clickwell_registry_answered_timestamp_seconds",
      "Time of the last answer of the registry in PostgreSQL.",
      answeredAt > 0 ? [{ value: answeredAt }] : [],
    ),
  ];
}

function modelFamilies({ models }: Snapshot): Family[] {
  const unseen = new Map<string, number>();
  const missing = new Map<string, number>();
  for (const counters of models.values()) {
    for (const [feature, count] of counters.unseen) increase(unseen, feature, count);
    for (const [feature, count] of counters.missing) increase(missing, feature, count);
  }
  const ofFeatures = (counts: Map<string, number>) =>
    [...counts].map(([feature, value]) => ({ labels: { feature }, value }));
  return [
    counter(
      "clickwell_predictions_total",
      "Rows for which a probability was predicted.",
      sorted(models).map(([version, { predictions }]) => ({
        labels: { model_version: version, role },
        value: predictions,
      })),
    ),
    histogram(
      "clickwell_prediction_probability",
      "Predicted probabilities.",
      sorted(models).flatMap(([version, { probabilities, probabilitySum }]) =>
        histogramSamples({ counts: probabilities, sum: probabilitySum }, probabilityBounds, {
          model_version: version,
        })
      ),
    ),
    counter(
      "clickwell_unseen_categories_total",
      "Rows with a category that is not in the training data.",
      ofFeatures(unseen),
    ),
    counter("clickwell_missing_values_total", "Rows with a null value.", ofFeatures(missing)),
  ];
}

function processFamilies({ cpuSeconds, residentBytes, startedAt }: ProcessFacts): Family[] {
  return [
    counter("process_cpu_seconds_total", "User and system CPU time of all threads.", [{ value: cpuSeconds }]),
    gauge("process_resident_memory_bytes", "Resident memory of the process.", [{ value: residentBytes }]),
    gauge("process_start_time_seconds", "Time at which the process started.", [{ value: startedAt }]),
  ];
}

function familyOf(type: Family["type"]) {
  return (name: string, help: string, samples: Family["samples"]): Family => ({ name, help, type, samples });
}

const [counter, gauge, histogram] = (["counter", "gauge", "histogram"] as const).map(familyOf);

/** Returns the entries in the order of their keys, so that two scrapes can be compared by eye. */
function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}
