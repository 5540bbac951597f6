import type { OperationSchemas } from "../../http/operation.ts";

export const openapi: OperationSchemas = {
  answer: {
    "application/json": {
      type: "object",
      properties: { openapi: { type: "string", pattern: "^3\\.1\\." } },
      required: ["openapi", "info", "paths"],
      additionalProperties: true,
    },
  },
};
