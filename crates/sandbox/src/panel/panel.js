// The operator's panel, and at /share the same dialogue without its controls.
//
// Everything that people wrote is inserted with textContent, so it is shown and never run.
"use strict";

const readOnly = location.pathname.endsWith("/share");
const INTERVAL_MS = 1000;
const FLAGS = {
  get_contact: "left a contact",
  interest: "interested",
  success: "successful",
  is_bot: "a bot",
  operator: "with an operator",
  close: "closed",
};
const AUTHORS = { bot: "Bot", operator: "Operator", user: "User" };

const byId = (id) => document.getElementById(id);
let shown = { chat: null, version: null };
let listed = { chat: null, version: null };

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function currentChat() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}

function trouble(text) {
  byId("trouble").textContent = text ?? "";
  byId("trouble").hidden = !text;
}

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(`panel/api/${path}`, options);
  if (response.status === 404 && !body) return null;
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.reason);
  return answer;
}

function progress(message) {
  const state = message.progress;
  if (state === "waiting") return "waiting to be delivered";
  if (state === "not_sent") return "no webhook was sent";
  if (state === "delivered") return "delivered";
  return `refused with ${state.refused}`;
}

function renderList(answer) {
  const chat = currentChat();
  if (listed.chat === chat && listed.version === answer.version) return;
  listed = { chat, version: answer.version };
  byId("list-empty").hidden = answer.dialogues.length > 0;
  byId("dialogues").replaceChildren(...answer.dialogues.map((dialogue) => listItem(dialogue, chat)));
}

function listItem(dialogue, chat) {
  const link = element("a");
  link.href = `#${encodeURIComponent(dialogue.chat_id)}`;
  if (dialogue.chat_id === chat) link.setAttribute("aria-current", "true");
  link.append(element("span", "name", dialogue.chat_id));
  if (dialogue.operator) link.append(element("span", "badge", "operator"));
  if (dialogue.closed) link.append(element("span", "badge", "closed"));
  if (dialogue.waiting) link.append(element("span", "badge", `${dialogue.waiting} waiting`));
  link.append(element("span", "last", dialogue.last ? dialogue.last.text.slice(0, 200) : ""));
  const item = element("li");
  item.append(link);
  return item;
}

function renderDialogue(chat, dialogue) {
  const version = dialogue ? dialogue.version : null;
  if (shown.chat === chat && shown.version === version) return;
  const list = byId("messages");
  const atEnd = shown.chat !== chat || list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  shown = { chat, version };
  byId("controls").hidden = readOnly || !dialogue;
  if (!dialogue) {
    byId("title").textContent = chat ? "There is no such dialogue" : "Choose a dialogue";
    byId("flags").textContent = "";
    list.replaceChildren();
    return;
  }
  byId("title").textContent = `${dialogue.title} (${dialogue.chat_id})`;
  const flags = dialogue.flags.map((flag) => FLAGS[flag]).join(", ") || "with the bot";
  byId("flags").textContent = `${flags} · task ${dialogue.task_id}`;
  const operator = dialogue.flags.includes("operator");
  byId("to-operator").hidden = operator;
  byId("to-bot").hidden = !operator;
  byId("close").disabled = dialogue.flags.includes("close");
  list.replaceChildren(...messageItems(dialogue.messages));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function messageItems(messages) {
  let thread = null;
  const items = [];
  for (const message of messages) {
    if (message.thread_id !== thread) {
      thread = message.thread_id;
      items.push(element("li", "thread", `Thread ${thread}`));
    }
    const item = element("li", message.author);
    const time = new Date(message.at).toLocaleTimeString();
    item.append(element("div", "meta", `${AUTHORS[message.author]} · ${time} · ${progress(message)}`));
    item.append(element("div", "text", message.text));
    items.push(item);
  }
  return items;
}

async function refresh() {
  try {
    const chat = currentChat();
    const [list, dialogue] = await Promise.all([
      readOnly ? null : ask("dialogues"),
      chat ? ask(`dialogue?chat_id=${encodeURIComponent(chat)}`) : null,
    ]);
    if (list) renderList(list);
    if (chat === currentChat()) renderDialogue(chat, dialogue);
    trouble(null);
  } catch {
    trouble("The sandbox does not answer. Trying again…");
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, INTERVAL_MS);
}

async function act(path, details) {
  try {
    await ask(path, { chat_id: currentChat(), ...details });
  } catch (error) {
    alert(`That did not work: ${error.message}`);
    return false;
  }
  await refresh();
  return true;
}

async function sendAnswer() {
  const text = byId("text").value;
  if (!text.trim()) return;
  byId("send").disabled = true;
  const sent = await act("answer", { text });
  byId("send").disabled = false;
  if (sent) byId("text").value = "";
  byId("text").focus();
}

byId("answer").addEventListener("submit", (event) => {
  event.preventDefault();
  sendAnswer();
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendAnswer();
});
byId("to-operator").addEventListener("click", () => act("handover", { operator: true }));
byId("to-bot").addEventListener("click", () => act("handover", { operator: false }));
byId("close").addEventListener("click", () => act("close", {}));
addEventListener("hashchange", refresh);

if (readOnly) {
  byId("heading").textContent = "A dialogue, read-only";
  document.title = "Sandbox: a dialogue";
  byId("list").hidden = true;
  byId("title").textContent = "This link names no dialogue";
}
poll();
