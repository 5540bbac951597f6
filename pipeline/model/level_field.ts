import { createCategoryReader } from "../encode/category_positions.ts";
import { levelCountOf } from "../encode/encoder.ts";
import { categoricalProblem, type Findings, pointerTo } from "./findings.ts";

/** A field with levels. */
type LevelField = Parameters<typeof levelCountOf>[0] & Parameters<typeof createCategoryReader>[0] & {
  readonly name: string;
  readonly nullable: boolean;
};

/** Returns a reader of a field's values: it gives the position of a value, or −1 for an error, which is in the findings. */
export function createLevelField(feature: LevelField): (value: unknown, findings: Findings) => number {
  const { name, nullable } = feature;
  const levelCount = levelCountOf(feature);
  const read = createCategoryReader(feature);
  return (value, { errors, unseen, missing }) => {
    const position = read(value);
    if (position < 0 || (position === levelCount && !nullable)) {
      errors.push({ pointer: pointerTo(name), detail: categoricalProblem(value, position, nullable) });
      return -1;
    }
    if (position === levelCount) missing.push(name);
    else if (position > levelCount) unseen.push(name);
    return position;
  };
}
