// What is seen: the log of messages, the lines about the connection, and typing.

import { sanitised } from "./sanitise.js";

const AUTHORS = { user: "You", bot: "Assistant", operator: "Operator", gateway: "Notice" };
const TYPING_LASTS = 15_000;
const AT_BOTTOM = 48;

const log = document.getElementById("log");
const empty = document.getElementById("empty");
const typing = document.getElementById("typing");
const connection = document.getElementById("connection");
const notice = document.getElementById("notice");

const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// Messages that are not confirmed yet, by id, in the order in which they were written. They stay
// below everything that is.
const pending = new Map();
let typingTimer;

// Who reads at the end stays at the end, whatever is added and however the log is resized; who
// has scrolled up is left alone.
let following = true;
log.addEventListener("scroll", () => {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < AT_BOTTOM;
});
new ResizeObserver(() => follow()).observe(log);

function follow() {
  if (following) log.scrollTop = log.scrollHeight;
}

// Shows a message that is on its way.
export function showPending(id, text) {
  const message = element("user", new Date());
  message.classList.add("pending");
  message.querySelector(".body").textContent = text;
  pending.set(id, message);
  setState(id, "Sending …");
  append(message);
  following = true;
  follow();
}

// Shows a message of the conversation, in place of the pending one if it is that.
export function showMessage({ author, id, html, at }) {
  const message = element(author, new Date(at));
  message.querySelector(".body").append(sanitised(html));
  pending.get(id)?.remove();
  pending.delete(id);
  const [before] = pending.values();
  append(message, before);
  follow();
  if (author !== "user") showTyping(false);
}

function setState(id, text) {
  const message = pending.get(id);
  if (message) message.querySelector(".state").textContent = text;
}

// Marks a message that is stored, until the conversation shows it.
export function setSent(id) {
  pending.get(id)?.classList.add("sent");
  setState(id, "Sent");
}

// Marks a message that will not be sent by itself, and offers to try again.
export function setFailed(id, reason, retry) {
  const message = pending.get(id);
  if (!message) return;
  message.classList.add("failed");
  setState(id, reason);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Try again";
  button.addEventListener("click", () => {
    button.remove();
    message.classList.remove("failed");
    setState(id, "Sending …");
    // It is sent after everything that is waiting, so that is where it stands.
    pending.delete(id);
    pending.set(id, message);
    append(message);
    retry();
  });
  message.querySelector(".meta").append(button);
}

// Another visitor: only what is not sent yet remains.
export function clearConfirmed() {
  for (const [id, message] of pending) {
    if (message.classList.contains("sent")) pending.delete(id);
  }
  const unsent = new Set(pending.values());
  for (const message of [...log.querySelectorAll(".message")]) {
    if (!unsent.has(message)) message.remove();
  }
  empty.hidden = unsent.size > 0;
}

// While the history is shown, it is not read out.
export function setBusy(busy) {
  log.setAttribute("aria-busy", String(busy));
}

export function showTyping(on) {
  clearTimeout(typingTimer);
  typing.hidden = !on;
  if (on) typingTimer = setTimeout(() => showTyping(false), TYPING_LASTS);
}

export function showConnection(text) {
  connection.textContent = text;
}

export function showNotice(text) {
  notice.textContent = text;
  notice.hidden = text === "";
}

function element(author, at) {
  const message = document.createElement("article");
  message.className = `message ${author}`;
  const meta = document.createElement("p");
  meta.className = "meta";
  const name = document.createElement("span");
  name.className = "author";
  name.textContent = AUTHORS[author] ?? author;
  const stamp = document.createElement("time");
  stamp.dateTime = at.toISOString();
  stamp.title = day.format(at);
  stamp.textContent = (at.toDateString() === new Date().toDateString() ? time : day).format(at);
  const state = document.createElement("span");
  state.className = "state";
  meta.append(name, " ", stamp, " ", state);
  const body = document.createElement("div");
  body.className = "body";
  body.dir = "auto";
  message.append(meta, body);
  return message;
}

function append(message, before = null) {
  empty.hidden = true;
  log.insertBefore(message, before);
}
