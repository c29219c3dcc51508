// Making elements. Nothing is ever made from a text that holds markup, and nothing has a style of
// its own in an attribute, so the strictest policy of a site has nothing to refuse.

// "p.who" is a paragraph of the class "who". Attributes that are functions listen to that event.
function element(name, attributes = {}, ...children) {
  const [tag, kind] = name.split(".");
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  for (const key in attributes) {
    const value = attributes[key];
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function listen(target, names, listener) {
  for (const name of names.split(" ")) target.addEventListener(name, listener);
}

const ICONS = {
  sound: "M6 16v-5a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
  silent: "M6 16v-5a6 6 0 0 1 12 0v5l2 2H4zM10 21h4M3 3l18 18",
  open: "M4 5h16v12H11l-5 4v-4H4zM8 9h8M8 13h5",
  close: "M6 6l12 12M18 6L6 18",
  latest: "M6 9l6 6 6-6",
  send: "M12 19V5M6 11l6-6 6 6",
};

// A drawing, on a button that says the same in words.
function icon(name) {
  const make = (tag, key, value) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    made.setAttribute(key, value);
    return made;
  };
  const svg = make("svg", "viewBox", "0 0 24 24");
  svg.append(make("path", "d", ICONS[name]));
  return svg;
}

function iconButton(name, attributes) {
  return element(`button.${name}`, { "aria-label": say(name), ...attributes }, icon(name));
}
