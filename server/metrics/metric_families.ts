import { type Family, histogramSamples } from "./prometheus_text.ts";
import type { Snapshot } from "./counters_snapshot.ts";
import { durationBounds } from "./duration_sampler.ts";
import { probabilityBins } from "./prediction_counters.ts";
import { requestLabels } from "./request_counters.ts";

/** What is true of the whole process when it is asked. */
export interface ProcessFacts {
  readonly version: string;
  readonly commit: string;
  readonly deno: string;
  readonly model: { readonly modelId: string; readonly version: number } | undefined;
  /** When the model in production was trained, in seconds since 1970; undefined where the store does not tell. */
  readonly trainedAt: number | undefined;
  /** Rows per table of the store; undefined where it does not tell. */
  readonly storeRows: ReadonlyMap<string, number> | undefined;
  readonly inFlight: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** In seconds since 1970. */
  readonly startedAt: number;
}

const probabilityBounds = Array.from({ length: probabilityBins }, (_, i) => (i + 1) / probabilityBins);
/** What a model answers as; there is no other role yet. */
const role = "active";

/** All that `GET /metrics` tells. Labels are names of routes, features and versions, never what a client sent. */
export function metricFamilies(snapshot: Snapshot, facts: ProcessFacts): Family[] {
  return [...serverFamilies(snapshot, facts), ...modelFamilies(snapshot), ...processFamilies(facts)];
}

function serverFamilies({ requests: traffic }: Snapshot, facts: ProcessFacts): Family[] {
  const { version, commit, deno, model, trainedAt, storeRows, inFlight } = facts;
  return [
    gauge("clickwell_build_info", "The program that answers.", [{
      labels: { version, commit, deno },
      value: 1,
    }]),
    gauge(
      "clickwell_active_model_info",
      "The model in production.",
      model ? [{ labels: { model_id: model.modelId, model_version: model.version }, value: 1 }] : [],
    ),
    gauge(
      "clickwell_model_trained_timestamp_seconds",
      "When the model in production was trained.",
      trainedAt === undefined ? [] : [{ value: trainedAt }],
    ),
    {
      name: "clickwell_http_requests_total",
      help: "Requests that were answered.",
      type: "counter",
      samples: sorted(traffic.requests).map(([key, value]) => ({ labels: requestLabels(key), value })),
    },
    {
      name: "clickwell_http_request_duration_seconds",
      help:
        "From a request's head to its answer; under load, of a random part of the predictions, each for all.",
      type: "histogram",
      samples: sorted(traffic.durations).flatMap(([route, histogram]) =>
        histogramSamples(histogram, durationBounds, { route })
      ),
    },
    gauge("clickwell_http_requests_in_flight", "Requests that are not answered yet.", [{ value: inFlight }]),
    gauge(
      "clickwell_store_rows",
      "Rows per table after the last load into it.",
      [...storeRows ?? []].map(([table, value]) => ({ labels: { table }, value })),
    ),
  ];
}

function modelFamilies({ models }: Snapshot): Family[] {
  const unseen = new Map<string, number>();
  const missing = new Map<string, number>();
  for (const tally of models.values()) {
    for (const [feature, count] of tally.unseen) unseen.set(feature, (unseen.get(feature) ?? 0) + count);
    for (const [feature, count] of tally.missing) missing.set(feature, (missing.get(feature) ?? 0) + count);
  }
  const ofFeatures = (counts: Map<string, number>) =>
    [...counts].map(([feature, value]) => ({ labels: { feature }, value }));
  return [
    {
      name: "clickwell_predictions_total",
      help: "Rows that got a probability.",
      type: "counter",
      samples: sorted(models).map(([version, { predictions }]) => ({
        labels: { model_version: version, role },
        value: predictions,
      })),
    },
    {
      name: "clickwell_prediction_probability",
      help: "The probabilities that were answered.",
      type: "histogram",
      samples: sorted(models).flatMap(([version, { probabilities, probabilitySum }]) =>
        histogramSamples({ counts: probabilities, sum: probabilitySum }, probabilityBounds, {
          model_version: version,
        })
      ),
    },
    {
      name: "clickwell_unseen_categories_total",
      help: "Rows whose category the training data did not have.",
      type: "counter",
      samples: ofFeatures(unseen),
    },
    {
      name: "clickwell_missing_values_total",
      help: "Rows whose value was null.",
      type: "counter",
      samples: ofFeatures(missing),
    },
  ];
}

function processFamilies({ cpuSeconds, residentBytes, startedAt }: ProcessFacts): Family[] {
  return [
    {
      name: "process_cpu_seconds_total",
      help: "CPU time of all threads, of the user and of the system.",
      type: "counter",
      samples: [{ value: cpuSeconds }],
    },
    gauge("process_resident_memory_bytes", "Memory that the process has of the machine.", [{
      value: residentBytes,
    }]),
    gauge("process_start_time_seconds", "When the process started.", [{ value: startedAt }]),
  ];
}

function gauge(name: string, help: string, samples: Family["samples"]): Family {
  return { name, help, type: "gauge", samples };
}

/** In an order that stays, so that two scrapes can be compared by eye. */
function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}
