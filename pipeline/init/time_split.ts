import { createGroupTable } from "../examples/group_table.ts";
import { createTimeCutSearch } from "../examples/time_cut.ts";
import { defaultTestShare } from "../examples/split.ts";
import { codesOf, type ColumnValues } from "./column_values.ts";

/** Share of the rows before the held-out time from which it is said that too many would leave the training. */
const leavingShare = 0.5;

/**
 * Returns the share of the rows before the held-out time whose group has a held-out row, among the rows that were looked at.
 *
 * @returns undefined if no time divides them.
 */
export function straddlingShare(groups: ColumnValues, times: ColumnValues): number | undefined {
  if (times.is !== "numbers") return undefined;
  const search = createTimeCutSearch(defaultTestShare);
  do for (const time of times.numbers) if (time === time) search.add(time); while (search.endWalk());
  const cut = search.cut();
  if (cut === undefined) return undefined;
  const codes = codesOf(groups);
  const heldOut = createGroupTable();
  times.numbers.forEach((time, row) => {
    if (time >= cut) heldOut.raise(codes[row], 1);
  });
  let [earlier, straddling] = [0, 0];
  times.numbers.forEach((time, row) => {
    if (!(time < cut)) return;
    earlier++;
    straddling += heldOut.stageOf(codes[row]);
  });
  return straddling / earlier;
}

/** Whether rows are to be held out by time alone, since too many would leave the training with their groups. */
export function keepsGroups(share: number | undefined): boolean {
  return share !== undefined && share > leavingShare;
}
