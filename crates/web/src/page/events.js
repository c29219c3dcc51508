// What happens with what is received, and what is still unread. Positions count the messages.

// What the site listens to, as pairs of an event's name and a function.
const listeners = new Set();

let newest = 0;
let read = lastRead();
let unread = new Set();
let told = 0;
// The history was seen, so what comes now is new.
let live = false;
let isOpen = PAGE;

const EVENTS = {
  message(message) {
    const { author, id, position, at, html } = message;
    const fresh = live && position > newest;
    newest = Math.max(newest, position);
    settle(id);
    if (panel) showMessage(message, fresh);
    // Who writes has read what was there.
    if (author === "user" || seen()) markRead();
    else if (position > read) unread.add(position);
    if (live) showUnread();
    if (!fresh) return;
    emit("message", { author, at: new Date(at), text: sanitised(html).textContent });
    if (author !== "user") ring(`${visitor} ${position}`);
  },
  ready() {
    live = true;
    showUnread();
    setBusy(false);
  },
  replaced() { replaced = true; },
  token: keepSession,
  typing: ({ on }) => showTyping(on),
};

function emit(event, detail) {
  for (const [wanted, listener] of [...listeners]) {
    // A mistake in the site's own script is told, and stops nothing here.
    try { if (wanted === event) listener(detail); } catch (error) { reportError(error); }
  }
}

function seen() {
  return isOpen && !document.hidden;
}

function lastRead() {
  return kept(`read ${visitor}`) * 1;
}

// Everything so far was read, here or on another page of this browser.
function markRead() {
  if (newest > read) keep(`read ${visitor}`, read = newest);
  unread.clear();
}

function showUnread() {
  if (unread.size === told) return;
  told = unread.size;
  showButton();
  emit("unread", told);
}

function visitorChanged() {
  newest = 0;
  live = false;
  unread.clear();
  read = lastRead();
  moveQueue();
  clearLog();
  tell("");
  setBusy(!!visitor);
  showUnread();
  restart(panel ? 0 : read);
}

// A token, or what the site has said, is no longer good.
function expired(key) {
  tell(say(key));
  emit("expired");
}

function send(text) {
  // Half a character, of a text that was cut without regard, is none.
  text = text.replace(/\p{Cs}/gu, "");
  if (!text.trim()) return;
  tell("");
  addMessage({ id: messageId(), text, at: new Date() });
}

// Takes over what other pages of this browser have done, and what is seen here by now.
function catchUp() {
  if (!identity) adopt();
  read = lastRead();
  if (seen()) markRead();
  unread = new Set([...unread].filter((position) => position > read));
  showUnread();
}

listen(window, "storage", catchUp);
