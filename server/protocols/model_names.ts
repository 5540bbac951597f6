import { Failure } from "../../pipeline/failure.ts";
import { type ModelRepository, productionName } from "../models/model_repository.ts";

/** Every name that requests can use; where the store cannot be read, that of the model in production. */
export async function namesOf(library: ModelRepository): Promise<readonly string[]> {
  try {
    return (await library.list()).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Failure) return [productionName];
    throw error;
  }
}
