import type { IsotonicMap } from "../model/calibration_map.ts";
import type { Dialect } from "./sql_dialect.ts";

/** Returns the isotonic map of the column `logit`: NULL of NULL, which makes every comparison fail. */
function calibratedLogit({ logits, log_odds: mapped }: IsotonicMap, { number }: Dialect): string {
  const last = logits.length - 1;
  const moved = (i: number) => `logit + ${number(mapped[i] - logits[i])}`;
  const whens = logits.map((logit, i) => {
    if (i === 0) return `WHEN logit < ${number(logit)} THEN ${moved(0)}`;
    const [before, width] = [logits[i - 1], logit - logits[i - 1]];
    const share = `(logit - ${number(before)}) / ${number(width)}`;
    return `WHEN logit < ${number(logit)} THEN ${number(mapped[i - 1])} + ${share} * ${
      number(mapped[i] - mapped[i - 1])
    }`;
  });
  return `CASE ${whens.join(" ")} ELSE ${moved(last)} END`;
}

/** Returns the table `summed` of `id` and `logit`, from the table `uncalibrated`. */
export function calibratedRows(id: string, map: IsotonicMap, dialect: Dialect): string {
  return [
    `summed ${dialect.once} (`,
    `SELECT ${id}, ${calibratedLogit(map, dialect)} AS logit`,
    "FROM uncalibrated",
    ")",
  ].join("\n");
}
