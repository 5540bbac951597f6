import { copyable, h } from "./element.js";
import { curlOf, predictPath, send, written } from "./request.js";

const pauseMs = 120;

/** Returns a form of the model's fields that predicts while it is filled in; undefined if the fields are not known. */
export function predictionPanel(row) {
  if (!row?.properties) return undefined;
  const example = row.examples?.[0] ?? {};
  // Without the keys of the store, which are not fields.
  const names = row.required ?? row.anyOf[0].required;
  const fields = names.map((name) => fieldOf(name, row.properties[name], example[name]));
  const result = resultOf();
  const curl = copyable("", "the request as a curl command");
  let sentCount = 0;
  let timer;

  async function ask() {
    const number = ++sentCount;
    const body = JSON.stringify(Object.fromEntries(fields.map(({ name, value }) => [name, value()])));
    const request = {
      method: "POST",
      target: predictPath,
      headers: { "content-type": "application/json" },
      body,
    };
    curl.show(curlOf(request));
    const answer = await send(request).catch(() => undefined);
    // Superseded by a later request.
    if (number !== sentCount) return;
    const errors = new Map(answer?.json?.errors?.map(({ pointer, detail }) => [pointer, detail]));
    const unseen = answer?.json?.unseen ?? [];
    for (const field of fields) {
      field.showNote(errors.get(pointerTo(field.name)), unseen.includes(field.name));
    }
    result.show(answer);
  }

  ask();
  addEventListener(written, ask);
  return h(
    "section.card",
    { id: "try" },
    h("h2", "Try a prediction"),
    h(
      "form.prediction",
      {
        onsubmit: (event) => event.preventDefault(),
        oninput() {
          clearTimeout(timer);
          timer = setTimeout(ask, pauseMs);
        },
      },
      h("div.fields", ...fields.map(({ element }) => element)),
      result.element,
    ),
    curl.element,
  );
}

/** Returns a field's JSON pointer in fragment form. */
function pointerTo(name) {
  return `#/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}

/** Returns the input of one raw field. Empty means null: a value that is not known. */
function fieldOf(name, schema, example) {
  const numeric = Array.isArray(schema.type) && !schema.type.includes("string");
  // An id has no spaces.
  const id = `field-${encodeURIComponent(name)}`;
  const levels = schema.anyOf?.find((option) => option.enum)?.enum ?? schema.examples ?? [];
  const nullable = JSON.stringify(schema).includes('"null"');
  const input = h("input", {
    id,
    name,
    type: numeric ? "number" : "text",
    step: numeric ? "any" : undefined,
    value: example === undefined || example === null ? "" : String(example),
    placeholder: nullable ? "not known" : "",
    autocomplete: "off",
    "aria-describedby": `${id}-note`,
    list: numeric ? undefined : `${id}-levels`,
  });
  const note = h("span.note", { id: `${id}-note` });
  const options = numeric
    ? undefined
    : h("datalist", { id: `${id}-levels` }, ...levels.map((value) => h("option", { value: String(value) })));
  return {
    name,
    element: h("div.field", h("label", { htmlFor: id }, name), input, note, options),
    value: () => input.value === "" ? null : numeric ? input.valueAsNumber : input.value,
    showNote(error, unseen) {
      note.textContent = error ?? (unseen ? "not seen in training" : "");
      note.className = error ? "note bad" : "note";
      input.ariaInvalid = String(error !== undefined);
    },
  };
}

function resultOf() {
  const figure = h("output.figure", "…");
  const bar = h("div.bar", h("div.filled"));
  const words = h("p.muted");
  return {
    element: h("div.result", { ariaLive: "polite" }, figure, bar, words),
    show(answer) {
      const probability = answer?.json?.probability;
      const known = typeof probability === "number";
      figure.textContent = known ? `${(100 * probability).toFixed(1)} %` : "–";
      bar.style.setProperty("--probability", known ? probability : 0);
      words.replaceChildren(
        ...(known
          ? ["by model ", h("span.name", answer.json.model_id)]
          : [answer?.json?.detail ?? "The server does not respond."]),
      );
    },
  };
}
