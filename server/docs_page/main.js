import { h, inline, paragraphs } from "./element.js";
import { operationCard } from "./operation.js";
import { predictionPanel } from "./prediction.js";
import { send, setToken, written } from "./request.js";
import { membersOf, typeOf } from "./schema.js";

const main = document.getElementById("main");

try {
  const { json } = await send({ method: "GET", target: "/openapi.json" });
  show(json);
} catch (error) {
  main.append(h("p.bad", `Cannot read openapi.json: ${error.message}`));
}

function show({ info, tags, paths, components }) {
  const { schemas, securitySchemes } = components;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation, schemas }))
  );
  const of = (name) => operations.filter(({ operation }) => operation.tags.includes(name));
  const chapters = tags.map((tag) => ({ ...tag, operations: of(tag.name) }))
    .filter(({ operations }) => operations.length > 0);

  document.getElementById("version").textContent = info.version;
  showModel();
  document.getElementById("contents").append(...chapters.map(contentsOf));
  const panel = predictionPanel(schemas.Row);
  main.append(
    ...(panel ? [panel] : []),
    h("section.words", ...paragraphs(info.description)),
    ...(securitySchemes ? [tokenField()] : []),
    ...chapters.map(chapterOf),
    schemaChapter(schemas),
  );
  openTarget();
  addEventListener("hashchange", openTarget);
  addEventListener(written, showModel);
}

async function showModel() {
  const element = document.getElementById("model");
  const { status, json } = await send({ method: "GET", target: "/model" }).catch(() => ({ status: 0 }));
  const isGood = status === 200;
  element.className = isGood ? "model" : "model bad";
  const text = isGood
    ? `${json.model_id}, version ${json.version}, since ${new Date(json.assigned_at).toLocaleString()}`
    : json?.title ?? "The server does not respond";
  const report = isGood ? [" · ", h("a", { href: `/models/${json.model_id}/report` }, "report")] : [];
  element.replaceChildren(h(isGood ? "span.good" : "span", "● "), text, ...report);
}

function contentsOf({ name, operations }) {
  const items = operations.map(({ method, path, operation }) => {
    const name = h(`span.method.${method}`, method.toUpperCase());
    return h("li", h("a", { href: `#${operation.operationId}` }, name, h("span.path", path)));
  });
  return h("div", h("h3", name), h("ul", ...items));
}

function chapterOf({ name, description, operations }) {
  return h("section.chapter", h("h2", name, h("small.muted", description)), ...operations.map(operationCard));
}

function schemaChapter(schemas) {
  const cards = Object.entries(schemas).map(([name, schema]) => {
    const heading = h(
      "summary",
      h("code.path", name),
      h("span.summary", ...inline(schema.description ?? "")),
    );
    const content = membersOf(schema, schemas) ?? h("p", ...typeOf(schema));
    return h("details.card", { id: `schema-${name}` }, heading, content);
  });
  return h("section.chapter", h("h2", "schemas"), ...cards);
}

/** Returns the input for the admin token, which is kept in memory only. */
function tokenField() {
  const input = h("input", {
    type: "password",
    autocomplete: "off",
    placeholder: "for operations marked token",
    oninput: () => setToken(input.value.trim()),
  });
  return h("section.card.token", h("label", "Admin token", input));
}

/** Opens and shows the element that the URL's fragment names. */
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if ("open" in target) target.open = true;
  target.scrollIntoView();
}
