/** Thrown for a feature of the format that is not supported. */
export class NotSupported extends Error {
  /** @param remedy Advice, a sentence without its full stop. */
  constructor(what: string, readonly remedy = "Write the file with a current version of its program") {
    super(`${what} is not supported`);
  }
}
