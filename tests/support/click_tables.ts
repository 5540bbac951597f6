import { createRandom } from "../../pipeline/math/random.ts";
import { type ExampleRow, specOf } from "./example_rows.ts";
import { insertRows, tableOf, type TempStore, withStore } from "./temp_store.ts";

export const columns = ["who", "clicked", "x", "c"];
export const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);

/** Returns rows whose click rate depends on x and c, three to a group. */
export function makeRows(count: number, { seed = 1, base = 0 } = {}): ExampleRow[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, id) => {
    const x = 4 * random.uniform() - 2;
    const c = ["a", "b", "c"][random.below(3)];
    const rate = 1 / (1 + Math.exp(-(base + x + (c === "a" ? 1 : 0))));
    return { id, who: `who-${Math.floor(id / 3)}`, clicked: random.uniform() < rate ? 1 : 0, x, c };
  });
}

export function withRows<T>(rows: readonly ExampleRow[], use: (made: TempStore) => Promise<T>): Promise<T> {
  return withStore(tableOf(columns), async (made) => {
    insertRows(made.store, rows);
    return await use(made);
  });
}
