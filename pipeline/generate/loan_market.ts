import { type Curve, curve } from "./distribution.ts";

/**
 * The market that `clickwell generate` imitates: rounded figures of a real week of loan offers (15,000 leads, 20,000
 * offers, a third of them clicked), with other lender ids. No row of that week is included or can be reconstructed.
 *
 * Two figures differ on purpose: the real tables have very few missing incomes and credits, and these have enough for a
 * model to learn from.
 */

/** A figure for each of the four common grades of credit. */
export type ByGrade = readonly [poor: number, fair: number, good: number, excellent: number];

/** Credit as stated by the lead. The four common grades come first: other tables are indexed by their position. */
export const credits = ["poor", "fair", "good", "excellent", "limited", "unknown", null] as const;
export type Credit = (typeof credits)[number];

/** Leads per thousand, by credit. */
export const creditWeights = [414, 258, 248, 70, 3, 2, 5];

/** Index of the common grade whose figures each credit uses. */
export const gradeOfCredit = [0, 1, 2, 3, 1, 0, 0];

/** Probability of one more offer, by grade: better credit gets more offers. */
export const nextOfferChance = [0.12, 0.2, 0.33, 0.45];
export const offersPerLeadMax = 10;

/** Share of leads that leave out their income, and of those that enter 0. */
export const incomeMissingShare = 0.02;
export const incomeZeroShare = 0.0005;

/** Share of leads whose income has the same rank as the amount requested. */
export const incomeFollowsAmountShare = 0.3;

/** What the loan is for. */
export interface Purpose {
  readonly name: string;
  /** Leads per thousand, by grade. */
  readonly weights: ByGrade;
  /** Shifts the amount's rank: 0 keeps it, 0.9 moves most leads to the upper half, −0.9 to the lower. */
  readonly lift: number;
  /** Added to the log-odds of a click. */
  readonly effect: number;
}

const purposeRows: readonly [name: string, weights: ByGrade, lift: number, effect: number][] = [
  ["auto", [26, 27, 14, 22], 0.3, 0.9],
  ["auto_purchase", [0.2, 0.6, 0.4, 2], 0.6, -0.2],
  ["auto_refinance", [0.3, 1, 2, 7], 0.6, -0.2],
  ["baby", [2, 2, 4, 6], 0.4, 0.7],
  ["boat", [0.4, 1, 2, 14], 0.8, -1.4],
  ["business", [6, 9, 10, 30], 0.5, 0.6],
  ["car_repair", [0.3, 0.3, 0.2, 0.2], 0.2, 1.2],
  ["cosmetic", [0.1, 0.3, 0.6, 0.3], 0.4, 0.6],
  ["credit_card_refi", [13, 35, 97, 59], 0.8, 0.1],
  ["debt_consolidation", [819, 696, 443, 457], -0.1, -0.5],
  ["emergency", [0.4, 0.6, 0.3, 0.5], 0.2, 1],
  ["green", [0.1, 0.5, 0.3, 0.2], 0.2, 0.5],
  ["home_improvement", [22, 46, 61, 159], 0.5, 0.2],
  ["household_expenses", [11, 6, 2, 6], 0.3, 2.8],
  ["large_purchases", [12, 23, 34, 80], 0.4, 0.6],
  ["life_event", [0.2, 0.2, 0.2, 0.2], 0, 0],
  ["medical_dental", [20, 26, 17, 12], 0.1, 0.8],
  ["motorcycle", [0.1, 0.1, 0.1, 0.1], 0.2, 0.3],
  ["moving_relocation", [10, 16, 10, 4], 0.3, 1.1],
  ["other", [37, 86, 289, 108], -0.2, -0.3],
  ["special_occasion", [2, 6, 5, 19], 0.6, 0.3],
  ["student_loan", [4, 4, 2, 1], 0.2, 1.5],
  ["taxes", [3, 4, 1, 5], 0.2, 1],
  ["unknown", [0.9, 0.4, 0.5, 1], -0.5, 0.3],
  ["vacation", [6, 6, 3, 6], 0.1, 1.8],
  ["wedding", [3, 4, 2, 6], 0.2, 1.6],
];
export const purposes: readonly Purpose[] = purposeRows.map(([name, weights, lift, effect]) => ({
  name,
  weights,
  lift,
  effect,
}));

/** Amount requested, US dollars, by rank from 0 to 1 and grade. A flat part is an amount that many request. */
export const amountByRank: readonly Curve[] = [
  "0:100 0.02:500 0.2:500 0.25:600 0.28:800 0.34:800 0.37:1000 0.73:1000 0.76:1500 0.8:2000 0.84:2000 0.9:5000 " +
  "0.95:8000 0.99:20000 1:60000",
  "0:300 0.02:500 0.06:500 0.1:1000 0.34:1000 0.38:2000 0.5:2000 0.58:3000 0.65:5000 0.75:5000 0.8:8500 " +
  "0.85:10000 0.9:15000 0.95:25000 0.99:50000 1:100000",
  "0:300 0.02:1000 0.33:1000 0.37:4000 0.41:5000 0.56:5000 0.62:7000 0.69:10000 0.73:10000 0.8:17000 0.9:27000 " +
  "0.95:40000 0.99:60000 1:150000",
  "0:500 0.02:1000 0.16:1000 0.2:5000 0.33:5000 0.38:10000 0.46:10000 0.6:18000 0.7:25000 0.8:35000 0.9:50000 " +
  "0.95:65000 0.99:135000 1:250000",
].map(curve);

/** Gross yearly income, US dollars, by rank from 0 to 1 and grade. */
export const incomeByRank: readonly Curve[] = [
  "0:9000 0.01:15000 0.05:18000 0.1:21000 0.25:30000 0.5:42000 0.75:60000 0.9:77000 0.95:90000 0.99:138000 1:400000",
  "0:9000 0.01:15000 0.05:18000 0.1:24000 0.25:35000 0.5:50000 0.75:72000 0.9:108000 0.95:135000 0.99:222000 1:600000",
  "0:9000 0.01:18000 0.05:24000 0.1:30000 0.25:40000 0.5:60000 0.75:82000 0.9:126000 0.95:164000 0.99:310000 1:1200000",
  "0:9000 0.01:18000 0.05:30000 0.1:36000 0.25:52000 0.5:72000 0.75:108000 0.9:176000 0.95:232000 0.99:500000 1:3000000",
].map(curve);

/** Steps to which yearly incomes are rounded, US dollars: 500 a month, 1,000 a year, 10 a month. */
export const incomeSteps = [6000, 1000, 120] as const;
export const incomeStepWeights = [60, 27, 13] as const;

/** Time of day of a lead, hours UTC, by rank within the day: the American day and evening are busy. */
export const hourByRank = curve("0:0 0.11:2 0.22:5 0.32:9 0.36:12 0.47:15 0.64:18 0.82:21 1:24");

/** Time from an offer to its click, seconds, by rank: usually minutes, sometimes days. */
export const clickDelayByRank = curve("0:4 0.5:45 0.8:180 0.92:1200 0.98:20000 0.995:120000 1:900000");

/** Share of clicked offers that are clicked a second time. */
export const secondClickShare = 0.02;
