import assert from "node:assert/strict";
import fc from "fast-check";
import { ingest } from "../../../pipeline/ingest/ingest.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { ndjsonOf, parquetOf } from "../../support/temp_files.ts";
import { contentOf, rowsOf, thingsSchema, withTables } from "../../support/tables.ts";

// A fixed seed makes failures reproducible.
fc.configureGlobal({ seed: 20260101 });

/** Number of leads, with unordered keys: several row runs, in a file that is large enough for a reader thread. */
const leadCount = 80_000;
const random = createRandom(11);
const leads = Array.from({ length: leadCount }, () => ({
  lead_uuid: Array.from({ length: 5 }, () => random.bits().toString(36)).join("-"),
  requested: random.below(50) * 100,
  loan_purpose: `purpose ${random.below(20)}`,
  credit: random.below(9) === 0 ? null : "gut für ✓",
  annual_income: random.below(30) === 0 ? NaN : random.below(100_000),
}));
const offers = Array.from({ length: leadCount }, (_, i) => ({
  offer_id: BigInt(i + 1),
  lead_uuid: leads[random.below(leadCount)].lead_uuid,
  apr: random.below(10_000) / 100,
  lender_id: BigInt(random.below(26)),
}));

Deno.test("ingest: unordered rows, read on a thread, result in the same tables as ordered rows", async () => {
  const sorted = leads.toSorted((a, b) => a.lead_uuid < b.lead_uuid ? -1 : 1);
  const contents = await Promise.all([leads, sorted].map((rows) =>
    withTables(async ({ store, write }) => {
      const files = {
        leads: [write("leads.parquet", parquetOf(rows, { rowGroupSize: 30_000 }))],
        offers: [write("offers.parquet", parquetOf(offers))],
      };
      const report = await ingest(store, { files });
      assert.equal(report.tables.leads.inserted, leadCount);
      assert.deepEqual([report.examples, report.orphans[0].rows], [leadCount, 0]);
      assert.equal(report.files[0].nulls.credit, leads.filter(({ credit }) => credit === null).length);
      return rowsOf(store, "leads");
    })
  ));
  const expected = sorted.map((lead) => ({
    ...lead,
    annual_income: Number.isNaN(lead.annual_income) ? null : lead.annual_income,
  }));
  assert.deepEqual(contents[0], expected);
  assert.deepEqual(contents[1], expected);
});

Deno.test("ingest: a failure on the reader thread is reported, and leaves the store unchanged", () =>
  withTables(async ({ store, write }) => {
    const before = contentOf(store);
    const whole = parquetOf(leads);
    const cut = write("cut.parquet", whole.subarray(0, whole.length - 9));
    await assertRejected(
      ingest(store, { files: { leads: [cut] } }),
      "file-invalid",
      /does not end like a parquet file/,
    );
    const damaged = whole.slice();
    damaged.fill(0xff, whole.length >> 1, (whole.length >> 1) + 20_000);
    await assertRejected(
      ingest(store, { files: { leads: [write("damaged.parquet", damaged)] } }),
      "file-invalid",
      /damaged\.parquet: column "\w+", row group \d+: .*The file is damaged/,
    );
    const bad = leads.with(70_123, { ...leads[70_123], requested: -5 });
    await assertRejected(
      ingest(store, { files: { leads: [write("bad.parquet", parquetOf(bad))] } }),
      "row-rejected",
      /row 70,124, column "requested": CHECK constraint failed: requested >= 0 \(requested is -5\)/,
    );
    assert.deepEqual(contentOf(store), before);
  }));

Deno.test("ingest: examples of any view are counted on threads", () =>
  withTables(async ({ store, write }) => {
    store.db.exec(
      "DROP VIEW examples; CREATE VIEW examples AS SELECT offer_id, lead_uuid, apr FROM offers WHERE apr < 50",
    );
    const files = { offers: [write("offers.parquet", parquetOf(offers))] };
    const { examples } = await ingest(store, { files });
    assert.equal(examples, offers.filter(({ apr }) => apr < 50).length);
  }));

const key = fc.integer({ min: 0, max: 12 });
const thing = fc.record({ id: key, whole: fc.option(fc.integer({ min: -3, max: 3 })) });
const files = fc.array(fc.array(thing, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 });

for (const onConflict of ["keep", "replace"] as const) {
  Deno.test(`ingest: with ${onConflict}, any files load as into a map with that rule, and loading them again changes nothing`, () =>
    fc.assert(
      fc.asyncProperty(files, async (contents) => {
        await withTables(async ({ store, write }) => {
          const things = contents.map((rows, i) => write(`${i}.ndjson`, ndjsonOf(rows)));
          const { tables } = await ingest(store, { files: { things }, allowMissing: true, onConflict });
          const expected = new Map<number, number | null>();
          for (const { id, whole } of contents.flat()) {
            if (onConflict === "replace" || !expected.has(id)) expected.set(id, whole);
          }
          const stored = () => rowsOf(store, "things").map(({ id, whole }) => [id, whole]);
          assert.deepEqual(stored(), [...expected].sort(([a], [b]) => a - b));
          const { read, inserted, unchanged, replaced, kept, rejected } = tables.things;
          assert.equal(read, inserted + unchanged + replaced + kept + rejected);
          assert.equal(inserted, expected.size);
          const before = stored();
          await ingest(store, { files: { things }, allowMissing: true, onConflict });
          assert.deepEqual(stored(), before);
        }, thingsSchema);
      }),
      { numRuns: 25, seed: 7 },
    ));
}
