import type { Operation, OperationSchemas } from "../http/operation.ts";
import type { Route } from "../http/route.ts";

interface ProtocolRoute<Name> extends Pick<Route, "summary" | "write" | "health" | "fastPath"> {
  readonly id: string;
  /** Name of the schemas of its bodies. */
  readonly schemas: Name;
  readonly parameters?: Operation["parameters"];
  readonly problems?: Operation["problems"];
}

/** Returns a function that creates routes of a protocol adapter. @param load Loads the schemas of their bodies. */
export function routesWith<Name extends string>(
  load: () => Promise<Readonly<Record<Name, OperationSchemas>>>,
) {
  return (
    method: Route["method"],
    path: string,
    { id, schemas, parameters = [], problems = [], ...rest }: ProtocolRoute<Name>,
    handle: Route["handle"],
  ): Route => {
    const operation: Operation = {
      id,
      tag: "protocols",
      parameters,
      problems,
      schemas: async () => (await load())[schemas],
    };
    return { method, path, ...rest, protocol: true, operation, handle };
  };
}
