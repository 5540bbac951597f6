/** Errors of the operating system have a code; those of Deno's permissions have none. */
export function isOfSystem(error: unknown): error is Error {
  return error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && "code" in error && typeof error.code === "string");
}

/** Returns the reason of an error of the operating system, without its number. */
export function reasonOf(error: Error): string {
  return error.message.replace(/ \(os error .*$/, "");
}

/** Whether the error says that there is no such file. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** Whether there is a file, a folder or a link at the path. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}
