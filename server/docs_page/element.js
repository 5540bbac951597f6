/**
 * Makes an element. Text is always text: nothing here reads markup.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} properties Of the element where it has them; `on…` is a listener, all else an attribute.
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

/** A text in which `…` is code. */
export function inline(text) {
  return text.split("`").map((part, i) => i % 2 ? h("code", {}, part) : part);
}

/** Paragraphs of such a text. */
export function paragraphs(text) {
  return text.split(/\n\s*\n/).map((paragraph) => h("p", {}, ...inline(paragraph)));
}

/** A text to copy. */
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
