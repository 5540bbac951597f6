import * as Plot from "@observablehq/plot";
import type { CrossHeat } from "../report/model_report.ts";
import { cardOf, named, type Section } from "./card.ts";
import { draw, plotWidth } from "./drawing.ts";
import { type Markup, markup, shortened, shortenedInside } from "./markup.ts";
import { count, counted, percent } from "./numbers.ts";
import { changeWords, factorOf, odds } from "./odds.ts";

/** Characters of all heat maps: those beyond it are named. */
const charactersMax = 500_000;

/** What combinations of fields add. */
export function crossesSection(crosses: readonly CrossHeat[]): Section | undefined {
  if (crosses.length === 0) return undefined;
  const cards: Markup[] = [];
  let characters = 0;
  for (const cross of crosses) {
    const card = crossCard(cross);
    characters += card.markup.length;
    if (characters > charactersMax) break;
    cards.push(card);
  }
  const rest = crosses.slice(cards.length);
  return {
    id: "crosses",
    title: "Which fields act together?",
    says:
      markup`What a combination of values adds beyond its fields, the combinations that move predictions most first.${
        rest.length > 0
          ? markup` Not drawn, since they matter less: ${
            rest.slice(0, 50).map((cross, i) => markup`${i > 0 ? ", " : ""}${nameOf(cross)}`)
          }${rest.length > 50 ? `, and ${count(rest.length - 50)} more` : ""}.`
          : undefined
      }`,
    cards,
  };
}

function nameOf({ of }: CrossHeat): Markup {
  return markup`${of.map((name, i) => markup`${i > 0 ? " × " : ""}${named(name)}`)}`;
}

interface Cell {
  readonly row: number;
  readonly column: number;
  readonly effect: number;
  readonly rows: number;
  readonly clicks: number;
  readonly reach: number | undefined;
}

function cellsOf({ effects, reaches, rows, clicks }: CrossHeat): Cell[] {
  return effects.flatMap((line, row) =>
    line.flatMap((effect, column) =>
      effect === null ? [] : [{
        ...{ row, column, effect, rows: rows[row][column], clicks: clicks[row][column] },
        reach: reaches?.[row]?.[column],
      }]
    )
  );
}

function crossCard(cross: CrossHeat): Markup {
  const { row_names, column_names, spread, more = 0 } = cross;
  const cells = cellsOf(cross);
  const strongest = cells.reduce<Cell | undefined>(
    (most, cell) => most && Math.abs(most.effect) >= Math.abs(cell.effect) ? most : cell,
    undefined,
  );
  return cardOf({
    title: nameOf(cross),
    says: strongest
      ? markup`It changes the odds of a click by a factor of ${
        factorOf(spread)
      } on average, and most for <b>${named(row_names[strongest.row])}</b> with <b>${
        named(column_names[strongest.column])
      }</b>, where it ${changeWords(strongest.effect, "them")} (${counted(strongest.rows, "row")}).${
        chanceWords(cells)
      }`
      : "No combination has a column of its own.",
    shows: drawHeat(cross, cells),
    legend: [
      {
        mark: "area up",
        words: `more clicks, up to ${odds(Math.max(0, ...cells.map(({ effect }) => effect)))}`,
      },
      {
        mark: "area down",
        words: `fewer clicks, down to ${odds(Math.min(0, ...cells.map(({ effect }) => effect)))}`,
      },
      { mark: "area none", words: "adds nothing" },
    ],
    how: more > 0
      ? `${counted(more, "combination")} of fewer rows ${more === 1 ? "is" : "are"} not drawn.`
      : undefined,
  });
}

/** Says how many cells are more than chance. */
function chanceWords(cells: readonly Cell[]): string {
  if (cells.every(({ reach }) => reach === undefined)) return "";
  const clear = cells.filter(({ effect, reach = Infinity }) => Math.abs(effect) > reach).length;
  return ` ${count(clear)} of ${count(cells.length)} differ from nothing by more than chance explains.`;
}

/** @returns The interval of a cell's factor, as a part of its words. */
function intervalWords(effect: number, reach: number | undefined): string {
  return reach === undefined ? "" : ` (${odds(effect - reach)} to ${odds(effect + reach)})`;
}

const nameCharacters = 16;
const [marginLeft, marginRight] = [112, 8];

function drawHeat({ of, row_names, column_names }: CrossHeat, cells: readonly Cell[]): Markup {
  const reach = Math.max(1e-9, ...cells.map(({ effect }) => Math.abs(effect)));
  const longest = Math.max(0, ...column_names.map((name) => shortenedInside(name, nameCharacters).length));
  const width = (plotWidth - marginLeft - marginRight) / Math.max(1, column_names.length);
  // Names that would touch each other stand upright, and every second one or fewer is written if even those would.
  const isUpright = longest * 6.5 > width;
  const step = isUpright ? Math.ceil(11 / width) : 1;
  const height = Math.max(10, Math.min(26, width, 640 / Math.max(1, row_names.length)));
  const [marginTop, marginBottom] = [isUpright ? 14 + 7.8 * longest : 26, 8];
  const rowStep = Math.ceil(11 / height);
  return draw({
    label: `Heat map of ${
      of.map((name) => shortened(name, 40)).join(" and ")
    }: ${row_names.length} by ${column_names.length} values, ${
      counted(cells.length, "combination")
    } with an effect`,
    height: marginTop + marginBottom + height * row_names.length,
    marginLeft,
    marginRight,
    marginTop,
    marginBottom,
    x: {
      type: "band",
      domain: [...column_names.keys()],
      axis: null,
      padding: 0,
    },
    y: { type: "band", domain: [...row_names.keys()], axis: null, padding: 0 },
    color: { type: "identity" },
    marks: [
      Plot.axisX([...column_names.keys()].filter((i) => i % step === 0), {
        anchor: "top",
        label: null,
        tickSize: 0,
        tickFormat: (i: number) => shortenedInside(column_names[i], nameCharacters),
        ...(isUpright ? { tickRotate: -90 } : {}),
      }),
      Plot.axisY([...row_names.keys()].filter((i) => i % rowStep === 0), {
        label: null,
        tickSize: 0,
        tickFormat: (i: number) => shortenedInside(row_names[i], nameCharacters),
      }),
      Plot.frame({ stroke: "none", fill: "var(--none)" }),
      Plot.cell(cells, {
        x: "column",
        y: "row",
        inset: 0.5,
        fill: ({ effect }: Cell) => effect < 0 ? "var(--down)" : "var(--up)",
        fillOpacity: ({ effect }: Cell) => Number((Math.abs(effect) / reach).toFixed(3)),
        title: ({ row, column, effect, rows, clicks, reach }: Cell) =>
          `${shortened(row_names[row], 40)}, ${shortened(column_names[column], 40)}: ${odds(effect)}${
            intervalWords(effect, reach)
          }, ${count(rows)} rows, ${percent(rows > 0 ? clicks / rows : null)} clicks`,
      }),
    ],
    opacity: { type: "identity" },
  });
}
