import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../support/python_environment.ts";

const environment = pythonEnvironment(fileURLToPath(new URL(".", import.meta.url)), [
  "requirements.txt",
  "requirements-schemathesis.txt",
]);

/** The interpreter that has the clients, once they are installed. */
export const clientsPython: string = environment.python;

if (import.meta.main) await environment.install();
