import { Failure } from "../../pipeline/failure.ts";
import type { OperationSchemas } from "../http/operation.ts";
import type { Route } from "../http/route.ts";

export const docsPath = "/docs";

/** The page may load from and send requests to this server only, and must not be framed. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const text = { type: "string" } as const;
const pageSchemas: OperationSchemas = { answer: { "text/html": text } };
const fileSchemas: OperationSchemas = {
  answer: { "text/javascript": text, "text/css": text, "image/svg+xml": text },
};

/** Returns `/docs`: the OpenAPI document as a page, with a form per operation. Its files are read at the first request. */
export function docsRoutes(): readonly Route[] {
  const load = () => import("../docs_page/files.ts");
  return [
    {
      method: "GET",
      path: docsPath,
      summary: "this API as a page on which each call can be tried",
      operation: { id: "docs", tag: "operation", schemas: () => pageSchemas },
      async handle() {
        return fileResponse("text/html; charset=utf-8", (await load()).page);
      },
    },
    {
      method: "GET",
      path: `${docsPath}/:file`,
      summary: "scripts, styles and icons of that page",
      operation: {
        id: "docsFile",
        tag: "operation",
        parameters: [{
          name: "file",
          in: "path",
          description: "a file of the page",
          schema: { type: "string", pattern: "^[a-z]+\\.(js|css|svg)$", examples: ["main.js"] },
        }],
        problems: ["route-unknown"],
        schemas: () => fileSchemas,
      },
      async handle({ parameters: { file } }) {
        const found = (await load()).files.get(file);
        if (found) return fileResponse(found.type, found.text);
        throw new Failure("route-unknown", "The page has no such file. GET /docs is the page.");
      },
    },
  ];
}

function fileResponse(type: string, body: string): Response {
  return new Response(body, { headers: { "content-type": type, "content-security-policy": policy } });
}
