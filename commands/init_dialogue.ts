import { Failure, usageInvalid } from "../pipeline/failure.ts";
import type { LeftFile } from "../pipeline/init/folder.ts";
import type { Proposal } from "../pipeline/init/proposal.ts";
import type { Wishes } from "../pipeline/init/propose.ts";
import { describeProposal } from "./init_report.ts";

interface Proposed {
  readonly proposal: Proposal;
  readonly left: readonly LeftFile[];
}

export interface Dialogue {
  propose(wishes: Wishes): Promise<Proposed>;
  say(line: string): void;
  /** Asks a question. @returns The line that was typed; undefined at the end of the input. */
  ask(question: string): Promise<string | undefined>;
}

const topics = ["label", "group", "time"] as const;
const question = "Write this? yes, no, or a correction: label=COLUMN, group=COLUMN, time=COLUMN [yes]";

/**
 * Shows a proposal and lets the user correct it, until it is accepted.
 *
 * @throws {Failure} `usage-invalid` if the user does not want it; what `propose` throws, unless another label may help.
 */
export async function proposeInDialogue(wishes: Wishes, { propose, say, ask }: Dialogue): Promise<Proposed> {
  let current = wishes;
  for (;;) {
    const proposed = await proposedOrReason(() => propose(current));
    if (typeof proposed === "string") {
      say(proposed);
      const answer = await ask("Which column is the label?");
      if (!answer) throw notWanted();
      current = { ...current, label: answer.replace(/^label=/, "") };
      continue;
    }
    for (const line of describeProposal(proposed.proposal, proposed.left)) say(line);
    const answer = await ask(question);
    if (answer === undefined || /^(n|no|q|quit)$/i.test(answer)) throw notWanted();
    if (/^(|y|yes)$/i.test(answer)) return proposed;
    const [, topic, column] = /^(\w+)\s*=\s*(.+)$/.exec(answer) ?? [];
    const known = topics.find((name) => name === topic);
    if (known) current = { ...current, [known]: column };
    else say(`${JSON.stringify(answer)} is none of these.`);
  }
}

function notWanted(): Failure {
  return usageInvalid("Nothing was written.");
}

/** Returns why there is no proposal, if another label may help. */
async function proposedOrReason(propose: () => Promise<Proposed>): Promise<Proposed | string> {
  try {
    return await propose();
  } catch (error) {
    const mayHelp = error instanceof Failure && ["usage-invalid", "examples-invalid"].includes(error.kind);
    if (mayHelp) return error.message;
    throw error;
  }
}

const bufferBytes = 1_024;

/**
 * Reads lines that are typed on a terminal.
 *
 * @param say Shows the question.
 * @throws {Failure} `usage-invalid` if standard input is not a terminal; from the returned function the reason of an aborted signal.
 */
export function askOnTerminal(say: (line: string) => void, signal: AbortSignal): Dialogue["ask"] {
  if (!Deno.stdin.isTerminal()) {
    throw usageInvalid(
      "--interactive needs a terminal to ask questions on. Leave it out, and use --label, --group and --time",
    );
  }
  return async (question) => {
    say(question);
    const buffer = new Uint8Array(bufferBytes);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      // A terminal gives a line at a time.
      const count = await Promise.race([Deno.stdin.read(buffer), aborted.promise]);
      return count === null ? undefined : new TextDecoder().decode(buffer.subarray(0, count)).trim();
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };
}
