// The open dialogue: its messages, and what is known of its user.

import { AUTHORS, PHASES, byId, clock, element, initials, longDay, progress, show } from "./page.js";
import { markdown } from "./markdown.js";

/** A text longer than this is folded up at first, in characters. */
const LONG = 3000;
/** A text longer than this is shown as it was written, in characters. */
const TOO_LONG = 20000;

/** The nodes of the messages that are shown, by the messages' ids. */
const nodes = new Map();
/** The last message that was added. */
let last = null;

const list = byId("messages");
/** Whether the end of the messages is in view, and stays there. */
let following = true;

/** Forgets the messages of the dialogue that was shown before. */
export function clear() {
  nodes.clear();
  last = null;
  list.replaceChildren();
  byId("to-end").hidden = true;
  byId("by-hand").open = false;
}

/** Shows the dialogue, and adds or updates the messages that came with it. */
export function renderDialogue(dialogue) {
  const fresh = nodes.size === 0;
  const atEnd = fresh || isAtEnd();
  let added = false;
  for (const message of dialogue.messages) {
    const node = nodes.get(message.id);
    if (node) node.lastChild.replaceWith(foot(message));
    else added = add(message, dialogue.title);
  }
  forget(dialogue.oldest);
  head(dialogue);
  details(dialogue);
  if (atEnd) toEnd();
  else if (added) byId("to-end").hidden = false;
}

function isAtEnd() {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 60;
}

function toEnd() {
  list.scrollTop = list.scrollHeight;
  following = true;
}

function add(message, title) {
  const date = new Date(message.at);
  const thread = last && last.thread_id !== message.thread_id;
  if (thread) list.append(element("p", "divider", "The user wrote again: a new dialogue"));
  if (!last || new Date(last.at).toDateString() !== date.toDateString()) {
    list.append(element("p", "divider", longDay(date)));
  }
  const node = message.author ? bubble(message, title) : element("div", "note");
  if (!message.author) node.append(element("span", "", message.text));
  node.append(foot(message));
  list.append(node);
  nodes.set(message.id, node);
  last = message;
  return true;
}

function bubble(message, title) {
  const node = element("article", `message ${message.author}`);
  const name = message.author === "user" ? title : AUTHORS[message.author];
  node.setAttribute("aria-label", `${name} wrote`);
  const avatar = element("span", "avatar", { bot: "AI", operator: "OP" }[message.author] ?? initials(title));
  avatar.ariaHidden = "true";
  const text = element("div", "text");
  text.dir = "auto";
  // A user writes what they write; the others write Markdown.
  if (message.author === "user" || message.text.length > TOO_LONG) text.append(element("p", "", message.text));
  else text.append(markdown(message.text));
  const content = element("div", "bubble");
  content.append(element("p", "author", name), text);
  if (message.text.length > LONG) content.append(unfold(text));
  node.append(avatar, content);
  return node;
}

function unfold(text) {
  text.classList.add("folded");
  const button = element("button", "", "Show all of it");
  button.type = "button";
  button.addEventListener("click", () => {
    text.classList.remove("folded");
    button.remove();
  });
  return button;
}

/** When it was written, and how far its webhook is. */
function foot(message) {
  const date = new Date(message.at);
  const node = element("p", "foot");
  const time = element("time", "", clock(date));
  time.dateTime = message.at;
  time.title = date.toLocaleString();
  node.append(time);
  const [looks, words] = progress(message.progress);
  // What the user wrote came from the gateway: only that it does not go back is of interest.
  if (message.author !== "user" || looks !== "delivered") node.append(element("span", `progress ${looks}`, words));
  if (message.contact) node.append(element("span", "tag contact", "contact captured"));
  return node;
}

/** Removes what the sandbox has forgotten. */
function forget(oldest) {
  const first = nodes.get(oldest);
  if (!first || nodes.keys().next().value === oldest) return;
  while (list.firstChild !== first) list.firstChild.remove();
  for (const [id, node] of nodes) if (!list.contains(node)) nodes.delete(id);
}

function head(dialogue) {
  const { phase } = dialogue;
  byId("title").textContent = dialogue.title;
  byId("chat").textContent = dialogue.chat_id;
  byId("phase").textContent = { ai: "AI answers", operator: "Operator answers" }[phase] ?? PHASES[phase];
  byId("phase").className = `tag ${phase}`;
  byId("to-operator").hidden = phase !== "ai";
  byId("to-bot").hidden = phase !== "operator";
  byId("close").hidden = phase === "closed";
  byId("answer").hidden = phase === "closed";
  byId("hint").textContent = {
    ai: "The AI goes on answering. Take over to answer alone.",
    operator: "You have this dialogue, and the AI is silent.",
    closed: "This dialogue is closed. The user's next message opens a new one.",
  }[phase];
}

function details(dialogue) {
  const captured = dialogue.flags.includes("get_contact");
  byId("captured").hidden = !captured;
  byId("no-contact").hidden = captured || Boolean(dialogue.phone || dialogue.email);
  define("contact", [["Phone", dialogue.phone], ["E-mail", dialogue.email]]);
  define("ids", [["Chat", dialogue.chat_id], ["Task", dialogue.task_id], ["Thread", dialogue.thread_id]]);
  for (const box of document.querySelectorAll("[data-flag]")) {
    box.checked = dialogue.flags.includes(box.dataset.flag);
  }
  // What somebody is writing there stays.
  if (byId("by-hand").open) return;
  for (const name of ["title", "phone", "email"]) byId(`edit-${name}`).value = dialogue[name];
}

function define(id, pairs) {
  const known = pairs.filter(([, value]) => value);
  byId(id).replaceChildren(...known.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
}

byId("to-end").addEventListener("click", toEnd);
list.addEventListener("scroll", () => {
  following = isAtEnd();
  if (following) byId("to-end").hidden = true;
});
// The field grows with what is written, and a touch keyboard takes half of the screen.
new ResizeObserver(() => {
  if (following) toEnd();
}).observe(list);
