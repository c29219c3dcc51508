// Markdown as elements: what answers use of it. What is not understood stays as it was written.
//
// Elements are made here and their texts set with textContent, so nothing in a text can become an
// element or an attribute; links lead to the web or to a mail address only.

import { element } from "./page.js";

const FENCE = /^\s{0,3}(`{3,}|~{3,})/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^\s{0,3}>\s?(.*)$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const TABLE = /^\s*\|.*\|\s*$/;

// In this order: what stands in code is not formatted.
const INLINE = [
  [/(`+)(.+?)\1(?!`)/, (m) => element("code", "", m[2].replace(/^ (.*) $/, "$1"))],
  [/\[([^\]\n]+)\]\((\S+?)(?:\s+"[^"]*")?\)/, (m) => link(m[1], m[2])],
  [/https?:\/\/[^\s<>"')\]]+[^\s<>"')\].,;:!?]/, (m) => link(null, m[0])],
  [/\*\*\*(?=\S)(.+?)\*\*\*/, (m) => wrap("strong", wrap("em", inline(m[1])))],
  [/\*\*(?=\S)(.+?)\*\*/, (m) => wrap("strong", inline(m[1]))],
  [/~~(?=\S)(.+?)~~/, (m) => wrap("s", inline(m[1]))],
  [/\*(?=[^\s*])(.+?[^\s*]|[^\s*])\*(?!\*)/, (m) => wrap("em", inline(m[1]))],
  [/(?<![\p{L}\p{N}_])_(?=[^\s_])(.+?)_(?![\p{L}\p{N}_])/u, (m) => wrap("em", inline(m[1]))],
];

/** The text as a fragment of the document. */
export function markdown(text) {
  const fragment = document.createDocumentFragment();
  const lines = text.split(/\r?\n/);
  while (lines.length) {
    if (lines[0].trim()) fragment.append(block(lines));
    else lines.shift();
  }
  return fragment;
}

/** Takes one block from the lines. */
function block(lines) {
  const fence = FENCE.exec(lines[0]);
  if (fence) return code(lines, fence[1]);
  if (RULE.test(lines[0])) return lines.shift(), element("hr");
  const heading = HEADING.exec(lines[0]);
  // Not a heading: in the panel it would stand among the page's own.
  if (heading) return lines.shift(), wrap("p", inline(heading[1]), "heading");
  if (QUOTE.test(lines[0])) return wrap("blockquote", markdown(take(lines, QUOTE).map((m) => m[1]).join("\n")));
  if (ITEM.test(lines[0])) return list(lines);
  if (TABLE.test(lines[0])) return element("pre", "", take(lines, TABLE).map((m) => m[0]).join("\n"));
  return paragraph(lines);
}

function take(lines, pattern) {
  const taken = [];
  for (let match; lines.length && (match = pattern.exec(lines[0])); lines.shift()) taken.push(match);
  return taken;
}

function code(lines, fence) {
  lines.shift();
  const end = lines.findIndex((line) => line.trim().startsWith(fence) && !line.trim().replaceAll(fence[0], ""));
  const inside = lines.splice(0, end < 0 ? lines.length : end);
  if (end >= 0) lines.shift();
  return wrap("pre", element("code", "", inside.join("\n")));
}

function list(lines) {
  const [, indent, sign] = ITEM.exec(lines[0]);
  const node = element(/\d/.test(sign) ? "ol" : "ul");
  if (parseInt(sign) > 1) node.start = parseInt(sign);
  while (lines.length) {
    const item = ITEM.exec(lines[0]);
    if (!item || item[1].length < indent.length) break;
    if (item[1].length > indent.length && node.lastChild) {
      node.lastChild.append(list(lines));
      continue;
    }
    if (/\d/.test(item[2]) !== /\d/.test(sign)) break;
    lines.shift();
    node.append(wrap("li", inline(item[3])));
  }
  return node;
}

function paragraph(lines) {
  const starts = [FENCE, HEADING, RULE, QUOTE, ITEM, TABLE];
  const taken = [lines.shift()];
  while (lines.length && lines[0].trim() && !starts.some((start) => start.test(lines[0]))) taken.push(lines.shift());
  return wrap("p", inline(taken.join("\n")));
}

/** What is written within a line: formatted around the match that begins first. */
function inline(text) {
  const fragment = document.createDocumentFragment();
  while (text) {
    let first = null;
    for (const [pattern, make] of INLINE) {
      const match = pattern.exec(text);
      if (match && (!first || match.index < first.match.index)) first = { match, make };
    }
    if (!first) break;
    const { match, make } = first;
    fragment.append(text.slice(0, match.index), make(match));
    text = text.slice(match.index + match[0].length);
  }
  fragment.append(text);
  return fragment;
}

function link(label, address) {
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return document.createTextNode(label);
  const node = label === null ? element("a", "", address) : wrap("a", inline(label));
  node.href = address;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return node;
}

function wrap(name, content, className) {
  const node = element(name, className);
  node.append(content);
  return node;
}
