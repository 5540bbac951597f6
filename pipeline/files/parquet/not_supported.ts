/** What the format allows, and is not read. */
export class NotSupported extends Error {
  /** @param remedy What to do about it, as a sentence without its end. */
  constructor(what: string, readonly remedy = "Write the file with a current version of its program") {
    super(`${what} is not supported`);
  }
}
