import { postgresPrograms, startPostgres } from "../tests/support/postgres.ts";
import { type Bench, type Benchmark, Skipped } from "./bench.ts";
import { generatedTables } from "./clickwell.ts";
import { type Measured, median, type Sample } from "./measure.ts";
import { grouped } from "./notation.ts";
import { installPeers } from "./python.ts";
import { bound, compare } from "./result.ts";
import { openStatementWire, type StatementWire } from "./statement_wire.ts";
import { loadIntoPostgres, trainOn } from "./train_postgres.ts";

/** Bytes of a pass over the smallest number of rows, at least, by those of more: a few levels occur together for the first time. */
const shareMin = 0.8;

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
    const [least] = measured;
    return {
      data: `${sizes.map(grouped).join(", ")} offers with leads and clicks, by clickwell generate --seed 1`,
      lines: measured.flatMap((side) => [
        side === least
          ? bound(side, { what: `${side.name}: bytes of a pass, both ways`, unit: "bytes", metric: "bytes" })
          : compare(side, least, {
            what: `${side.name}: bytes of a pass, both ways, against those of ${least.name}`,
            ...{ unit: "bytes", metric: "bytes", aim: shareMin },
          }),
        bound(side, { what: `${side.name}: seconds of a pass`, metric: "passSeconds" }),
        bound(side, { what: `${side.name}: whole process` }),
      ]),
      checks: [],
      notes: [
        "Medians of the passes of a training, as counted between the program and PostgreSQL, which runs on the same machine. A pass is a statement with the " +
        "coefficients, and its sums: of each combination of levels that occurs. More rows have a few more of those. Each number of rows is " +
        "trained on once.",
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
  // One training: its passes are what is repeated.
  const [side] = await bench.turns([{ name, run }], { rounds: 1, warmups: 0 });
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
