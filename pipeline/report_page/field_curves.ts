import { drawBins } from "./bin_plots.ts";
import type { DrawnPart } from "./curve_parts.ts";
import { drawLevels } from "./level_plots.ts";
import type { CurvePart, FieldCurve, Importance } from "../report/model_report.ts";
import { cardOf, detailsOf, named, type Section, tableOf } from "./card.ts";
import { type Content, type Markup, markup } from "./markup.ts";
import { count, counted, figure, percent, withoutRounding } from "./numbers.ts";
import { changeWords, factorOf, odds } from "./odds.ts";
import { partsGrade, worstPart } from "./verdict.ts";

/** Characters of all curves: the fields beyond them are named in a table. */
const charactersMax = 800_000;
const levelsMax = 20;

/** What each field does, those that move predictions most first. */
export function curvesSection(curves: readonly FieldCurve[], importance?: Importance): Section | undefined {
  if (curves.length === 0) return undefined;
  const sorted = curves.map((curve, i) => ({ curve, i }))
    .sort((a, b) => b.curve.spread - a.curve.spread || a.i - b.i).map(({ curve }) => curve);
  const cards: Markup[] = [];
  let characters = 0;
  for (const curve of sorted) {
    const card = curveCard(curve);
    characters += card.markup.length;
    if (characters > charactersMax) break;
    cards.push(card);
  }
  const rest = sorted.slice(cards.length);
  return {
    id: "fields",
    title: "What does each field do?",
    says:
      "The click rate of each value, as it was and as the model predicts it, which should agree; and what the field itself adds, everything else being equal. Fields that move predictions most come first.",
    cards: [
      cards,
      rest.length > 0
        ? cardOf({
          title: `${counted(rest.length, "field")} that ${
            rest.length === 1 ? "moves" : "move"
          } predictions less`,
          says: "They are not drawn, to keep the page small.",
          shows: detailsOf("As a table", restTable(rest, importance)),
          isWide: true,
        })
        : undefined,
    ],
  };
}

function restTable(rest: readonly FieldCurve[], importance?: Importance): Markup {
  const worth = new Map(importance?.fields.map(({ field, log_loss }) => [field, log_loss]));
  return tableOf({
    label: "Fields that move predictions less",
    head: ["field", "odds moved by, on average", "importance"],
    rows: rest.slice(0, 200).map((curve) => [
      nameOf(curve),
      odds(curve.spread),
      figure(worth.get(curve.field) ?? null),
    ]),
  });
}

function nameOf({ field, part }: FieldCurve): Markup {
  return markup`${named(field)}${part === undefined ? undefined : markup`: ${named(part)}`}`;
}

function curveCard(curve: FieldCurve): Markup {
  const { type, effects, parts } = curve;
  const isOfBins = parts.some(({ from, to }) => from !== undefined || to !== undefined);
  const edges = parts.flatMap(({ from, to }) => [from, to]);
  const drawn = parts.map((part) => drawnPart(part, edges));
  const shown = isOfBins || type === "ordinal" || type === "time" ? drawn : largestLevels(drawn);
  const left = (curve.more ?? 0) + drawn.length - shown.length;
  const judged = shown.flatMap(({ name, rows, predicted, observed }) =>
    predicted === undefined || observed === undefined ? [] : [{ name, rows, predicted, observed }]
  );
  const isEvaluated = judged.length > 0;
  const how = [
    ...(isEvaluated ? [] : ["The click rates are those of the rows that the model was trained on."]),
    ...(left > 0 ? [`${counted(left, "value")} of fewer rows ${left === 1 ? "is" : "are"} not drawn.`] : []),
  ];
  return cardOf({
    title: nameOf(curve),
    grade: isEvaluated ? partsGrade(judged) : undefined,
    says: markup`${effectWords(curve, drawn)} ${isEvaluated ? agreementOf(judged) : undefined}`,
    shows: isOfBins ? drawBins(curve, shown) : drawLevels(curve, shown),
    legend: [
      { mark: "dot observed", words: "click rate, with a 90 % interval" },
      ...(isEvaluated ? [{ mark: "line model", words: "predicted" }] : []),
      { mark: "area up", words: effects === "partial" ? "rows predicted higher" : "adds clicks" },
      { mark: "area down", words: effects === "partial" ? "rows predicted lower" : "takes clicks away" },
      ...(isOfBins ? [{ mark: "area rows", words: "number of rows" }] : []),
    ],
    how: how.length > 0 ? how.join(" ") : undefined,
  });
}

/** Takes the rates of the evaluated rows, or of the training rows where none are evaluated. */
function drawnPart(part: CurvePart, edges: readonly (number | undefined)[]): DrawnPart {
  const { train, evaluated, name, is, effect, low, high } = part;
  const [from, to] = [part.from, part.to].map((edge) =>
    edge === undefined ? undefined : withoutRounding(edge, edges)
  );
  const counts = evaluated.rows > 0 ? evaluated : train ?? { rows: 0, clicks: 0 };
  return {
    name: is !== undefined
      ? `(${is})`
      : from !== undefined && to !== undefined
      ? `${figure(from)} to ${figure(to)}`
      : name,
    isLevel: is === undefined,
    from,
    to,
    effect,
    low,
    high,
    rows: counts.rows,
    trainRows: train?.rows ?? evaluated.rows,
    observed: counts.rows > 0 ? counts.clicks / counts.rows : undefined,
    predicted: evaluated.rows > 0 ? evaluated.predicted / evaluated.rows : undefined,
  };
}

/** Keeps the levels of the most rows, by what they add. */
function largestLevels(parts: readonly DrawnPart[]): DrawnPart[] {
  const levels = parts.filter(({ isLevel }) => isLevel).sort((a, b) => b.trainRows - a.trainRows)
    .slice(0, levelsMax).sort((a, b) => (b.effect ?? -Infinity) - (a.effect ?? -Infinity));
  return [...levels, ...parts.filter(({ isLevel }) => !isLevel)];
}

function effectWords({ effects, spread }: FieldCurve, parts: readonly DrawnPart[]): Content {
  const known = parts.filter(({ effect }) => effect !== null);
  if (known.length === 0) return "It has no effect of its own.";
  const highest = known.reduce((most, part) => Number(part.effect) > Number(most.effect) ? part : most);
  const lowest = known.reduce((least, part) => Number(part.effect) < Number(least.effect) ? part : least);
  if (highest.effect === lowest.effect) return "It does not move predictions.";
  const most = markup`<b>${named(highest.name)}</b>`;
  const least = markup`<b>${named(lowest.name)}</b>`;
  const mean = `, by a factor of ${factorOf(spread)} on average.`;
  return effects === "partial"
    ? markup`The model predicts most for ${most} (odds ${
      odds(Number(highest.effect))
    }) and least for ${least} (${odds(Number(lowest.effect))})${mean}`
    : markup`It ${changeWords(Number(highest.effect))} at ${most}, the highest, and ${
      changeWords(Number(lowest.effect), "them")
    } at ${least}, the lowest${mean}`;
}

function agreementOf(
  parts: readonly {
    readonly name: string;
    readonly rows: number;
    readonly predicted: number;
    readonly observed: number;
  }[],
): Content {
  const worst = worstPart(parts);
  if (!worst) return "Predictions agree with the click rates everywhere, but for chance.";
  const { name, predicted, observed, rows } = worst.part;
  return markup`Furthest apart at <b>${named(name)}</b>: predicted ${percent(predicted)}, observed ${
    percent(observed)
  }, in ${count(rows)} rows.`;
}
