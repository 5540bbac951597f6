import { fileURLToPath } from "node:url";
import { duckdbDialect } from "../../pipeline/engine/engine_dialect.ts";
import { engineFailure } from "../../pipeline/engine/engine_failure.ts";
import type { SqlEngine, SqlRows } from "../../pipeline/engine/sql_engine.ts";
import { differentialPython } from "../differential/install.ts";
import { textLines } from "./text_lines.ts";

/** Opens DuckDB in a process of its own. */
export function openDuckdb(): SqlEngine & { readonly statements: string[] } {
  const script = fileURLToPath(new URL("./duckdb_engine.py", import.meta.url));
  const child = new Deno.Command(differentialPython, {
    args: [script],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = textLines(child.stdout);
  const statements: string[] = [];
  const query = async (statement: string): Promise<SqlRows> => {
    statements.push(statement);
    await writer.write(new TextEncoder().encode(`${JSON.stringify(statement)}\n`));
    const { value } = await lines.next();
    const answer = JSON.parse(String(value)) as { rows?: SqlRows; error?: string };
    if (answer.rows) return answer.rows;
    throw engineFailure("DuckDB", statement, answer.error ?? "no answer");
  };
  return {
    dialect: duckdbDialect,
    name: "DuckDB",
    statements,
    query,
    async close() {
      await writer.close();
      await child.status;
    },
  };
}
