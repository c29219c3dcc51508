// The log of messages, and whether one is being written.

const AUTHORS = { bot: "assistant", operator: "operator", user: "you" };

// Messages that are not confirmed yet, by id, in the order in which they were written. They stay
// below everything that is.
const pending = new Map();
// Who reads at the end stays at the end, whatever is added and however the log is resized; who has
// scrolled up is left alone.
let following = true;
let typingEnds;

// Said apart from the log, which is read out.
const typing = element("p.typing", { role: "status" });
const list = element("div.list", { role: "log", "aria-label": say("log") });
const log = element("div.log", { tabindex: 0, role: "group", "aria-label": say("log") }, list, typing);
const latest = iconButton("latest", { click: toEnd, hidden: "" });

// What is shown before the first message: the greeting, and the questions that one click asks.
const greeting = element("div.greeting", {},
  frame("bot", element("div.body", { dir: "auto" }, say("greeting"))),
  element("div.questions", {}, ...texts.questions.map((question) =>
    element("button", { dir: "auto", click() { send(question); panel.focus(); } }, question))));
list.append(greeting);

listen(log, "scroll", () => {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  latest.hidden = following;
});
new ResizeObserver(() => follow()).observe(log);

// A message: who, what, and what is told about it.
function frame(author, ...content) {
  const name = say(AUTHORS[author] ?? "service");
  const avatar = element("span.avatar", { "aria-hidden": true }, [...name][0].toUpperCase());
  return element("article.message " + author, {}, element("p.who", {}, avatar, name), ...content);
}

function makeMessage(author, at, ...content) {
  const stamp = element("time", {}, at.toLocaleTimeString(locale, { timeStyle: "short" }));
  const made = frame(author, element("div.body", { dir: "auto" }, ...content), element("p.meta", {}, stamp, element("span")));
  made.day = midnight(at);
  return made;
}

// Every day begins with its name. What is pending has no day yet.
function insert(message, before) {
  if ((before?.previousSibling ?? list.lastChild).day !== message.day) {
    const day = element("p.day", {}, dayName(message.day));
    day.day = message.day;
    list.insertBefore(day, before);
  }
  list.insertBefore(message, before);
}

// Today becomes yesterday while the page is open.
function nameDays() {
  for (const day of list.querySelectorAll(".day")) day.textContent = dayName(day.day);
}

// Shows a message of the conversation, in place of the pending one if it is that.
function showMessage({ author, id, html, at }, fresh) {
  const message = makeMessage(author, new Date(at), sanitised(html));
  if (author === "user") mark(message, "sent", say("sent"));
  else showTyping(false);
  pending.get(id)?.remove();
  pending.delete(id);
  const [before] = pending.values();
  greeting.hidden = true;
  insert(message, before);
  if (!fresh) return;
  nameDays();
  // With all that comes together, the stream does.
  if (author !== "user") follow(message);
}

// Shows where a message of this page stands; it appears with its first state.
function showState(message, state) {
  if (!panel) return;
  const { id, text, at, limit } = message;
  let shown = pending.get(id);
  // Sent again, it goes after everything that is waiting.
  if (state === "sending") {
    shown?.remove();
    pending.delete(id);
    shown = makeMessage("user", at, text);
    pending.set(id, shown);
    greeting.hidden = true;
    list.append(shown);
    toEnd();
  }
  // The conversation may show it already.
  if (!shown) return;
  mark(shown, state, say(limit ? "limit" : state, limit));
  if (state === "failed" && !limit) {
    shown.lastChild.append(element("button", { click() { addMessage(message); panel.focus(); } }, say("retry")));
  }
}

function mark(message, state, line) {
  message.className = `message user ${state}`;
  const tick = element("span", { role: "img", "aria-label": line }, "\u2713");
  message.lastChild.lastChild.replaceChildren(state === "sent" ? tick : line);
}

// Another visitor, or everything anew: only what is not sent yet remains.
function clearLog() {
  list.replaceChildren(greeting);
  for (const [id, message] of pending) {
    if (message.matches(".sent")) pending.delete(id);
    else list.append(message);
  }
  showTyping(false);
}

// While the history comes, it is not read out, and there is no greeting yet.
function setBusy(busy) {
  list.setAttribute("aria-busy", busy);
  greeting.hidden = busy || list.children.length > 1;
}

function showTyping(on) {
  clearTimeout(typingEnds);
  if (on) typingEnds = setTimeout(showTyping, 15e3);
  if (on && !typing.firstChild) {
    const dots = element("span.dots", { "aria-hidden": true }, element("i"), element("i"), element("i"));
    typing.append(dots, element("span.unseen", {}, say("typing")));
  }
  // Its end needs no following: asked after each message, a long history would take half a minute.
  if (on) follow();
  else typing.replaceChildren();
}

// To the end, or to the beginning of a new message that is longer than what is seen at once.
function follow(message) {
  if (!following) return;
  const long = message?.offsetHeight > log.clientHeight;
  log.scrollTop = long ? message.offsetTop - log.offsetTop : log.scrollHeight;
  following = !long;
}

function toEnd() {
  following = true;
  follow();
}
