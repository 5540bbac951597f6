import assert from "node:assert/strict";
import { lenders } from "../../../pipeline/generate/loan_lenders.ts";
import { type ArrivedLead, drawWeek } from "../../../pipeline/generate/loan_week.ts";

/** An offer with its lead and label, as in the store's examples. */
interface Example {
  readonly arrived: ArrivedLead;
  readonly apr: number;
  readonly lenderId: number;
  readonly clicked: boolean;
}

const offerCount = 30_000;
const week = [...drawWeek({ offers: offerCount, seed: 11 })];
const leads = week.map(({ lead }) => lead);
const examples = examplesOf(week);

function examplesOf(week: readonly ArrivedLead[]): Example[] {
  return week.flatMap((arrived) => {
    const clicked = new Set(arrived.clicks.map(({ offerId }) => offerId));
    return arrived.lead.offers.map(({ apr, lender }, i) => ({
      arrived,
      apr,
      lenderId: lender.id,
      clicked: clicked.has(arrived.offerIds[i]),
    }));
  });
}

function shareOf<T>(rows: readonly T[], holds: (row: T) => boolean): number {
  return rows.filter(holds).length / rows.length;
}

function clickRate(rows: readonly Example[]): number {
  return shareOf(rows, ({ clicked }) => clicked);
}

