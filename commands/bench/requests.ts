import type { Encoder } from "../../pipeline/encode/encoder.ts";
import { drawFeatureRow, type FeatureRow } from "../../pipeline/generate/feature_row.ts";
import { createRandom } from "../../pipeline/math/random.ts";

/** What is measured: a path, and the bodies that are posted to it in turn. */
export interface Target {
  readonly path: "/predict" | "/predict/batch";
  readonly rowsPerRequest: number;
  readonly bodies: readonly string[];
  /** Number of connections, each of which has one request in flight. */
  readonly connections: number;
}

const rowSeed = 7;
const bodyCount = 64;
const rowsPerBatch = 1_000;
/** Clients of batches are few: each waits for many rows. */
const batchConnections = 8;

/** Draws rows that the model's fields may have, the same for the same model. */
export function targetsOf(encoder: Encoder, connections: number): readonly [Target, Target] {
  const random = createRandom(rowSeed);
  const draw = (count: number): FeatureRow[] =>
    Array.from({ length: count }, () => drawFeatureRow(encoder, random));
  return [
    {
      path: "/predict",
      rowsPerRequest: 1,
      bodies: draw(bodyCount).map((row) => JSON.stringify(row)),
      connections,
    },
    {
      path: "/predict/batch",
      rowsPerRequest: rowsPerBatch,
      bodies: [JSON.stringify({ rows: draw(rowsPerBatch) })],
      connections: Math.min(connections, batchConnections),
    },
  ];
}

/** Returns the whole HTTP requests of a target, as bytes. */
export function requestsOf({ path, bodies }: Target, host: string): Uint8Array[] {
  const encoder = new TextEncoder();
  return bodies.map((body) => {
    const bytes = encoder.encode(body).length;
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${host}`,
      "Content-Type: application/json",
      `Content-Length: ${bytes}`,
    ];
    return encoder.encode(`${head.join("\r\n")}\r\n\r\n${body}`);
  });
}
