import { featureSpecJsonSchema } from "../pipeline/examples/spec.ts";
import { command, commonFlags } from "./cli/command.ts";
import { readSpec } from "./cli/spec_file.ts";

export default command({
  name: "spec",
  summary: "check a feature spec, or print its JSON Schema",
  description:
    "Checks FILE, a feature spec for train --spec. Without FILE, prints the JSON Schema of feature specs.",
  positionals: { name: "[FILE]", help: "feature spec to check", min: 0, max: 1 },
  flags: commonFlags,
  examples: [
    ["clickwell spec > features-spec.schema.json", "the JSON Schema"],
    ["clickwell spec my.json", "checks my.json; reports each bad member by a JSON pointer"],
  ],
  // deno-lint-ignore require-await
  async run({ positionals: [path], options, terminal }) {
    if (path === undefined) {
      const schema = featureSpecJsonSchema();
      if (!options.json) terminal.print(JSON.stringify(schema, null, 2));
      return schema;
    }
    const { features, crosses = [] } = readSpec(path);
    terminal.say(`${path} is valid: ${features.length} features, ${crosses.length} crosses.`);
    return { valid: true, features: features.length, crosses: crosses.length };
  },
});
