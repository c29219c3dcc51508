// The page: connects what is seen (view), who writes (session), what is sent (outbox) and what is
// received (stream).

import { Outbox } from "./outbox.js";
import { Session } from "./session.js";
import { Stream } from "./stream.js";
import * as view from "./view.js";

// The folder that this file is in: the channel's routes are beside it.
const base = new URL(".", import.meta.url);

const form = document.getElementById("composer");
const text = document.getElementById("text");
const maxText = Number(text.dataset.max);

const session = new Session(base, () => {
  view.clearConfirmed();
  view.setBusy(true);
  stream.restart();
});

const outbox = new Outbox(base, session, {
  sent: view.setSent,
  failed: (id, status) => {
    const message = texts.get(id);
    view.setFailed(id, status === 413 ? "Too long" : "Not sent", () => outbox.add(id, message));
  },
  waiting: (milliseconds, status) => view.showNotice(waitNotice(milliseconds, status)),
});

const stream = new Stream(base, session, {
  event: (name, data) => events[name]?.(data),
  connected: () => view.showConnection(""),
  lost: () => {
    view.showConnection(navigator.onLine ? "Reconnecting …" : "You are offline");
    view.showTyping(false);
  },
  idle: () => {
    view.showConnection("");
    view.setBusy(false);
  },
});

const events = {
  message: (message) => {
    view.showMessage(message);
    if (message.id) {
      outbox.settle(message.id);
      texts.delete(message.id);
    }
  },
  ready: () => view.setBusy(false),
  replaced: () => view.showConnection("This conversation is open in many other tabs"),
  token: (fresh) => session.keep(fresh),
  typing: ({ on }) => view.showTyping(on),
};

// What was written and not seen in the conversation yet, by id, for another try.
const texts = new Map();

function send() {
  const message = text.value;
  if (message.trim() === "") return;
  const length = [...message].length;
  if (length > maxText) {
    view.showNotice(`The message has ${length} characters; ${maxText} are allowed.`);
    return;
  }
  text.value = "";
  fit();
  view.showNotice("");
  post(messageId(), message);
}

function post(id, message) {
  texts.set(id, message);
  view.showPending(id, message);
  outbox.add(id, message);
}

// randomUUID exists only where the page is encrypted or local; this exists everywhere.
function messageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function waitNotice(milliseconds, status) {
  if (milliseconds === null) return "";
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  const when = `Sending goes on in ${seconds} s.`;
  if (status === 429) return `You are writing faster than can be taken in. ${when}`;
  if (status !== undefined) return `The service is not available right now. ${when}`;
  return `No connection. ${when}`;
}

// The field grows with its text; the style sheet sets the limit.
function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + text.offsetHeight - text.clientHeight}px`;
}

// On a touch keyboard, Enter makes a new line: there is no other way to.
const enterSends = !matchMedia("(pointer: coarse)").matches;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
  text.focus();
});
text.addEventListener("input", fit);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && enterSends && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
addEventListener("offline", () => view.showConnection("You are offline"));

for (const { id, text: message } of outbox.unsent) {
  texts.set(id, message);
  view.showPending(id, message);
}
view.setBusy(session.token !== null);
stream.run();
outbox.run();
if (enterSends) text.focus();
