// The list of dialogues: who wrote, what last, and who answers.

import { AUTHORS, PHASES, byId, element, initials, shortTime, show } from "./page.js";

/** What is shown of each chat: its item, and what the item was made from. */
const items = new Map();

/** Shows the answer; items that are the same stay untouched, so that the focus stays too. */
export function renderList(answer, chat) {
  const list = byId("dialogues");
  const focused = document.activeElement;
  const wanted = new Set(answer.dialogues.map((dialogue) => dialogue.chat_id));
  for (const [id, { node }] of items) {
    if (wanted.has(id)) continue;
    node.remove();
    items.delete(id);
  }
  answer.dialogues.forEach((dialogue, index) => {
    const node = item(dialogue, dialogue.chat_id === chat);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
  if (focused !== document.activeElement && list.contains(focused)) focused.focus({ preventScroll: true });
  for (const [name, count] of Object.entries(answer.counts)) {
    const node = byId(`count-${name}`);
    if (node) node.textContent = count;
  }
  show("list-note", note(answer));
}

function note({ dialogues, found, counts }) {
  if (!counts.all) return "No dialogues yet.";
  if (!found) return "No dialogue is like that.";
  if (found > dialogues.length) return `The latest ${dialogues.length} of ${found}. Search to find the others.`;
  return null;
}

function item(dialogue, current) {
  const made = JSON.stringify([dialogue, current, new Date().toDateString()]);
  let entry = items.get(dialogue.chat_id);
  if (entry?.made === made) return entry.node;
  if (!entry) {
    entry = { node: element("li") };
    entry.node.append(element("a"));
    items.set(dialogue.chat_id, entry);
  }
  entry.made = made;
  fill(entry.node.firstChild, dialogue, current);
  return entry.node;
}

function fill(link, dialogue, current) {
  link.href = `#${encodeURIComponent(dialogue.chat_id)}`;
  link.classList.toggle("unread", dialogue.unread > 0 && !current);
  if (current) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  const avatar = element("span", "avatar", initials(dialogue.title));
  avatar.ariaHidden = "true";
  const first = element("span", "line");
  first.append(element("span", "name", dialogue.title));
  const second = element("span", "line");
  second.append(element("span", "last", excerpt(dialogue.last)));
  if (dialogue.last) first.append(when(dialogue.last.at));
  if (dialogue.unread && !current) second.append(unread(dialogue.unread));
  const third = element("span", "line");
  third.append(element("span", "chat", dialogue.chat_id), ...tags(dialogue));
  link.replaceChildren(avatar, first, second, third);
}

function when(seconds) {
  const date = new Date(seconds * 1000);
  const node = element("time", "", shortTime(date));
  node.dateTime = date.toISOString();
  node.title = date.toLocaleString();
  return node;
}

function excerpt(last) {
  if (!last) return "";
  if (last.author === "user") return last.text;
  // Without the signs of Markdown, which would only be in the way here.
  return `${AUTHORS[last.author]}: ${last.text.replace(/^[#>\s]+|[*`~]+/g, "")}`;
}

function unread(count) {
  const badge = element("span", "count", count > 99 ? "99+" : count);
  badge.append(element("span", "unseen", " unread"));
  return badge;
}

function tags(dialogue) {
  const tags = [];
  if (dialogue.failing) tags.push(element("span", "tag failing", "not taken"));
  else if (dialogue.contact) tags.push(element("span", "tag contact", "contact"));
  const yours = dialogue.phase === "operator" && dialogue.last?.author === "user";
  tags.push(element("span", `tag ${dialogue.phase}`, yours ? "Your turn" : PHASES[dialogue.phase]));
  return tags;
}

// The arrow keys go through the list.
byId("dialogues").addEventListener("keydown", (event) => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const next = step && event.target.closest("li")?.[step];
  if (!next) return;
  event.preventDefault();
  next.firstChild.focus();
});
