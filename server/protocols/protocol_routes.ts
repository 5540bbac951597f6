import { mlflowRoutes } from "./mlflow/routes.ts";
import { modelRepositoryRoutes } from "./open_inference/repository_routes.ts";
import { type OpenInferenceOptions, openInferenceRoutes } from "./open_inference/routes.ts";
import { tensorflowRoutes } from "./tensorflow/routes.ts";
import { type VertexPaths, vertexRoutes } from "./vertex.ts";
import type { Route } from "../http/route.ts";

export interface ForeignRoutesOptions extends OpenInferenceOptions {
  /** The program's own routes. */
  readonly others: readonly Route[];
  /** Paths that are to be there beside those of the protocols. */
  readonly vertex: VertexPaths | undefined;
}

/**
 * The doors for clients of other servers, all on the same port.
 *
 * @throws {Failure} `usage-invalid` where Vertex AI is to ask a path that takes something else.
 */
export function foreignRoutes(options: ForeignRoutesOptions): readonly Route[] {
  const { library, slot, others, vertex } = options;
  const mlflow = mlflowRoutes(options);
  const doors = [
    ...openInferenceRoutes(options),
    ...modelRepositoryRoutes(library),
    ...tensorflowRoutes(library),
    ...mlflow.routes,
  ];
  if (!vertex) return doors;
  return [
    ...doors,
    ...vertexRoutes({ paths: vertex, slot, others: [...others, ...doors], ping: mlflow.ping }),
  ];
}
