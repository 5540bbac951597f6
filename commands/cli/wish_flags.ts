import type { Wishes } from "../../pipeline/init/propose.ts";
import type { Flags, Options } from "./command.ts";

/** The flags that say what the columns of a user's files are; what they do not say is found. */
export const wishFlags = {
  label: {
    type: "string",
    value: "NAME",
    help: "the outcome: COLUMN, TABLE.COLUMN, TABLE or CLICKS/IMPRESSIONS [found by names and values]",
  },
  group: {
    type: "string",
    value: "COLUMN",
    help:
      "rows with the same value are all in training or all held out; none: each row is one [found by names and values]",
  },
  time: { type: "string", value: "COLUMN", help: "when an example happened [found by names and values]" },
  join: {
    type: "list",
    value: "TABLE.COLUMN=TABLE.KEY",
    help: "joins two tables whose names and values do not show it",
  },
} as const satisfies Flags;

export function wishesOf({ label, group, time, join }: Options<typeof wishFlags>): Wishes {
  return {
    join,
    ...label === undefined ? {} : { label },
    ...group === undefined ? {} : { group },
    ...time === undefined ? {} : { time },
  };
}
