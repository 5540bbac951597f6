import { z } from "zod";

/** What the row of raw fields is called in the document. */
export const rowSchemaId = "Row";

/**
 * A row of raw fields, wherever one goes in. What its fields are depends on the model in production: the document has that
 * model's signature in this one's place (`signature.ts`), and the model's own checker is what checks rows.
 */
export const rowSchema = z.record(z.string(), z.unknown()).meta({ id: rowSchemaId });

export const rowPartSchemaId = "RowPart";

/** Some of a row's fields, likewise. */
export const rowPartSchema = z.record(z.string(), z.unknown()).meta({ id: rowPartSchemaId });
