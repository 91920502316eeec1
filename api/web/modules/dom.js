// Elements. Whatever is given as a string becomes text, never markup.

/** An element with attributes, listeners (`onclick`) and children; null and false are left out. */
export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function button(kind, words, onclick, more) {
  return element("button", { class: kind, type: "button", onclick, ...more }, words);
}

/** Words that only a screen reader tells. */
export function unseen(words) {
  return element("span", { class: "unseen" }, words);
}

/** The options of a select: [value, words] each; `chosen` is the value that is selected. */
export function options(entries, chosen) {
  return entries.map(([value, words]) => element("option", { value, selected: value === chosen }, words));
}

/** "1 company", "2 companies". */
export function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? one : many}`;
}

/** What says `words` to whoever does not see the page; the same words twice are said twice. */
export function announcer(region) {
  let timer;
  return (words) => {
    region.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(() => { region.textContent = words; }, 50);
  };
}
