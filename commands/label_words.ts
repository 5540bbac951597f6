/** Words for the outcome in a report, those of clicks only if the label is named like one. @param spec A feature spec. */
export function labelWords(spec: Readonly<Record<string, unknown>>) {
  const [label, positive] = [String(spec.label), String(spec.positive ?? 1)];
  return /^(is_)?click(s|ed)?$/i.test(label)
    ? { rate: "click rate", ones: "with a click", pair: "a clicked row and another one, the clicked one" }
    : {
      ones: `with ${label} = ${positive}`,
      rate: `rate of ${label} = ${positive}`,
      pair: `a row with ${label} = ${positive} and another one, the former`,
    };
}