function quantile(values: readonly number[], rank: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * rank)];
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected} ± ${tolerance}`);
}

Deno.test("loan week: it has the requested number of offers, and no lead without one", () => {
  for (const offers of [1, 2, 999]) {
    assert.equal(examplesOf([...drawWeek({ offers, seed: 5 })]).length, offers);
  }
  assert.equal(examples.length, offerCount);
  assert(leads.every(({ offers }) => offers.length >= 1));
});

Deno.test("loan week: lead ids are distinct UUIDs of version 4", () => {
  assert.equal(new Set(leads.map(({ uuid }) => uuid)).size, leads.length);
  const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert(leads.every(({ uuid }) => version4.test(uuid)));
});

Deno.test("loan week: offer ids ascend", () => {
  const ids = week.flatMap(({ offerIds }) => offerIds);
  assert(ids.every((id, i) => i === 0 || id > ids[i - 1]));
});

Deno.test("loan week: a click comes after its lead, nearly always within the week; a few offers are clicked twice", () => {
  const clicks = week.flatMap(({ clicks }) => clicks);
  const start = Date.UTC(2026, 0, 5);
  const days = clicks.map(({ clickedAtMs }) => (clickedAtMs - start) / 86_400_000);
  assert(days.every((day) => day > 0 && day < 7 + 2 * 10.5));
  near(shareOf(days, (day) => day < 7), 0.99, 0.01, "share of the clicks within the week");
  const keys = new Set(clicks.map(({ offerId, clickedAtMs }) => `${offerId} ${clickedAtMs}`));
  assert.equal(keys.size, clicks.length);
  const clickedOffers = new Set(clicks.map(({ offerId }) => offerId)).size;
  near(clicks.length / clickedOffers, 1.02, 0.01, "clicks per clicked offer");
});

Deno.test("loan week: credit is distributed as in the real week, with a few missing", () => {
  const shares = { poor: 0.41, fair: 0.26, good: 0.25, excellent: 0.07 };
  for (const [credit, share] of Object.entries(shares)) {
    near(shareOf(leads, (lead) => lead.credit === credit), share, 0.02, credit);
  }
  near(shareOf(leads, (lead) => lead.credit === null), 0.005, 0.003, "missing");
});

Deno.test("loan week: 26 purposes, two thirds of the leads consolidating debt", () => {
  assert.equal(new Set(leads.map(({ purpose }) => purpose.name)).size, 26);
  near(
    shareOf(leads, ({ purpose }) => purpose.name === "debt_consolidation"),
    0.67,
    0.03,
    "debt_consolidation",
  );
  near(shareOf(leads, ({ purpose }) => purpose.name === "other"), 0.12, 0.02, "other");
});

Deno.test("loan week: amounts are round, a quarter or more of them 1,000, some very large", () => {
  const amounts = leads.map(({ requested }) => requested);
  assert(amounts.every((amount) => amount >= 100 && amount % 100 === 0));
  near(shareOf(amounts, (amount) => amount === 1000), 0.3, 0.04, "1,000");
  near(shareOf(amounts, (amount) => amount === 5000), 0.12, 0.03, "5,000");
  near(quantile(amounts, 0.9), 20_000, 2_000, "tenth largest");
  assert(Math.max(...amounts) > 100_000);
});

Deno.test("loan week: incomes are round, some missing or 0, and higher for higher amounts", () => {
  const incomes = leads.map(({ annualIncome }) => annualIncome);
  const known = incomes.filter((income) => income !== null);
  near(1 - known.length / incomes.length, 0.02, 0.005, "missing");
  near(shareOf(known, (income) => income === 0), 0.0005, 0.0005, "zero");
  near(quantile(known, 0.5), 50_000, 3_000, "median");
  near(shareOf(known, (income) => income % 1000 === 0), 0.87, 0.04, "whole thousands");
  const incomesOf = (large: boolean) =>
    leads.filter(({ requested }) => requested > 5_000 === large).flatMap(({ annualIncome }) =>
      annualIncome ?? []
    );
  assert(quantile(incomesOf(true), 0.5) > 1.3 * quantile(incomesOf(false), 0.5));
});

Deno.test("loan week: a lead has 1.3 offers, most have one and none more than ten", () => {
  const counts = leads.map(({ offers }) => offers.length);
  near(offerCount / leads.length, 1.3, 0.03, "offers per lead");
  near(shareOf(counts, (count) => count === 1), 0.79, 0.02, "leads with one offer");
  assert(Math.max(...counts) >= 6 && Math.max(...counts) <= 10);
});

Deno.test("loan week: every lender lends within its amounts, at its own rates", () => {
  for (const { lead } of week) {
    for (const { lender, apr } of lead.offers) {
      assert(lender.amountMin <= lead.requested && lead.requested <= lender.amountMax);
      const { ys } = lender.aprByRank;
      assert(apr >= ys[0] && apr <= ys[ys.length - 1]);
    }
  }
  const aprs = examples.map(({ apr }) => apr);
  near(quantile(aprs, 0.25), 22, 1.5, "lower quartile of the rates");
  near(quantile(aprs, 0.5), 36, 1.5, "median rate");
  near(shareOf(aprs, (apr) => apr === 149), 0.18, 0.03, "rate 149");
  near(shareOf(aprs, (apr) => apr < 1), 0.012, 0.006, "rates as fractions");
});

Deno.test("loan week: lenders differ from hardly ever clicked to nearly always", () => {
  assert.equal(new Set(lenders.map(({ id }) => id)).size, 26);
  const rateOf = (id: number) => clickRate(examples.filter(({ lenderId }) => lenderId === id));
  near(clickRate(examples), 0.33, 0.015, "all");
  near(rateOf(41), 0.06, 0.02, "the most frequent");
  near(rateOf(30), 0.92, 0.03, "the most clicked of the frequent");
  near(rateOf(12), 0.46, 0.04, "a middle one");
});

Deno.test("loan week: within a lender, clicks depend on the amount, the purpose and the credit", () => {
  const large = (small: number, { arrived }: Example) => arrived.lead.requested > small;
  const ofLender = (id: number) => examples.filter(({ lenderId }) => lenderId === id);
  const rate = (rows: readonly Example[], holds: (row: Example) => boolean) => clickRate(rows.filter(holds));
  const small = ofLender(41);
  assert(rate(small, (row) => large(2_000, row)) > 2 * rate(small, (row) => !large(2_000, row)));
  const all = ofLender(19);
  const purposeIs = (name: string) => ({ arrived }: Example) => arrived.lead.purpose.name === name;
  assert(rate(all, purposeIs("medical_dental")) > rate(all, purposeIs("debt_consolidation")) + 0.1);
  const creditIs = (credit: string) => ({ arrived }: Example) => arrived.lead.credit === credit;
  assert(rate(all, creditIs("poor")) > rate(all, creditIs("excellent")) + 0.1);
});

Deno.test("loan week: a requested click rate is met, and lenders still differ", () => {
  for (const expected of [0.02, 0.5]) {
    const rows = examplesOf([...drawWeek({ offers: offerCount, seed: 3, clickRate: expected })]);
    near(clickRate(rows), expected, expected === 0.02 ? 0.004 : 0.015, "click rate");
    const rateOf = (id: number) => clickRate(rows.filter(({ lenderId }) => lenderId === id));
    assert(rateOf(30) > 5 * rateOf(41));
  }
});

Deno.test("loan week: more leads come in the American evening than at night", () => {
  const hours = week.flatMap(({ clicks }) => clicks.slice(0, 1))
    .map(({ clickedAtMs }) => new Date(clickedAtMs).getUTCHours());
  assert(shareOf(hours, (hour) => hour >= 18) > 2 * shareOf(hours, (hour) => hour >= 6 && hour < 12));
});
