import { jsonText, memberOf } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { createFindings } from "../../pipeline/model/findings.ts";
import { createRowWork, withRowBody } from "./batch.ts";
import {
  completeRow,
  createRowFailures,
  pauseIfDue,
  rowErrorJson,
  type RowWork,
} from "../scoring/batch_rows.ts";
import { type Route, routesWith } from "../http/route.ts";
import { answeredBy, batchParameters, readBatchOptions, rowProblems } from "../scoring/row_answer.ts";
import { batchRowsMax, requireCount } from "../http/row_limits.ts";
import type { RowBodies } from "./schemas/row_body.ts";
import { rowFailure, scoreRow } from "../scoring/score.ts";
import type { ModelSlot } from "../models/loaded_model.ts";
import type { Row, StoredRows } from "../scoring/stored_rows.ts";
import { isObject } from "../../pipeline/exact_json.ts";

const route = routesWith<"rank">("predictions", () => import("./schemas/row_answer.ts"));

/** A scored offer of a ranking. */
interface Ranked {
  /** Position among the offers that were sent, or that the store has, from 0. */
  readonly index: number;
  readonly row: Row;
  readonly probability: number;
  readonly unseen: readonly string[];
}

const findings = createFindings();

/** Returns `POST /rank`, which ranks the offers of one lead by probability. */
export function rankRoute(slot: ModelSlot, storedRows: StoredRows): Route {
  return route("POST", "/rank", {
    id: "rank",
    summary: 'one group and its rows → the rows by probability: {"lead":{…},"offers":[…],"top":k}',
    description:
      "`lead` holds the fields that all rows of the group share, `offers` the fields of each row, which take precedence. " +
      "If `lead` has a key of the store, omitted fields are read from the store, and so are the rows if `offers` is " +
      "omitted. Rows of equal probability keep their order.",
    parameters: batchParameters,
    problems: rowProblems,
    schemas: "rank",
  }, async (context) => {
    const work = await createRowWork(slot, storedRows, readBatchOptions(context.request));
    const { keys } = work.model;
    return await withRowBody(context.request, async (body, parse) => {
      if (isObject(body)) {
        requireCount(body.offers, "offers", batchRowsMax);
        requireMembers(work.model, body.lead);
      }
      const { lead = {}, offers, top } = parse("rank", keys ? withKeyInLead(body, keys.group) : body);
      const rows = offers ? await sentOffers(work, lead, offers) : await storedOffers(work, lead);
      const { ranked, failed } = await score(work, rows);
      return new Response(
        `{"ranking":[${await rankingText(work, ranked.slice(0, top))}],` +
          `"offers":${rows.length}${failed},${answeredBy(work.model, context.requestId)}}`,
        { headers: { "content-type": "application/json" } },
      );
    });
  });
}

/** Maximum number of members of the lead that the model does not have; each is copied into every row. */
const otherMembersMax = 100;

/** @throws {Failure} `input-invalid` */
function requireMembers({ predictor: { fields } }: RowWork["model"], lead: unknown): void {
  if (!isObject(lead)) return;
  const count = Object.keys(lead).length;
  if (count <= fields.length + otherMembersMax) return;
  throw new Failure("input-invalid", '"lead" has too many members.', [
    { pointer: "#/lead", detail: `has ${count} members; the model has ${fields.length} fields` },
  ]);
}

/** Moves a key at the top level into `lead`: `{"KEY": 1}` is short for `{"lead": {"KEY": 1}}`. */
function withKeyInLead(body: unknown, group: string): unknown {
  if (!isObject(body) || body[group] === undefined || body.lead !== undefined || isBodyField(group)) {
    return body;
  }
  const { [group]: key, ...others } = body;
  return { ...others, lead: { [group]: key } };
}

function isBodyField(name: string): name is keyof RowBodies["rank"] {
  return name === "lead" || name === "offers" || name === "top";
}

