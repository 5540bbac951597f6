import { type NumericEncoder, transformed } from "../encode/encoder.ts";

/** Returns the least double whose transformed value is not below an edge. */
export function leastAt(transform: NumericEncoder["transform"], edge: number): number {
  if (transform === "none") return edge;
  let [below, above] = [-Number.MAX_VALUE, Number.MAX_VALUE];
  const between = () => orderedNumber((orderOf(below) + orderOf(above)) / 2n);
  for (let middle = between(); middle !== below && middle !== above; middle = between()) {
    if (transformed(transform, middle) >= edge) above = middle;
    else below = middle;
  }
  return above;
}

const view = new DataView(new ArrayBuffer(8));

/** Returns the place of a double among all doubles, ascending. */
function orderOf(value: number): bigint {
  view.setFloat64(0, Math.abs(value));
  const size = view.getBigInt64(0);
  return value < 0 ? -size : size;
}

function orderedNumber(order: bigint): number {
  view.setBigInt64(0, order < 0n ? -order : order);
  const size = view.getFloat64(0);
  return order < 0n ? -size : size;
}
