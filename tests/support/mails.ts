import assert from "node:assert/strict";
import { join } from "node:path";
import { createRandom } from "../../pipeline/math/random.ts";
import { inFolder, type Outcome, run } from "./program.ts";

/** Mails of six days to 200 readers, of which those about sales are opened more often. */
function mailsCsv(): string {
  const random = createRandom(3);
  const lines = Array.from({ length: 2000 }, (_, i) => {
    const [hour, topic] = [random.below(24), ["news", "sale", "survey"][random.below(3)]];
    const isOpened = random.uniform() < 0.1 + hour / 80 + (topic === "sale" ? 0.5 : 0);
    const sentAt = new Date(Date.UTC(2026, 0, 1 + random.below(6), hour)).toISOString();
    return `${i},r${random.below(200)},${sentAt},${hour},${topic},${isOpened ? "yes" : "no"}`;
  });
  return `mail_id,reader,sent_at,hour,topic,opened\n${lines.join("\n")}\n`;
}

export interface Mails {
  readonly folder: string;
  readonly csv: string;
  /** Runs a command with the store of the mails. */
  readonly run: (words: readonly string[]) => Promise<Outcome>;
}

export function withMails(test: (mails: Mails) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const csv = join(folder, "mails.csv");
    Deno.writeTextFileSync(csv, mailsCsv());
    const data = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    await test({ folder, csv, run: ([command, ...words]) => run([command, ...data, ...words]) });
  });
}

/** Parses what a command printed that succeeded. */
export function done({ code, stdout, stderr }: Outcome) {
  assert.equal(code, 0, stderr);
  return { result: JSON.parse(stdout), lines: stderr.trimEnd().split("\n") };
}
