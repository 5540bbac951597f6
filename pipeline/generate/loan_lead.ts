import { clickLogit } from "./click_model.ts";
import { cumulative, drawBell, drawIndex, valueAt } from "./distribution.ts";
import { type Lender, lenders } from "./loan_lenders.ts";
import {
  amountByRank,
  type Credit,
  credits,
  creditWeights,
  gradeOfCredit,
  incomeByRank,
  incomeFollowsAmountShare,
  incomeMissingShare,
  incomeSteps,
  incomeStepWeights,
  incomeZeroShare,
  nextOfferChance,
  offersPerLeadMax,
  type Purpose,
  purposes,
} from "./loan_market.ts";
import type { Random } from "../math/random.ts";

/** A synthetic lead and the offers it sees. */
export interface LoanLead {
  /** A version 4 UUID, drawn from the seeded generator. */
  readonly uuid: string;
  /** US dollars. */
  readonly requested: number;
  readonly purpose: Purpose;
  readonly credit: Credit;
  /** US dollars a year. */
  readonly annualIncome: number | null;
  /** At least one. */
  readonly offers: readonly LoanOffer[];
}

export interface LoanOffer {
  readonly lender: Lender;
  /** Percent a year. */
  readonly apr: number;
  /** Log-odds of a click, at the market's own click rate. */
  readonly clickLogit: number;
}

const grades = [0, 1, 2, 3] as const;
const creditShares = cumulative(creditWeights);
const incomeStepShares = cumulative(incomeStepWeights);
const purposeShares = grades.map((grade) => cumulative(purposes.map(({ weights }) => weights[grade])));

/** Amounts at which a lender starts or stops lending, ascending: between two of them, the set of lenders is the same. */
const amountLimits = [...new Set(lenders.flatMap(({ amountMin, amountMax }) => [amountMin, amountMax + 1]))]
  .sort((a, b) => a - b).slice(0, -1);

/** Shares of the lenders, by grade and by the largest limit that an amount reaches. */
const lenderShares = grades.map((grade) =>
  amountLimits.map((limit) =>
    cumulative(
      lenders.map(({ weights, amountMin, amountMax }) =>
        amountMin <= limit && limit <= amountMax ? weights[grade] : 0
      ),
    )
  )
);

/** Draws the next lead of the market, with at most `offersMax` offers. */
export function drawLead(random: Random, offersMax: number): LoanLead {
  const uuid = drawUuid(random);
  const creditIndex = drawIndex(creditShares, random);
  const credit = credits[creditIndex];
  const grade = gradeOfCredit[creditIndex];
  const purpose = purposes[drawIndex(purposeShares[grade], random)];
  const rank = random.uniform();
  const lifted = rank + purpose.lift * rank * (1 - rank);
  const requested = roundAmount(valueAt(amountByRank[grade], lifted), random);
  const annualIncome = drawIncome(grade, rank, random);
  const lead = { uuid, requested, purpose, credit, annualIncome };
  return { ...lead, offers: drawOffers(lead, grade, Math.min(offersMax, offersPerLeadMax), random) };
}

function drawOffers(
  lead: Omit<LoanLead, "offers">,
  grade: number,
  offersMax: number,
  random: Random,
): LoanOffer[] {
  const mood = drawBell(random);
  const shares = lenderShares[grade][bandOf(lead.requested)];
  const drawn: { lender: Lender; apr: number }[] = [];
  do {
    const previous = drawn.at(-1)?.lender;
    let lender = lenders[drawIndex(shares, random)];
    // A lender seldom makes two consecutive offers: draw a second time and accept the result.
    if (lender === previous) lender = lenders[drawIndex(shares, random)];
    drawn.push({ lender, apr: drawApr(lender, grade, random) });
  } while (drawn.length < offersMax && random.uniform() < nextOfferChance[grade]);
  const lowest = drawn.reduce((low, { apr }) => Math.min(low, apr), Infinity);
  return drawn.map(({ lender, apr }) => {
    const seen = { ...lead, lender, apr, offerCount: drawn.length, cheapest: apr === lowest, mood };
    return { lender, apr, clickLogit: clickLogit(seen) };
  });
}

/** Draws a rate. Poor credit pays more: for half of the offers, the rank is drawn from the grade's own quarter. */
function drawApr(lender: Lender, grade: number, random: Random): number {
  const u = random.uniform();
  const rank = random.uniform() < 0.5 ? (3 - grade + u) / 4 : u;
  return Math.round(valueAt(lender.aprByRank, rank) * 1000) / 1000;
}

function drawIncome(grade: number, amountRank: number, random: Random): number | null {
  const missing = random.uniform();
  const ownRank = random.uniform();
  const rank = random.uniform() < incomeFollowsAmountShare ? amountRank : ownRank;
  const step = incomeSteps[drawIndex(incomeStepShares, random)];
  if (missing < incomeMissingShare) return null;
  if (missing < incomeMissingShare + incomeZeroShare) return 0;
  return roundTo(valueAt(incomeByRank[grade], rank), step);
}

/** Rounds an amount as leads do: small ones to hundreds, large ones mostly to 5,000. */
function roundAmount(amount: number, random: Random): number {
  const u = random.uniform();
  if (amount < 2000) return roundTo(amount, 100);
  if (amount < 3500) return roundTo(amount, 500);
  return roundTo(amount, u < 0.55 ? 5000 : u < 0.9 ? 1000 : 100);
}

function roundTo(value: number, step: number): number {
  return Math.max(step, Math.round(value / step) * step);
}

function bandOf(amount: number): number {
  let band = 0;
  while (band + 1 < amountLimits.length && amountLimits[band + 1] <= amount) band++;
  return band;
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** @see RFC 9562, section 5.4. */
function drawUuid(random: Random): string {
  const first = random.bits();
  const second = (random.bits() & 0xffff0fff) | 0x00004000;
  const third = (random.bits() & 0x3fffffff) | 0x80000000;
  const fourth = random.bits();
  return `${hex16(first >>> 16)}${hex16(first)}-${hex16(second >>> 16)}-${hex16(second)}-${
    hex16(third >>> 16)
  }-` +
    `${hex16(third)}${hex16(fourth >>> 16)}${hex16(fourth)}`;
}

/** The lower 16 bits as four hexadecimal digits. */
function hex16(bits: number): string {
  return hexOfByte[(bits >>> 8) & 0xff] + hexOfByte[bits & 0xff];
}
