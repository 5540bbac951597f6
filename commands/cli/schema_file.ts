import type { Flags } from "./command.ts";
import { readGivenFile } from "./given_file.ts";

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
  return readGivenFile(path, "the schema");
}
