import configuration from "../deno.json" with { type: "json" };

declare const CLICKWELL_COMMIT: string | undefined;

/** The program's version, which is part of the content of models and so of their ids. */
export const version: string = configuration.version;

/** The commit from which the executable was built; `source` if the program runs from its sources. */
export const commit: string = typeof CLICKWELL_COMMIT === "string" ? CLICKWELL_COMMIT : "source";