/**
 * Returns the offers that the store has of the lead. Fields that were sent take precedence over stored ones.
 *
 * @throws {Failure} `input-invalid` for a lead without a key; `body-oversized`; as {@link StoredRows} does.
 */
async function storedOffers({ model, storedRows }: RowWork, lead: Row): Promise<Rows> {
  const group = model.keys?.group;
  if (group === undefined || lead[group] === undefined) {
    const key = group === undefined
      ? ""
      : `, or "lead": {${JSON.stringify(group)}: …} for those in the store`;
    throw new Failure("input-invalid", `A ranking requires rows: send "offers": [{…}, …]${key}.`, [
      { pointer: "#/offers", detail: "is missing" },
    ]);
  }
  const rows = await storedRows.rowsOf(model, lead[group], batchRowsMax + 1);
  if (rows.length <= batchRowsMax) {
    return { length: rows.length, rowAt: (index) => ({ ...rows[index], ...lead }) };
  }
  throw new Failure(
    "body-oversized",
    `The store has more than ${
      batchRowsMax.toLocaleString("en")
    } rows of this group, the maximum for a ranking.`,
  );
}

/** Returns the offers with the lead's fields, completed from the store if one of them lacks fields. */
async function sentOffers(work: RowWork, lead: Row, offers: readonly Row[]): Promise<Rows> {
  const { model, storedRows } = work;
  const rowOf = (shared: Row): Rows => ({
    length: offers.length,
    rowAt: (index) => ({ ...shared, ...offers[index] }),
  });
  const rows = rowOf(lead);
  if (!storedRows.canComplete(model, lead)) return rows;
  for (let i = 0; i < rows.length; i++) {
    await pauseIfDue(work);
    if (storedRows.canComplete(model, rows.rowAt(i))) return rowOf(await storedRows.complete(model, lead));
  }
  return rows;
}

/** Rows created on access: with a long lead in each, all at once would take many times the body's memory. */
interface Rows {
  readonly length: number;
  rowAt(index: number): Row;
}

interface Scored {
  /** By descending probability; offers of equal probability keep their order. */
  readonly ranked: readonly Ranked[];
  /** JSON members that report the offers that failed. */
  readonly failed: string;
}

async function score(work: RowWork, rows: Rows): Promise<Scored> {
  const ranked: Ranked[] = [];
  const errors: string[] = [];
  const failures = createRowFailures(["offers"]);
  for (let i = 0; i < rows.length; i++) {
    await pauseIfDue(work);
    const row = await completeRow(work, rows.rowAt(i));
    const probability = row instanceof Failure ? NaN : scoreRow(work.model, row, findings);
    if (!(row instanceof Failure) && probability === probability) {
      ranked.push({ index: i, row, probability, unseen: [...findings.unseen] });
      continue;
    }
    const failure = row instanceof Failure ? row : rowFailure(work.model, findings.errors, "The row");
    errors.push(rowErrorJson(i, failure));
    failures.add(i, failure);
  }
  if (work.strict) failures.throwAny();
  // The sort is stable.
  ranked.sort((a, b) => b.probability - a.probability);
  return { ranked, failed: errors.length === 0 ? "" : `,"errors":[${errors.join(",")}]` };
}

async function rankingText(work: RowWork, ranked: readonly Ranked[]): Promise<string> {
  const texts: string[] = [];
  for (const offer of ranked) {
    await pauseIfDue(work);
    texts.push(offerText(work, offer));
  }
  return texts.join(",");
}

/** Returns an offer as JSON. It includes the offer's id, if any: an index does not identify an offer of the store. */
function offerText({ model: { keys }, write }: RowWork, { index, row, probability, unseen }: Ranked): string {
  const id = keys && memberOf(row, keys.id) !== undefined
    ? `${JSON.stringify(keys.id)}:${jsonText(row[keys.id])},`
    : "";
  return `{"index":${index},${id}${write(row, probability, unseen)}}`;
}
