import { copyable, h, inline, paragraphs } from "./element.js";
import { curlOf, send } from "./request.js";
import { exampleOf, membersOf, nameOf, typeOf } from "./schema.js";

const shownMax = 100_000;

/** Returns an operation's description with a form to try it. */
export function operationCard({ method, path, operation, schemas }) {
  const { summary, description = "", parameters = [], requestBody, responses, security } = operation;
  return h(
    "details.card.operation",
    { id: operation.operationId },
    h(
      "summary",
      h(`span.method.${method}`, method.toUpperCase()),
      h("code.path", path),
      h("span.summary", summary),
      security ? h("span.badge", "token") : undefined,
    ),
    ...paragraphs(description),
    ...(parameters.length > 0 ? [h("h4", "Parameters"), parameterTable(parameters)] : []),
    ...bodyParts("Body", requestBody?.content, schemas),
    ...bodyParts("Response", responses["200"]?.content, schemas),
    h("details.others", h("summary", "Other responses"), responseTable(responses)),
    tryForm({ method, path, parameters, requestBody, guarded: security !== undefined, schemas }),
  );
}

function parameterTable(parameters) {
  const rows = parameters.map(({ name, in: place, description, schema, required }) => {
    const type = h("td.type", `${place}, `, ...typeOf(schema));
    return h("tr", h("td", ...nameOf(name, required)), type, h("td", ...inline(description)));
  });
  return h("table.members", h("tbody", ...rows));
}

function bodyParts(title, content = {}, schemas) {
  return Object.entries(content).flatMap(([type, { schema }]) => [
    h("h4", title, " ", h("code", type), " ", ...typeOf(schema)),
    membersOf(schema, schemas),
  ]);
}

function responseTable(responses) {
  const others = Object.entries(responses).filter(([status]) => status !== "200");
  const rows = others.map(([status, { description }]) =>
    h("tr", h("td", h("code", status)), h("td", ...inline(description)))
  );
  return h("table.members", h("tbody", ...rows));
}

function tryForm({ method, path, parameters, requestBody, guarded, schemas }) {
  const inputs = parameters.map((parameter) => parameterInput(parameter, schemas));
  const [[type, content] = []] = Object.entries(requestBody?.content ?? {});
  const body = type === undefined ? undefined : h("textarea", {
    rows: 8,
    spellcheck: false,
    ariaLabel: `body of ${method.toUpperCase()} ${path}`,
    value: bodyText(content, schemas),
  });
  const curl = copyable("", "the request as a curl command");
  const answer = h("div.answer", { role: "status" });

  const request = () => {
    const sent = inputs.filter(({ value }) => value() !== "");
    const of = (place) => sent.filter((input) => input.place === place);
    const query = new URLSearchParams(of("query").map(({ name, value }) => [name, value()])).toString();
    const target = path.replace(
      /\{(\w+)\}/g,
      (_, name) => encodeURIComponent(of("path").find((input) => input.name === name)?.value() ?? ""),
    );
    const headers = Object.fromEntries(of("header").map(({ name, value }) => [name.toLowerCase(), value()]));
    if (body) headers["content-type"] = type;
    return {
      method: method.toUpperCase(),
      target: query ? `${target}?${query}` : target,
      headers,
      body: body?.value,
      guarded,
    };
  };
  const refresh = () => curl.show(curlOf(request()));
  refresh();
  return h(
    "form.attempt",
    {
      oninput: refresh,
      async onsubmit(event) {
        event.preventDefault();
        answer.replaceChildren("…");
        answer.replaceChildren(...await answerParts(request()));
      },
    },
    h("h4", "Try it"),
    ...inputs.map(({ element }) => element),
    body,
    curl.element,
    h("button.send", { type: "submit" }, "Send"),
    answer,
  );
}

function parameterInput({ name, in: place, schema, required }, schemas) {
  const value = required ? String(exampleOf(schema, schemas)) : "";
  const input = h("input", { type: "text", value, required, autocomplete: "off", spellcheck: false });
  return {
    name,
    place,
    value: () => input.value.trim(),
    element: h("label.parameter", name, input),
  };
}

function bodyText({ schema, example }, schemas) {
  const value = example ?? exampleOf(schema, schemas);
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

async function answerParts(request) {
  try {
    const { status, type, text, json, milliseconds } = await send(request);
    const shown = json === undefined ? text : JSON.stringify(json, null, 2);
    const heading = h(`strong.status.${status < 400 ? "good" : "bad"}`, String(status));
    const details = h("span.muted", ` ${type} · ${milliseconds.toFixed(1)} ms`);
    return [
      h("p", heading, details),
      h("pre", { tabIndex: 0, ariaLabel: "answer" }, shown.slice(0, shownMax)),
    ];
  } catch (error) {
    return [h("p.bad", `The server does not respond: ${error.message}`)];
  }
}
