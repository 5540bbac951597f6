import assert from "node:assert/strict";
import { columnNames } from "../../../pipeline/encode/column_names.ts";
import { fit, type SolverName } from "../../../pipeline/fit/fit.ts";
import { forLogits } from "../../../pipeline/fit/logits.ts";
import { type HyperParameters, penaltyOf } from "../../../pipeline/train/hyper_parameters.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import references from "../../fixtures/references.json" with { type: "json" };
import { alone, encodeRows, rowsOfColumns, specOf } from "../../support/example_rows.ts";

/** A fit by scikit-learn, created by fixtures/references.py. */
interface ReferenceFit {
  readonly penalty: HyperParameters["penalty"];
  readonly C?: number;
  readonly l1Ratio?: number;
  /** Log-odds by column name; absent without a penalty, where only the log-odds of each row are unique. */
  readonly coefficients?: Readonly<Record<string, number>>;
  readonly intercept?: number;
  readonly logits?: readonly number[];
}

interface Reference {
  readonly name: string;
  readonly features: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[];
  readonly rows: Readonly<Record<string, readonly unknown[]>>;
  readonly fits: readonly ReferenceFit[];
}

/** Agreement with scikit-learn, both of which stop at a gradient of about 1e-12. */
const tolerance = 1e-8;

for (const { name, features, rows, fits } of references as unknown as Reference[]) {
  for (const { penalty, C = 1, l1Ratio = 0.5, ...expected } of fits) {
    const strength = penalty === "none" ? "none" : `${penalty} with C = ${C}`;
    const solvers: SolverName[] = penalty === "l2" ? ["newton", "lbfgs"] : ["auto"];
    for (const solver of solvers) {
      Deno.test(`fit: agrees with scikit-learn on data that is ${name}, penalty ${strength}, solver ${solver}`, async () => {
        const { encoder, design } = encodeRows(
          specOf(features, { weight: "weight" in rows }),
          rowsOfColumns(rows),
        );
        const { coefficients } = await fit(design, [0], alone, {
          penalty: penaltyOf({ penalty, C, l1Ratio }),
          solver,
          gradientTolerance: 1e-12,
          iterationsMax: 2000,
        });
        if (expected.coefficients) {
          const names = columnNames(encoder);
          assert.deepEqual(names, Object.keys(expected.coefficients));
          names.forEach((name, j) =>
            assertClose(
              coefficients[j],
              expected.coefficients?.[name] ?? NaN,
              tolerance,
              `coefficient of ${name}`,
            )
          );
          assertClose(coefficients[names.length], expected.intercept ?? NaN, tolerance, "intercept");
          return;
        }
        const logits: number[] = [];
        forLogits(design, [0], coefficients, (_chunk, _from, _to, ofRows) => logits.push(...ofRows));
        const known = expected.logits ?? [];
        assert(known.length > 0);
        assertAllClose(logits.slice(0, known.length), known, tolerance, "log-odds");
      });
    }
  }
}
