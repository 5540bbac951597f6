import { join } from "node:path";
import type { Benchmark } from "./bench.ts";
import { describeTables } from "./clickwell.ts";
import { differenceOf, load, probabilities, requireWrk } from "./http_load.ts";
import { small } from "./notation.ts";
import { compare } from "./result.ts";
import { startServer } from "./server_process.ts";
import { prepareServing } from "./serving.ts";

type Row = Readonly<Record<string, string | number | null>>;

/** The body of a request; with `jsonLength`, only its first bytes are JSON. */
interface Sent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly jsonLength?: number;
}

/** One form of a request for one row. */
interface RequestForm {
  readonly name: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: (row: Row) => Sent;
  /** The probability in an answer. */
  readonly read: (answer: Record<string, never>) => unknown;
}

const vertexPath = "/vertex/model:predict";
const numeric = ["requested", "annual_income", "apr"];
const encoder = new TextEncoder();

const json = (make: (row: Row) => unknown): Pick<RequestForm, "contentType" | "body"> => ({
  contentType: "application/json",
  body: (row) => ({ bytes: encoder.encode(JSON.stringify(make(row))) }),
});

const tensors = (row: Row) =>
  Object.entries(row).map(([name, value]) => ({
    name,
    shape: [1],
    datatype: numeric.includes(name) ? "FP64" : "BYTES",
    data: [value],
  }));

const predictions: RequestForm["read"] = ({ predictions }) => predictions[0];

const requestForms: readonly RequestForm[] = [
  {
    name: "Open Inference, JSON",
    path: "/v2/models/clickwell/infer",
    ...json((row) => ({ inputs: tensors(row) })),
    read: ({ outputs }) => outputs[0]["data"][0],
  },
  {
    name: "Open Inference, bytes",
    path: "/v2/models/clickwell/infer",
    contentType: "application/octet-stream",
    body: bytesOf,
    read: ({ outputs }) => outputs[0]["data"][0],
  },
  {
    name: "TensorFlow Serving and KServe V1, rows",
    path: "/v1/models/clickwell:predict",
    ...json((row) => ({ instances: [row] })),
    read: predictions,
  },
  {
    name: "TensorFlow Serving, columns",
    path: "/v1/models/clickwell:predict",
    ...json((row) => ({
      inputs: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]])),
    })),
    read: ({ outputs }) => outputs[0],
  },
  {
    name: "TensorFlow Serving, regress",
    path: "/v1/models/clickwell:regress",
    ...json((row) => ({ examples: [row] })),
    read: ({ results }) => results[0],
  },
  {
    name: "MLflow, split frame",
    path: "/invocations",
    ...json((row) => ({ dataframe_split: { columns: Object.keys(row), data: [Object.values(row)] } })),
    read: predictions,
  },
  {
    name: "MLflow and SageMaker, records",
    path: "/invocations",
    ...json((row) => ({ dataframe_records: [row] })),
    read: predictions,
  },
  {
    name: "MLflow and SageMaker, CSV",
    path: "/invocations",
    contentType: "text/csv",
    body: (row) => ({
      bytes: encoder.encode(
        `${Object.keys(row).join(",")}\n${Object.values(row).map((value) => value ?? "").join(",")}`,
      ),
    }),
    read: predictions,
  },
  { name: "Vertex AI", path: vertexPath, ...json((row) => ({ instances: [row] })), read: predictions },
];

export const protocols: Benchmark = {
  title: "every protocol adapter, one row, one worker, against POST /predict",
  peers: [],
  onThisDeno: true,
  async run(bench) {
    await requireWrk(bench);
    const { data, models, bodies } = await prepareServing(bench);
    const command = [
      ...[...bench.clickwell, "serve", "--host", "127.0.0.1", "--port", "0", "--workers", "1"],
      ...["--data", data, "--models", models],
    ];
    bench.note(command);
    const env = { AIP_MODE: "PREDICTION", AIP_PREDICT_ROUTE: vertexPath };
    const server = await startServer(command, { env });
    try {
      const expected = await probabilities(server.url, bodies);
      const rows: Row[] = (await Deno.readTextFile(bodies)).trimEnd().split("\n").map((line) =>
        JSON.parse(line)
      );
      const checks = [];
      const files = new Map<RequestForm, string>();
      for (const [i, form] of requestForms.entries()) {
        const found = await predictEach(server.url, form, rows);
        const difference = differenceOf(found, expected);
        checks.push({
          what: `${form.name}: each answer is that of /predict, to ${small(difference)}`,
          holds: difference === 0,
        });
        const file = join(bench.folder, `form-${i}.bodies`);
        await Deno.writeTextFile(file, rows.map((row) => lineOf(form, row)).join("\n"));
        files.set(form, file);
      }
      const seconds = 2;
      const [native, ...measured] = await bench.turns([
        { name: "POST /predict", run: () => load(bench, server.url, bodies, { seconds }) },
        ...[...files].map(([{ name, path, contentType }, file]) => ({
          name,
          run: () => load(bench, server.url, file, { path, contentType, seconds }),
        })),
      ]);
      return {
        data: `64 request bodies out of ${describeTables(bench.offers)}, in the form of each protocol`,
        lines: measured.flatMap((form) => [
          compare(form, native, {
            what: `${form.name}: requests`,
            unit: "requests/s",
            metric: "requestsPerSecond",
            aim: 0.6,
          }),
          compare(form, native, { what: `${form.name}: latency, 99th percentile`, metric: "p99" }),
        ]),
        checks,
        notes: [
          "All protocols are served by one server, with 64 connections of wrk, which needs a core to itself.",
        ],
      };
    } finally {
      await server.stop();
    }
  },
};

/** Returns the probability of each answer. @throws {Error} if one has none. */
async function predictEach(
  url: string,
  { path, contentType, body, read }: RequestForm,
  rows: readonly Row[],
) {
  const found: number[] = [];
  for (const row of rows) {
    const { bytes, jsonLength } = body(row);
    const response = await fetch(url + path, {
      method: "POST",
      body: bytes,
      headers: {
        "content-type": contentType,
        ...(jsonLength === undefined ? {} : { "inference-header-content-length": String(jsonLength) }),
      },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 500)}`);
    found.push(Number(read(JSON.parse(text))));
  }
  return found;
}

/** Returns a body in the form that `load` reads. */
function lineOf({ contentType, body }: RequestForm, row: Row): string {
  const { bytes, jsonLength } = body(row);
  if (jsonLength !== undefined) {
    return `${jsonLength} ${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  const text = new TextDecoder().decode(bytes);
  return contentType === "text/csv" ? text.replaceAll("\n", "\\n") : text;
}

/** Returns tensors after the JSON, as Triton's client sends them. */
function bytesOf(row: Row): Sent {
  const parts = tensors(row).map((tensor) => {
    const { data: [value], ...head } = tensor;
    // A missing string has no bytes: it stays in the JSON.
    if (value === null && tensor.datatype === "BYTES") return { tensor, bytes: new Uint8Array() };
    const bytes = tensor.datatype === "FP64"
      ? new Uint8Array(Float64Array.of(value === null ? NaN : Number(value)).buffer)
      : textBytes(String(value));
    return { tensor: { ...head, parameters: { binary_data_size: bytes.length } }, bytes };
  });
  const head = encoder.encode(JSON.stringify({ inputs: parts.map(({ tensor }) => tensor) }));
  const bytes = Uint8Array.from([...head, ...parts.flatMap(({ bytes }) => [...bytes])]);
  return { bytes, jsonLength: head.length };
}

function textBytes(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return Uint8Array.from([...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes]);
}
