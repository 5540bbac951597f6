import { printable } from "../files/columns/printable.ts";

/** Names of columns that say what a column is. A word ends at an underscore, a space, a hyphen or before a capital letter. */

/** Returns the words of a name, in lower case. */
export function wordsOf(name: string): string[] {
  return name.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) =>
    word !== ""
  );
}

const idWords = new Set([
  "id",
  "ids",
  "uuid",
  "guid",
  "key",
  "pk",
  "nr",
  "no",
  "number",
  "nummer",
  "num",
  "ref",
  "hash",
  "token",
  "schlüssel",
  "schluessel",
  "kennung",
  "index",
]);

/** Returns whether a name is that of an identifier: `offer_id`, `customerNo`, `id`. */
export function isIdName(name: string): boolean {
  const words = wordsOf(name);
  return idWords.has(words.at(-1) ?? "") || /(uuid|guid)$/i.test(name) ||
    (/[a-z]id$/.test(name) && !notIds.test(name));
}

/** Words that end like an identifier. */
const notIds =
  /(paid|valid|bid|grid|solid|aid|void|said|rapid|liquid|fluid|acid|did|kid|mid|rid|lid|avoid|hybrid)$/i;

const codeWords = new Set([
  ...idWords,
  "code",
  "type",
  "class",
  "category",
  "kind",
  "status",
  "zip",
  "zipcode",
  "plz",
  "postcode",
  "segment",
  "zone",
  "channel",
  "cluster",
]);

/** Returns whether integers of such a name are categories rather than quantities: `lender_id`, `zip`, `status`. */
export function isCodeName(name: string): boolean {
  return isIdName(name) || codeWords.has(wordsOf(name).at(-1) ?? "");
}

const personWords = new Set([
  "user",
  "customer",
  "client",
  "lead",
  "visitor",
  "session",
  "person",
  "member",
  "account",
  "household",
  "subscriber",
  "contact",
  "email",
  "kunde",
  "kunden",
  "kundin",
  "nutzer",
  "besucher",
  "sitzung",
]);

/** Returns whether a name is that of the one who acts: rows of one of them belong together. */
export function isPersonName(name: string): boolean {
  return wordsOf(name).some((word) => personWords.has(word));
}

const labelNames = [
  [
    "label",
    "target",
    "outcome",
    "y",
    "clicked",
    "is_clicked",
    "click",
    "is_click",
    "ist_geklickt",
    "geklickt",
  ],
  [
    ...[
      "converted",
      "conversion",
      "responded",
      "response",
      "opened",
      "subscribed",
      "purchased",
      "purchase",
      "bought",
    ],
    ...["accepted", "booked", "ordered", "installed", "gekauft", "bestellt"],
  ],
  [
    ...[
      "churned",
      "churn",
      "cancelled",
      "canceled",
      "left",
      "exited",
      "attrition",
      "defaulted",
      "default",
      "approved",
    ],
    ...["won", "success", "survived", "fraud", "spam", "returned", "renewed", "gekündigt", "gekuendigt"],
  ],
];

/** Returns how well a name suits a label, 0 best; undefined if it does not. */
export function labelRank(name: string): number | undefined {
  const words = wordsOf(name).join("_");
  const rank = labelNames.findIndex((names) =>
    names.some((label) => words === label || words === `is_${label}` || words === `has_${label}`)
  );
  return rank < 0 ? undefined : rank;
}

/** Lists names, at most `max`. */
export function listed(names: readonly string[], max = 20): string {
  const shown = names.slice(0, max).map(printable).join(", ");
  return names.length > max ? `${shown} and ${names.length - max} more` : shown;
}
