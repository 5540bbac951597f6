/** Rows of one answer as JSON: what is longer is sent as newline-delimited JSON. */
export const batchRowsMax = 10_000;

/** Changes of one question what if. */
export const changesMax = 1_000;
