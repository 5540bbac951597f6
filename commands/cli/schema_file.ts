import { Failure } from "../../pipeline/failure.ts";
import type { Flags } from "./command.ts";

/** The flag of commands that may create the tables. */
export const schemaFlag = {
  schema: {
    type: "string",
    value: "FILE",
    path: "whole",
    help: "SQL of your own tables and their view examples, for a new store",
  },
} as const satisfies Flags;

/** Reads the SQL of `--schema`; an empty object without the flag. @throws {Failure} `file-missing` */
export function schemaOf({ schema }: { readonly schema: string | undefined }): { schema?: string } {
  return schema === undefined ? {} : { schema: readSchema(schema) };
}

/** @throws {Failure} `file-missing` */
export function readSchema(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new Failure(
      "file-missing",
      `Cannot read the schema ${path}: ${error instanceof Error ? error.message : error}.`,
    );
  }
}
