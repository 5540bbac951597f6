import { postgresPrograms, startPostgres } from "../tests/support/postgres.ts";
import { type Bench, type Benchmark, Skipped } from "./bench.ts";
import { generatedTables } from "./clickwell.ts";
import { type Measured, median, type Sample, seriesOf } from "./measure.ts";
import { grouped } from "./notation.ts";
import { installPeers } from "./python.ts";
import { bound } from "./result.ts";
import { openStatementWire, type StatementWire } from "./statement_wire.ts";
import { loadIntoPostgres, trainOn } from "./train_postgres.ts";

/** Bytes of a pass over more rows, at most, by those of the smallest number: a few combinations of levels occur for the first time. */
const growthMax = 1.25;

export const engineBytes: Benchmark = {
  title: "Sums pushed down to PostgreSQL: bytes and seconds of a pass",
  peers: [],
  async run(bench) {
    if (postgresPrograms === undefined) {
      throw new Skipped("PostgreSQL is not installed: apt-get install postgresql");
    }
    await installPeers(["requirements.txt", "requirements-postgres.txt"], bench.say);
    const sizes = [1, 5, ...bench.isLarge ? [20] : []].map((times) => times * bench.offers);
    const measured: Measured[] = [];
    for (const offers of sizes) measured.push(await measure(bench, offers));
    const bytes = measured.map((side) => median(seriesOf(side, "bytes").values));
    return {
      data: `${sizes.map(grouped).join(", ")} offers with leads and clicks, by clickwell generate --seed 1`,
      lines: measured.flatMap((side) => [
        bound(side, { what: `${side.name}: bytes of a pass, both ways`, unit: "bytes", metric: "bytes" }),
        bound(side, { what: `${side.name}: seconds of a pass`, metric: "passSeconds" }),
        bound(side, { what: `${side.name}: whole process` }),
      ]),
      checks: sizes.slice(1).map((offers, i) => {
        const growth = bytes[i + 1] / bytes[0];
        return {
          what: `a pass over ${grouped(offers)} rows has ${growth.toFixed(2)} times the bytes of one over ` +
            `${grouped(sizes[0])} (at most ${growthMax})`,
          holds: growth <= growthMax,
        };
      }),
      notes: [
        "Medians of the passes of a training, as counted between the program and PostgreSQL, which runs on the same machine. A pass is a statement with the " +
        "coefficients, and its sums: of each combination of levels that occurs. More rows have a few more of those.",
      ],
    };
  },
};

async function measure(bench: Bench, offers: number): Promise<Measured> {
  await using postgres = await startPostgres();
  await loadIntoPostgres(bench, await generatedTables(bench, offers), postgres.url());
  await using wire = openStatementWire(postgres.port);
  const url = new URL(postgres.url());
  url.port = String(wire.port);
  const name = `${grouped(offers)} rows`;
  const run = () => trainOnce(bench, url.href, wire);
  const [side] = await bench.turns([{ name, run }]);
  return side;
}

async function trainOnce(bench: Bench, url: string, wire: StatementWire): Promise<Sample> {
  wire.take();
  const { sample } = await trainOn(bench, url, "pushed", 0);
  const passes = wire.take().filter(({ statement }) =>
    statement.includes("rows_ AS") && !statement.includes("bucket")
  );
  return {
    ...sample,
    passes: passes.length,
    bytes: median(passes.map(({ bytes }) => bytes)),
    passSeconds: median(passes.map(({ seconds }) => seconds)),
  };
}
