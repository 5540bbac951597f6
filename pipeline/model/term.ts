import type { Findings } from "./findings.ts";

/**
 * Returns one feature's part of the logit, and adds the feature to the deep part; NaN if the value is invalid.
 *
 * @param value Value of the feature's own field.
 * @param members Values of all fields.
 */
export type Term = (value: unknown, findings: Findings, members: readonly unknown[]) => number;
