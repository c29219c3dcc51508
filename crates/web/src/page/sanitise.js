// Turns the server's HTML into nodes. The server has sanitised it already; this is the second
// fence: only what is listed here is built, by hand, so nothing else can come into being.

const ALLOWED = /^(a|blockquote|br|code|del|em|h[1-6r]|li|ol|p|pre|strong|table|tbody|td|th|thead|tr|ul)$/;
// What is inside these is not text for people.
const DROPPED = /^(script|style|title)$/;
const LINKS = /^(https?|mailto|tel):$/;
// Addresses that were written without a link. What ends a sentence does not belong to them.
const ADDRESS = /(https?:\/\/[^\s<>"]*[^\s<>"'.,:;!?)\]}])/;

// A site that requires trusted types must allow this one: what it makes is parsed, never inserted.
let trusted;
try {
  trusted = window.trustedTypes?.createPolicy("switchboard", { createHTML: (html) => html });
} catch { }

function sanitised(html) {
  const fragment = document.createDocumentFragment();
  // A parsed document has no window: nothing in it runs or loads.
  const source = new DOMParser().parseFromString(trusted?.createHTML(html) ?? html, "text/html");
  copyChildren(source.body, fragment, true);
  return fragment;
}

function copyChildren(from, to, link) {
  for (const node of from.childNodes) {
    if (node.nodeType === 1) copyElement(node, to, link);
    // A split by a group has the matches between the rest.
    else if (node.nodeType === 3) (link ? node.data.split(ADDRESS) : [node.data]).forEach((part, index) => {
      if (index % 2) to.append(linked(element("a", {}, part), part));
      else if (part) to.append(part);
    });
  }
}

function copyElement(from, to, link) {
  const tag = from.localName;
  if (DROPPED.test(tag)) return;
  if (!ALLOWED.test(tag)) {
    copyChildren(from, to, link);
    return;
  }
  const copy = element(tag);
  if (tag === "a") linked(copy, from.getAttribute("href"));
  if (tag === "ol" && from.start > 0) copy.start = from.start;
  // What can be scrolled must be so with a keyboard.
  if (/^(pre|table)$/.test(tag)) copy.tabIndex = 0;
  copyChildren(from, copy, link && !/^(a|code|pre)$/.test(tag));
  to.append(copy);
}

function linked(to, href) {
  let url;
  try { url = new URL(href); } catch { return to; }
  if (LINKS.test(url.protocol)) {
    to.href = url.href;
    to.target = "_blank";
    to.rel = "noopener noreferrer nofollow";
  }
  return to;
}
