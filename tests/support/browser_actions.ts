import { createRandom } from "../../pipeline/math/random.ts";
import { type FeatureSpec, parseSpec } from "../../pipeline/examples/spec.ts";
import { openStore, type Store } from "../../pipeline/store/store.ts";
import type { ExampleRow, FeatureText } from "./example_rows.ts";

export const interactionFeatures: readonly FeatureText[] = [
  { name: "x", type: "numeric" },
  { name: "side", type: "categorical", minCount: 1 },
  { name: "shade", type: "categorical", minCount: 1 },
];

/**
 * Rows whose clicks depend on whether `x` is on the row's `side`: neither field alone is informative, so that a
 * logistic regression finds nothing. Some values are missing. Two rows share one `who`.
 */
export function interactionRows(count: number): ExampleRow[] {
  const random = createRandom(11);
  return Array.from({ length: count }, (_, i) => {
    const x = 2 * random.uniform() - 1;
    const side = random.below(2) === 0 ? "left" : "right";
    const clicked = random.uniform() < (x < 0 === (side === "left") ? 0.85 : 0.05) ? 1 : 0;
    const shade = random.below(20) === 0 ? null : ["light", "dark"][random.below(2)];
    return { id: i, who: Math.floor(i / 2), x: random.below(50) === 0 ? null : x, side, shade, clicked };
  });
}

/** A store whose examples are such rows. */
export function interactionStore(folder: string, count: number): { store: Store; spec: FeatureSpec } {
  const store = openStore(folder, {
    mode: "create",
    schema: `
      CREATE TABLE looks (id INTEGER PRIMARY KEY, who INTEGER, x REAL, side TEXT, shade TEXT, clicked INTEGER) STRICT;
      CREATE VIEW examples AS SELECT * FROM looks;
    `,
  });
  const insert = store.db.prepare("INSERT INTO looks VALUES (?, ?, ?, ?, ?, ?)");
  store.db.exec("BEGIN");
  for (const { id, who, x, side, shade, clicked } of interactionRows(count)) {
    insert.run(
      Number(id),
      Number(who),
      x === null ? null : Number(x),
      String(side),
      text(shade),
      Number(clicked),
    );
  }
  store.db.exec("COMMIT");
  return {
    store,
    spec: parseSpec(
      { id: "id", label: "clicked", group: "who", features: interactionFeatures },
      "the test's spec",
    ),
  };
}

function text(value: unknown): string | null {
  return value === null ? null : String(value);
}
