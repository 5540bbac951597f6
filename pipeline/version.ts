import configuration from "../deno.json" with { type: "json" };

declare const CLICKWELL_COMMIT: string | undefined;

/** The program's version. It is part of what a model's id is derived from. */
export const version: string = configuration.version;

/** The commit that the executable was built from; `source` where the program runs from its sources. */
export const commit: string = typeof CLICKWELL_COMMIT === "string" ? CLICKWELL_COMMIT : "source";
