import { mlflowRoutes } from "./mlflow/routes.ts";
import { modelRepositoryRoutes } from "./open_inference/repository_routes.ts";
import { type OpenInferenceOptions, openInferenceRoutes } from "./open_inference/routes.ts";
import { tensorflowRoutes } from "./tensorflow/routes.ts";
import { type VertexPaths, vertexRoutes } from "./vertex.ts";
import type { Route } from "../http/route.ts";

export interface ProtocolRoutesOptions extends OpenInferenceOptions {
  /** The program's own routes. */
  readonly ownRoutes: readonly Route[];
  /** Paths of a Vertex AI container, if any. */
  readonly vertex: VertexPaths | undefined;
}

/**
 * Returns the routes of all protocol adapters.
 *
 * @throws {Failure} `usage-invalid` if the prediction path for Vertex AI belongs to a route with another body.
 */
export function protocolRoutes(options: ProtocolRoutesOptions): readonly Route[] {
  const { repository, slot, ownRoutes, vertex } = options;
  const mlflow = mlflowRoutes(options);
  const routes = [
    ...openInferenceRoutes(options),
    ...modelRepositoryRoutes(repository),
    ...tensorflowRoutes(repository),
    ...mlflow.routes,
  ];
  if (!vertex) return routes;
  return [
    ...routes,
    ...vertexRoutes({ paths: vertex, slot, existingRoutes: [...ownRoutes, ...routes], ping: mlflow.ping }),
  ];
}
