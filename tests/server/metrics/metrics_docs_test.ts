import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, root } from "../../support/program.ts";
import { runServer } from "../../support/running_server.ts";
import { row } from "../../support/served_models.ts";

const page = await Deno.readTextFile(join(root, "docs/metrics.md"));

function blockOf(language: string): string {
  const [, text] = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page) ?? [];
  assert.ok(text, `docs/metrics.md has a block of ${language}`);
  return text;
}

async function hasPromtool(): Promise<boolean> {
  try {
    return (await new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" })
      .output()).success;
  } catch {
    return false;
  }
}

const ignore = !await hasPromtool();
if (ignore) console.log("skipped: the examples of docs/metrics.md, checked by promtool: it is not installed");

Deno.test("docs/metrics.md names every metric of GET /metrics, and no other", async () => {
  await using running = await runServer();
  await running.ask("/predict", { ...row, lender_id: 99, annual_income: null });
  await running.ask("/livez");
  const text = await fetch(`${running.server.origin}/metrics`).then((response) => response.text());
  const served = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name).sort();
  const documented = page.split("\n").filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...line.split("|")[1].matchAll(/`(\w+)`/g)].map(([, name]) => name)).sort();
  assert.deepEqual(documented, served);
});

Deno.test({
  name: "docs/metrics.md: Prometheus accepts the scrape configuration and every query",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const queries = blockOf("promql").split("\n\n").flatMap((block) => {
        const lines = block.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
        // An indented line continues the line before it.
        return lines.join("\n").split(/\n(?! )/);
      });
      assert.ok(queries.length >= 6);
      const rules = queries.map((query, i) => ({ record: `docs:query:${i}`, expr: query }));
      const files = {
        "prometheus.yml": blockOf("yaml"),
        // JSON is YAML.
        "rules.yml": JSON.stringify({ groups: [{ name: "docs", rules }] }),
      };
      for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
      for (const args of [["check", "config", "prometheus.yml"], ["check", "rules", "rules.yml"]]) {
        const { success, stdout, stderr } = await new Deno.Command("promtool", { args, cwd: folder })
          .output();
        const decoder = new TextDecoder();
        assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
      }
    }),
});
