// Turns the server's HTML into nodes. The server has sanitised it already; this is the second
// fence: only what is listed here is built, by hand, so nothing else can come into being.

const ELEMENTS = new Set([
  "A", "B", "BLOCKQUOTE", "BR", "CODE", "DEL", "EM", "H1", "H2", "H3", "H4", "H5", "H6", "HR", "I",
  "LI", "OL", "P", "PRE", "S", "SPAN", "STRONG", "TABLE", "TBODY", "TD", "TH", "THEAD", "TR", "U", "UL",
]);

// What is inside these is not text for people.
const DROPPED = new Set(["IFRAME", "MATH", "NOSCRIPT", "OBJECT", "SCRIPT", "STYLE", "SVG", "TEMPLATE", "TITLE"]);

const LINKS = new Set(["http:", "https:", "mailto:", "tel:"]);

export function sanitised(html) {
  // A parsed document has no window: nothing in it runs or loads.
  const source = new DOMParser().parseFromString(html, "text/html").body;
  const fragment = document.createDocumentFragment();
  copyChildren(source, fragment);
  return fragment;
}

function copyChildren(from, to) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      to.append(node.data);
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      copyElement(node, to);
    }
  }
}

function copyElement(element, to) {
  const name = element.nodeName.toUpperCase();
  if (DROPPED.has(name)) return;
  if (!ELEMENTS.has(name)) {
    copyChildren(element, to);
    return;
  }
  const copy = document.createElement(name);
  if (name === "A") copyLink(element, copy);
  if (name === "OL" && /^\d{1,9}$/.test(element.getAttribute("start") ?? "")) {
    copy.start = Number(element.getAttribute("start"));
  }
  copyChildren(element, copy);
  to.append(copy);
}

function copyLink(element, copy) {
  let url;
  try {
    url = new URL(element.getAttribute("href"));
  } catch {
    return;
  }
  if (!LINKS.has(url.protocol)) return;
  copy.href = url.href;
  copy.target = "_blank";
  copy.rel = "noopener noreferrer nofollow";
}
