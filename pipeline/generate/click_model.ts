import { curve, logistic, valueAt } from "./distribution.ts";
import type { Lender } from "./loan_lenders.ts";
import type { Credit, Purpose } from "./loan_market.ts";

/** An offer as shown to its lead: all that a click depends on. */
export interface SeenOffer {
  readonly requested: number;
  readonly purpose: Purpose;
  readonly credit: Credit;
  readonly annualIncome: number | null;
  readonly lender: Lender;
  readonly apr: number;
  /** Number of offers that the lead sees, including this one, and whether none is cheaper. */
  readonly offerCount: number;
  readonly cheapest: boolean;
  /** The lead's general readiness to click: mean 0, standard deviation 1. */
  readonly mood: number;
}

/** Log-odds that give the market's own click rate, about a third. */
const base = -0.05;

const creditEffects: Readonly<Record<Credit & string, number>> = {
  poor: 0.3,
  fair: 0,
  good: -0.1,
  excellent: -0.8,
  limited: 2.6,
  unknown: 0.2,
};
const creditMissingEffect = -0.4;
const incomeMissingEffect = -0.3;

/** Rates are compared with those of similar loans: low rates are attractive, and so are those just below a round number. */
const aprEffect = curve(
  "0:0.5 7:0.4 14:-0.2 22:0 30:0.4 36:0.4 60:-0.2 100:-0.2 150:0.1 250:0.1 420:-0.4 560:-0.8",
);

/** Factor of a lender's lean, from small (−1) to large (1) amounts in US dollars. */
const amountLean = curve("500:-1 1000:-0.6 2500:0.2 5000:0.8 15000:1");

/** Medium amounts are needed most urgently. */
const amountEffect = curve(
  "300:-0.2 500:-0.1 600:-0.8 1000:-0.8 2000:-0.1 2500:0.7 5000:1 7500:0.4 15000:0 25000:0.2 100000:0",
);

/** Effect of the amount as a multiple of yearly income: leads that ask for a year's income hesitate. */
const burdenEffect = curve("0:0 0.02:0.1 0.3:0 0.8:-0.5 3:-0.8");

/** Returns the log-odds that an offer is clicked. */
export function clickLogit(offer: SeenOffer): number {
  const { requested, purpose, credit, annualIncome, lender, apr, offerCount, cheapest, mood } = offer;
  let logit = base + lender.effect + purpose.effect + 0.6 * mood;
  logit += lender.lean * valueAt(amountLean, requested) + valueAt(amountEffect, requested);
  logit += valueAt(aprEffect, apr) + (credit === null ? creditMissingEffect : creditEffects[credit]);
  logit += annualIncome === null
    ? incomeMissingEffect
    : valueAt(burdenEffect, requested / Math.max(annualIncome, 1000));
  // A rate below 36 % is exceptional for poor credit; refinancing at more than the card's rate is pointless.
  if (credit === "poor" && apr < 36) logit += 0.5;
  if (purpose.name === "credit_card_refi" && apr > 22) logit -= 0.8;
  // Offers to the same lead compete, which no field of a single offer shows.
  if (offerCount > 1) logit += (cheapest ? 0.3 : -0.1) - 0.2 * (offerCount - 1);
  return logit;
}

/**
 * Returns the number to add to every logit so that the mean probability is `clickRate`.
 *
 * @param logits Logits of a sample of offers, at least one.
 * @param clickRate Above 0, below 1.
 */
export function shiftTo(clickRate: number, logits: readonly number[]): number {
  let low = -40;
  let high = 40;
  // Fifty halvings reduce the interval of 80 to 1e-13.
  for (let i = 0; i < 50; i++) {
    const shift = (low + high) / 2;
    let sum = 0;
    for (const logit of logits) sum += logistic(logit + shift);
    if (sum / logits.length < clickRate) low = shift;
    else high = shift;
  }
  return (low + high) / 2;
}
