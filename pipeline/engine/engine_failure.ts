import { Failure } from "../failure.ts";

/** Characters of a statement that a message shows. */
const headLength = 160;

/** Returns the failure of a statement, in the engine's words. @param name The engine's, without a secret. */
export function engineFailure(name: string, statement: string, words: string): Failure {
  const head = statement.replace(/\s+/g, " ").slice(0, headLength);
  const more = statement.length > headLength ? " …" : "";
  return new Failure(
    "engine-failed",
    `${name} did not answer a statement: ${words.trim()}. The statement begins with: ${head}${more}. Nothing was registered.`,
  );
}
