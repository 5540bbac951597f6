/**
 * Creates an element. Strings are inserted as text, never as markup.
 *
 * @param {string} selector A tag and classes, as `span.method.get`.
 * @param {...unknown} parts An object of properties, listeners (`on…`) and attributes, if any; then nodes and strings.
 */
export function h(selector, ...parts) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  element.className = classes.join(" ");
  const hasProperties = typeof parts[0] === "object" && !(parts[0] instanceof Node);
  const [properties, ...children] = hasProperties ? parts : [{}, ...parts];
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Returns a text with each `…` as a code element. */
export function inline(text) {
  return text.split("`").map((part, i) => i % 2 ? h("code", part) : part);
}

/** Returns the paragraphs of such a text. */
export function paragraphs(text) {
  return text.split(/\n\s*\n/).map((paragraph) => h("p", ...inline(paragraph)));
}

/** Returns a text with a button that copies it. */
export function copyable(text, label) {
  const button = h("button.copy", { type: "button", ariaLabel: `copy ${label}` }, "copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "copied";
    setTimeout(() => button.textContent = "copy", 1200);
  });
  const code = h("code", text);
  const element = h("div.copyable", h("pre", { tabIndex: 0, ariaLabel: label }, code), button);
  return { element, show: (text) => code.textContent = text };
}
