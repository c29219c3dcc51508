// Markdown as elements: what answers use of it. What is not understood stays as it was written.
//
// Elements are made here and their texts set with textContent, so nothing in a text can become an
// element or an attribute; links lead to the web or to a mail address only. Texts are written by
// others, so nothing here may take long or go deep, whatever they are.

import { element } from "./page.js";

const FENCE = /^\s{0,3}(`{3,}|~{3,})/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^\s{0,3}>\s?(.*)$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const TABLE = /^\s*\|(.*)\|\s*$/;
const WEB = /^(https?:\/\/|mailto:)/i;
const COLUMNS = /^[\s|:-]+$/;

/** How deep quotations and formats stand in each other. */
const DEEPEST = 5;
/** The longest paragraph that is formatted, in characters. */
const LONGEST = 4000;

// In this order: what stands in code is not formatted.
const INLINE = [
  [/(`+)(.+?)\1(?!`)/g, (m) => element("code", "", m[2].replace(/^ (.*) $/, "$1"))],
  [/\[([^\]\n]+)\]\((\S+?)(?:\s+"[^"]*")?\)/g, (m, depth) => (WEB.test(m[2]) ? link(m[2], inline(m[1], depth)) : m[0])],
  [/https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?]/g, (m) => link(m[0], m[0])],
  [/\*\*\*(?=\S)(.+?)\*\*\*/g, (m, depth) => wrap("strong", wrap("em", inline(m[1], depth)))],
  [/\*\*(?=\S)(.+?)\*\*/g, (m, depth) => wrap("strong", inline(m[1], depth))],
  [/~~(?=\S)(.+?)~~/g, (m, depth) => wrap("s", inline(m[1], depth))],
  [/\*(?=[^\s*])(.+?[^\s*]|[^\s*])\*(?!\*)/g, (m, depth) => wrap("em", inline(m[1], depth))],
  [/(?<![\p{L}\p{N}_])_(?=[^\s_])(.+?)_(?![\p{L}\p{N}_])/gu, (m, depth) => wrap("em", inline(m[1], depth))],
];

/** The text as a fragment of the document. */
export function markdown(text, depth = 0) {
  const fragment = document.createDocumentFragment();
  const lines = text.split(/\r?\n/);
  while (lines.length) {
    if (lines[0].trim()) fragment.append(block(lines, depth));
    else lines.shift();
  }
  return fragment;
}

/** Takes one block from the lines. */
function block(lines, depth) {
  const fence = FENCE.exec(lines[0]);
  if (fence) return code(lines, fence[1]);
  if (RULE.test(lines[0])) return lines.shift(), element("hr");
  const heading = HEADING.exec(lines[0]);
  // Not a heading: in the panel it would stand among the page's own.
  if (heading) return lines.shift(), wrap("p", inline(heading[1]), "heading");
  if (QUOTE.test(lines[0]) && depth < DEEPEST) return quote(lines, depth);
  if (ITEM.test(lines[0])) return list(lines);
  if (TABLE.test(lines[0]) && COLUMNS.test(lines[1] ?? "")) return table(lines);
  return paragraph(lines);
}

function take(lines, pattern) {
  const taken = [];
  for (let match; lines.length && (match = pattern.exec(lines[0])); lines.shift()) taken.push(match);
  return taken;
}

function quote(lines, depth) {
  const inside = take(lines, QUOTE).map((match) => match[1]);
  return wrap("blockquote", markdown(inside.join("\n"), depth + 1));
}

function table(lines) {
  const rows = take(lines, TABLE).map((match) => match[1].split("|"));
  const node = element("table");
  rows.forEach((cells, index) => {
    if (index === 1) return;
    const row = element("tr");
    for (const cell of cells) row.append(wrap(index ? "td" : "th", inline(cell.trim())));
    node.append(row);
  });
  return node;
}

function code(lines, fence) {
  lines.shift();
  const end = lines.findIndex((line) => line.trim().startsWith(fence) && !line.trim().replaceAll(fence[0], ""));
  const inside = lines.splice(0, end < 0 ? lines.length : end);
  if (end >= 0) lines.shift();
  return wrap("pre", element("code", "", inside.join("\n")));
}

function list(lines, depth = 0) {
  const [, indent, sign] = ITEM.exec(lines[0]);
  const node = element(/\d/.test(sign) ? "ol" : "ul");
  if (parseInt(sign) > 1) node.start = parseInt(sign);
  while (lines.length) {
    const item = ITEM.exec(lines[0]);
    if (!item || item[1].length < indent.length) break;
    if (item[1].length > indent.length && node.lastChild && depth < DEEPEST) {
      node.lastChild.append(list(lines, depth + 1));
      continue;
    }
    if (/\d/.test(item[2]) !== /\d/.test(sign)) break;
    lines.shift();
    node.append(wrap("li", inline(item[3])));
  }
  return node;
}

function paragraph(lines) {
  const starts = [FENCE, HEADING, RULE, QUOTE, ITEM];
  const taken = [lines.shift()];
  while (lines.length && lines[0].trim() && !starts.some((start) => start.test(lines[0]))) taken.push(lines.shift());
  return wrap("p", inline(taken.join("\n")));
}

/** What is written within a paragraph: formatted around the match that begins first. */
function inline(text, depth = 0) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  const formats = depth < DEEPEST && text.length <= LONGEST ? INLINE.map(([pattern, make]) => ({ pattern, make })) : [];
  for (;;) {
    let first = null;
    for (const format of formats) {
      find(format, text, at);
      if (format.match && (!first || format.match.index < first.match.index)) first = format;
    }
    if (!first) break;
    const { match, make } = first;
    fragment.append(text.slice(at, match.index), make(match, depth + 1));
    at = match.index + match[0].length;
  }
  fragment.append(text.slice(at));
  return fragment;
}

/** The next match of this format. One that is still ahead is kept, and one that is nowhere is not
 * looked for again: many of them would take long. */
function find(format, text, at) {
  if (format.match === null || format.match?.index >= at) return;
  format.pattern.lastIndex = at;
  format.match = format.pattern.exec(text);
}

function link(address, content) {
  const node = wrap("a", content);
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
