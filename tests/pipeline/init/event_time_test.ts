import assert from "node:assert/strict";
import { profileColumn } from "../../../pipeline/init/column_profile.ts";
import { eventTimeOf } from "../../../pipeline/init/event_time.ts";

const day = 86_400_000_000;

/** A column of times: a few days after the given one. */
function times(name: string, first: number, nulls = 0) {
  const numbers = Float64Array.from([0, 1, 2, 3], (i) => i < nulls ? NaN : (first + i) * day);
  return { column: profileColumn(name, "time", { is: "numbers", numbers }) };
}

Deno.test("init: the time of the examples is named like an event, else it is the latest", () => {
  const cases: [columns: ReturnType<typeof times>[], found: string | undefined][] = [
    [[times("signup_date", 900), times("sent_at", 1_000), times("delivery", 1_001)], "sent_at"],
    [[times("delivery", 1_001), times("order day", 1_000)], "delivery"],
    [[times("birthDate", 10), times("clicked_at", 1_000)], undefined],
    [[times("Zeitpunkt", 10)], "Zeitpunkt"],
    [[times("sent_at", 1_000, 1)], undefined],
  ];
  for (const [columns, found] of cases) assert.equal(eventTimeOf(columns)?.column.name, found);
});
