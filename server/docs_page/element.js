/**
 * Creates an element. Strings are inserted as text, never as markup.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} properties Properties of the element, listeners (`on…`) and attributes.
 * @param {...(Node | string | undefined)} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined));
  return element;
}

/** Returns a text with each `…` as a code element. */
export function inline(text) {
  return text.split("`").map((part, i) => i % 2 ? h("code", {}, part) : part);
}

/** Returns the paragraphs of such a text. */
export function paragraphs(text) {
  return text.split(/\n\s*\n/).map((paragraph) => h("p", {}, ...inline(paragraph)));
}

/** Returns a text with a button that copies it. */
export function copyable(text, label) {
  const button = h("button", { type: "button", className: "copy", ariaLabel: `copy ${label}` }, "copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "copied";
    setTimeout(() => button.textContent = "copy", 1200);
  });
  const code = h("code", {}, text);
  const element = h(
    "div",
    { className: "copyable" },
    h("pre", { tabIndex: 0, ariaLabel: label }, code),
    button,
  );
  return { element, show: (text) => code.textContent = text };
}
