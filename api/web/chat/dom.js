// Elements. What the server sends is only ever set as text, never as HTML.

/**
 * An element with attributes, listeners (on…) and children; strings become text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** @param {string} kind @param {any} words @param {(event: MouseEvent) => void} onclick @param {Record<string, any>} [more] */
export function button(kind, words, onclick, more) {
  return element("button", { class: kind, type: "button", onclick, ...more }, words);
}

/** Words for those who hear the page. @param {any} words */
export function unseen(words) {
  return element("span", { class: "unseen" }, words);
}

/** The policy's own words, in its language. @param {string} tag @param {Record<string, any> | null} attributes @param {...any} words */
export function verbatim(tag, attributes, ...words) {
  return element(/** @type {"p"} */ (tag), { dir: "auto", lang: "", ...attributes }, ...words);
}

/** @param {string} kind @param {any} title @param {...any} more */
export function note(kind, title, ...more) {
  return element("section", { class: `note ${kind}`, part: "note" }, element("h3", { dir: "auto" }, title), ...more);
}

/** Whether a key is still for an input method; Safari tells it by the number alone. @param {KeyboardEvent} event */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/**
 * Puts text on the clipboard, where the browser lets a page do so in one way or the other.
 * @param {string} text
 * @param {ParentNode} root where a field may stand for a moment
 */
export async function copy(text, root) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { class: "unseen", readonly: true });
    field.value = text;
    const before = /** @type {ShadowRoot} */ (root).activeElement;
    root.append(field);
    field.focus({ preventScroll: true });
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    return done;
  }
}
