import { isTime, readTime } from "../encode/time_feature.ts";
import { type Findings, pointerTo, timeProblem } from "./findings.ts";

/** Reads a time of a row. @returns Microseconds since 1970, NaN for a missing time; undefined for an error, which is in the findings. */
export function readTimeField(
  name: string,
  value: unknown,
  nullable: boolean,
  { errors, missing }: Findings,
): number | undefined {
  if (value === null && nullable) {
    missing.push(name);
    return NaN;
  }
  const time = isTime(value) ? readTime(value) : timeProblem(value, nullable);
  if (typeof time === "number") return time;
  errors.push({ pointer: pointerTo(name), detail: time });
  return undefined;
}
