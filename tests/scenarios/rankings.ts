import type { Scenario } from "./scenario.ts";
import { probabilityOf, row } from "../support/served_models.ts";

const { apr: _apr, lender_id: _lender, ...lead } = row;
/** The second and the fourth are equal, and have a higher probability than the others. */
const offers = [
  { apr: 30, lender_id: 12 },
  { apr: 40, lender_id: 12 },
  { apr: 20, lender_id: 12 },
  { apr: 40, lender_id: 12 },
];
const whatIf = "/predict/what-if";

export const rankings: readonly Scenario[] = [
  {
    name: "offers are ordered by probability, equal ones as sent",
    path: "/rank",
    body: { lead, offers },
    status: 200,
    answer: ({ first }) => ({
      ranking: (first.metadata.coefficients[4] > 0 ? [1, 3, 0, 2] : [2, 0, 1, 3]).map((index) => ({
        index,
        probability: probabilityOf(first, { ...lead, ...offers[index] }),
      })),
      offers: 4,
      model_id: first.id,
      version: 1,
    }),
  },
  {
    name: "top limits the number of offers",
    path: "/rank",
    body: { lead, offers, top: 1 },
    status: 200,
    answer: ({ first }) => {
      const index = first.metadata.coefficients[4] > 0 ? 1 : 2;
      return {
        ranking: [{ index, probability: probabilityOf(first, { ...lead, ...offers[index] }) }],
        offers: 4,
      };
    },
  },
  {
    name: "an offer's fields take precedence over the lead's, and its id is returned",
    path: "/rank",
    body: {
      lead: { ...lead, credit: "fair" },
      offers: [{ apr: 11.5, lender_id: 12, credit: "good", offer_id: 7 }],
    },
    status: 200,
    answer: ({ first }) => ({ ranking: [{ index: 0, offer_id: 7, probability: probabilityOf(first) }] }),
  },
  {
    name: "a lead's key is completed with its fields",
    path: "/rank",
    body: { lead: { lead_uuid: "lead-a" }, offers: [{ apr: 11.5, lender_id: 12 }] },
    status: 200,
    answer: ({ first }) => ({ ranking: [{ index: 0, probability: probabilityOf(first) }] }),
  },
  {
    name: "a lead's key alone ranks its stored offers",
    path: "/rank",
    body: { lead_uuid: "lead-a" },
    status: 200,
    answer: ({ first }) => {
      const same = probabilityOf(first);
      const other = probabilityOf(first, { ...row, apr: 20, lender_id: 7 });
      const second = { index: 1, offer_id: 2, probability: other };
      const alike = [{ index: 0, offer_id: 1, probability: same }, {
        index: 2,
        offer_id: 3,
        probability: same,
      }];
      return { ranking: other > same ? [second, ...alike] : [...alike, second], offers: 3 };
    },
  },
  {
    name: "sent fields take precedence over the lead's stored ones",
    path: "/rank",
    body: { lead: { lead_uuid: "lead-a", credit: "fair" }, top: 3 },
    status: 200,
    answer: ({ first }) => {
      const same = probabilityOf(first, { ...row, credit: "fair" });
      const other = probabilityOf(first, { ...row, credit: "fair", apr: 20, lender_id: 7 });
      const second = { index: 1, offer_id: 2, probability: other };
      const alike = [{ index: 0, offer_id: 1, probability: same }, {
        index: 2,
        offer_id: 3,
        probability: same,
      }];
      return { ranking: other > same ? [second, ...alike] : [...alike, second] };
    },
  },
  {
    name: "offers may be keys of the store",
    path: "/rank",
    body: { offers: [{ offer_id: 1 }] },
    status: 200,
    answer: ({ first }) => ({ ranking: [{ index: 0, offer_id: 1, probability: probabilityOf(first) }] }),
  },
  {
    name: "a bad offer is not ranked, and reported with its index",
    path: "/rank",
    body: { lead, offers: [{ apr: "cheap", lender_id: 12 }, offers[0], { offer_id: 77 }] },
    status: 200,
    answer: ({ first }) => ({
      ranking: [{ index: 1, probability: probabilityOf(first, { ...lead, ...offers[0] }) }],
      offers: 3,
    }),
    pointers: [undefined, undefined],
  },
  {
    name: "a strict ranking with a bad offer is rejected",
    path: "/rank?strict=true",
    body: { lead, offers: [offers[0], { apr: "cheap", lender_id: 12 }] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/offers/1/apr"],
  },
  {
    name: "an empty list of offers is accepted",
    path: "/rank",
    body: { lead, offers: [] },
    status: 200,
    answer: () => ({ ranking: [] }),
  },
  {
    name: "a lead without a key requires offers",
    path: "/rank",
    body: { lead },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/offers"],
  },
  {
    name: "a lead that the store does not have is unknown",
    path: "/rank",
    body: { lead_uuid: "nobody" },
    status: 404,
    problem: "row-unknown",
  },
  {
    name: "bad members of a ranking are reported with pointers",
    path: "/rank",
    body: { lead, offers: [1], top: 0, limit: 3 },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/offers/0", "#/top", "#/limit"],
  },
  {
    name: "a ranking that is not JSON is malformed",
    path: "/rank",
    body: "[",
    status: 400,
    problem: "body-malformed",
  },
  {
    name: "what if: the row and each change are answered",
    path: whatIf,
    body: { features: row, changes: [{ apr: 20 }, { apr: 20, lender_id: 99 }] },
    status: 200,
    answer: ({ first }) => {
      const base = probabilityOf(first);
      const cheap = probabilityOf(first, { ...row, apr: 20 });
      const strange = probabilityOf(first, { ...row, apr: 20, lender_id: 99 });
      return {
        base: { probability: base },
        variants: [
          { changes: { apr: 20 }, probability: cheap, difference: cheap - base },
          {
            changes: { apr: 20, lender_id: 99 },
            probability: strange,
            unseen: ["lender_id"],
            difference: strange - base,
          },
        ],
        model_id: first.id,
        version: 1,
      };
    },
  },
  {
    name: "what if: the row may be a key of the store",
    path: whatIf,
    body: { features: { offer_id: 2 }, changes: [{ apr: 11.5, lender_id: 12 }] },
    status: 200,
    answer: ({ first }) => {
      const base = probabilityOf(first, { ...row, apr: 20, lender_id: 7 });
      const probability = probabilityOf(first);
      return {
        base: { probability: base },
        variants: [{ changes: { apr: 11.5, lender_id: 12 }, probability, difference: probability - base }],
      };
    },
  },
  {
    name: "what if: a bad change is reported with a pointer",
    path: whatIf,
    body: { features: row, changes: [{ apr: 20 }, { apr: "x", colour: 1 }] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/changes/1/apr", "#/changes/1/colour"],
  },
  {
    name: "what if: a bad row is reported with a pointer",
    path: whatIf,
    body: { features: { ...row, apr: null }, changes: [{ apr: 20 }] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/features/apr"],
  },
  {
    name: "what if: an invalid key is reported with a pointer",
    path: whatIf,
    body: { features: { offer_id: true }, changes: [{ apr: 20 }] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/features/offer_id"],
  },
  {
    name: "what if: at least one change is required",
    path: whatIf,
    body: { features: row, changes: [] },
    status: 422,
    problem: "input-invalid",
    pointers: ["#/changes"],
  },
  {
    name: "what if: a body that is not JSON is malformed",
    path: whatIf,
    body: "",
    status: 400,
    problem: "body-malformed",
  },
];
