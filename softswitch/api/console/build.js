// Small helpers that make elements; text is always text, so nothing a telephone sends can become markup.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

export function table(caption, columns, rows) {
  return make("table", {},
    make("caption", { class: "unseen" }, caption),
    make("thead", {}, make("tr", {}, ...columns.map((column) => make("th", { scope: "col" }, column)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => (cell instanceof Node && cell.tagName === "TD" ? cell : make("td", {}, cell ?? "")))))));
}

export function moment(text) {
  return text ? new Date(text).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : "";
}

export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(whole / 3600) ? Math.floor(whole / 3600) + ":" : ""}${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** A button that acts on the second press within three seconds, for what cannot be undone. */
export function armed(label, again, act) {
  const button = make("button", { type: "button", class: "danger" }, label);
  let timer = 0;
  button.addEventListener("click", () => {
    if (timer) {
      clearTimeout(timer);
      timer = 0;
      act();
      return;
    }
    button.classList.add("armed");
    button.textContent = again;
    timer = setTimeout(() => {
      timer = 0;
      button.classList.remove("armed");
      button.textContent = label;
    }, 3000);
  });
  return button;
}
