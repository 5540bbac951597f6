import { shiftTo } from "./click_model.ts";
import { logistic, valueAt } from "./distribution.ts";
import { drawLead, type LoanLead, type LoanOffer } from "./loan_lead.ts";
import { clickDelayByRank, hourByRank, offersPerLeadMax, secondClickShare } from "./loan_market.ts";
import { createRandom, type Random } from "../math/random.ts";

export interface LoanWeekOptions {
  /** Number of offers. */
  readonly offers: number;
  /** Integer from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** Expected share of clicked offers; default: the market's own, about 0.33. */
  readonly clickRate?: number | undefined;
}

/** A lead with the ids of its offers and its clicks. */
export interface ArrivedLead {
  readonly lead: LoanLead;
  /** Ids of the lead's offers, in order; ids ascend over the whole week. */
  readonly offerIds: readonly number[];
  readonly clicks: readonly Click[];
}

export interface Click {
  readonly offerId: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly clickedAtMs: number;
}

/** Monday, 5 January 2026, 00:00 UTC. */
const weekStartMs = Date.UTC(2026, 0, 5);
const dayMs = 86_400_000;
const daysInWeek = 7;
const firstOfferId = 500_000_000;

/** Draws a week of loan offers, lead by lead. The same options give the same week on every machine. */
export function* drawWeek({ offers, seed, clickRate }: LoanWeekOptions): Generator<ArrivedLead, void> {
  const shift = clickRate === undefined ? 0 : shiftTo(clickRate, pilotLogits());
  const random = createRandom(seed);
  let offerId = firstOfferId;
  for (let drawn = 0; drawn < offers;) {
    const lead = drawLead(random, offers - drawn);
    const arrivedAtMs = arrivalMs((drawn + random.uniform()) / offers);
    // Ids of consecutive leads are apart, as in a market that serves other sites too.
    offerId += random.below(300);
    const offerIds: number[] = [];
    const clicks: Click[] = [];
    for (const offer of lead.offers) {
      offerId += 1 + random.below(20);
      offerIds.push(offerId);
      clicks.push(...drawClicks(offer, { offerId, arrivedAtMs, shift }, random));
    }
    drawn += offerIds.length;
    yield { lead, offerIds, clicks };
  }
}

function drawClicks(
  offer: LoanOffer,
  { offerId, arrivedAtMs, shift }: { offerId: number; arrivedAtMs: number; shift: number },
  random: Random,
): Click[] {
  if (random.uniform() >= logistic(offer.clickLogit + shift)) return [];
  const first = arrivedAtMs + drawDelayMs(random);
  const click = { offerId, clickedAtMs: first };
  if (random.uniform() >= secondClickShare) return [click];
  return [click, { offerId, clickedAtMs: first + drawDelayMs(random) }];
}

function drawDelayMs(random: Random): number {
  return Math.round(valueAt(clickDelayByRank, random.uniform()) * 1000);
}

/** @param share Share of the week's offers before this lead, from 0 to 1. */
function arrivalMs(share: number): number {
  const days = share * daysInWeek;
  const day = Math.min(Math.floor(days), daysInWeek - 1);
  return weekStartMs + day * dayMs + Math.round(valueAt(hourByRank, days - day) * (dayMs / 24));
}

/** Returns the logits of a fixed sample of offers, so that a click rate shifts the log-odds of every seed equally. */
function pilotLogits(): number[] {
  const random = createRandom(0);
  const logits: number[] = [];
  while (logits.length < 20_000) {
    for (const { clickLogit } of drawLead(random, offersPerLeadMax).offers) logits.push(clickLogit);
  }
  return logits;
}
