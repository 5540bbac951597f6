import type { ColumnProfile } from "./column_profile.ts";
import { wordsOf } from "./names.ts";

/** Names of the time at which an example came about. */
const eventWords =
  /^(event|sent|send|shown|show|served|impression|created|creation|visit|visited|request|requested|view|viewed|timestamp|ts|time|zeitpunkt|zeit|zeitstempel|versand|versendet|gesendet)$/;
/** Names of other times: of a person or a contract, and of what comes after the example. */
const otherWords =
  /^(birth|birthday|born|dob|geburt|geburtstag|geburtsdatum|expir|valid|until|due|updat|modif|click|clos|end|cancel|churn|convert|open|purchas|delet|sign|signup|regist|join|member|start|since|first|last|contract|hire|renew|anmeldung|beginn|ende)/;

/**
 * Finds the time of the examples among columns of times: one that is named like the time of an event, else the latest; what is known of a
 * person or a contract is earlier.
 *
 * @returns undefined if no time has a value in every row, or all are named like another time.
 */
export function eventTimeOf<F extends { readonly column: ColumnProfile }>(
  fields: readonly F[],
): F | undefined {
  const candidates = fields.filter(({ column: { name, kind, nulls, distinct } }) =>
    (kind === "time" || kind === "date") && nulls === 0 && distinct > 2 &&
    !wordsOf(name).some((word) => otherWords.test(word))
  );
  const isNamed = ({ column }: F) => wordsOf(column.name).some((word) => eventWords.test(word));
  const latest = ({ column }: F) => column.range?.median ?? -Infinity;
  return candidates.toSorted((a, b) => Number(isNamed(b)) - Number(isNamed(a)) || latest(b) - latest(a))[0];
}
