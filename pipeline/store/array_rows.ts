import type { StatementSync } from "node:sqlite";

/**
 * Makes a statement give rows as arrays: an object per row would cost as much again. Deno has the method; its types do not
 * name it yet.
 */
export function arrays(
  statement: StatementSync & { setReturnArrays?(enabled: boolean): void },
): StatementSync {
  statement.setReturnArrays?.(true);
  return statement;
}
