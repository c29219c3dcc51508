// The operator's panel, and at /share one dialogue without what changes it.
//
// The sandbox says when something changed; the panel then asks for what it shows, and nothing else.
// The dialogue that is open is the one after the # of the address.

import { ask, byId, element, post, show } from "./page.js";
import { clear, renderDialogue } from "./dialogue.js";
import { renderList } from "./list.js";

const RETRY_MS = 2000;
const TYPING_MS = 200;

const readOnly = location.pathname.endsWith("/share");
const touch = matchMedia("(pointer: coarse)");
/** What was written and not sent, by chat. */
const drafts = new Map();
/** The dialogue that is shown, and up to which version. */
let shown = { chat: null, after: 0 };
/** What `refresh` is doing, and whether it must do it once more. */
let refreshing = null;
let again = false;

function currentChat() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}

/** Asks for everything that is shown; once more at the end if something changed meanwhile. */
function refresh() {
  again = true;
  refreshing ??= refreshAll().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function refreshAll() {
  while (again) {
    again = false;
    try {
      await Promise.all([refreshList(), refreshDialogue()]);
      show("trouble", null);
    } catch {
      show("trouble", "The sandbox does not answer. Trying again…");
      setTimeout(refresh, RETRY_MS);
    }
  }
}

async function refreshList() {
  if (readOnly) return;
  const query = { find: byId("find").value };
  const phase = document.querySelector("[name=phase]:checked").value;
  if (phase) query.phase = phase;
  const answer = await ask("dialogues", query);
  renderList(answer, currentChat());
  show("held", held(answer));
  const { all, unread } = answer.counts;
  document.title = unread ? `(${unread}) Operator's panel` : "Operator's panel";
  document.body.classList.toggle("empty", all === 0);
  byId("first-steps").hidden = all > 0;
  byId("where").replaceChildren(...whereToWrite(answer));
  if (!currentChat()) byId("nothing-title").textContent = all ? "Choose a dialogue" : "Nobody has written yet";
}

function held({ waiting, counts, gateway }) {
  const webhooks = waiting === 1 ? "1 webhook waits" : `${waiting} webhooks wait`;
  if (!waiting) return null;
  if (!gateway.address) return `It is not known yet where the gateway is: ${webhooks}.`;
  if (gateway.paused) return `Webhooks are held back: ${webhooks}.`;
  if (counts.failing) return `The gateway at ${gateway.address} takes no webhooks: ${webhooks}, and will be sent as soon as it does.`;
  return null;
}

function whereToWrite({ chat_url: chat, gateway }) {
  if (/^https?:/.test(chat ?? "")) {
    const link = element("a", "button primary", "Open the visitor's page");
    link.href = chat;
    link.target = "_blank";
    link.rel = "noopener";
    return [link, element("span", "address", chat)];
  }
  const place = gateway.address ? `${gateway.address}/chat/ with the channel's name` : "the gateway's page, /chat/ with the channel's name";
  return [`A visitor writes at ${place}, or in any messenger that the gateway serves.`];
}

async function refreshDialogue() {
  const chat = currentChat();
  if (chat !== shown.chat) leave(chat);
  if (!chat) return;
  const asked = shown;
  const dialogue = await ask("dialogue", { chat_id: chat, after: asked.after });
  // Another dialogue was opened meanwhile, or everything is to be asked for anew.
  if (asked !== shown) return;
  byId("nothing").hidden = dialogue !== null;
  byId("opened").hidden = dialogue === null;
  byId("details").hidden = dialogue === null;
  if (!dialogue) {
    byId("nothing-title").textContent = "There is no such dialogue";
    return;
  }
  shown = { chat, after: dialogue.version };
  renderDialogue(dialogue);
  const seen = !readOnly && dialogue.unread > 0 && document.visibilityState === "visible";
  if (seen) await post("read", { chat_id: chat });
}

/** Goes from the dialogue that was shown to another one, or to none. */
function leave(chat) {
  if (shown.chat && byId("text").value) drafts.set(shown.chat, byId("text").value);
  byId("text").value = drafts.get(chat) ?? "";
  drafts.delete(chat);
  shown = { chat, after: 0 };
  clear();
  show("failure", null);
  showDetails(false);
  document.body.classList.toggle("in-dialogue", chat !== null);
  byId("nothing").hidden = chat !== null;
  byId("opened").hidden = true;
  byId("details").hidden = true;
}

/** Listens for changes, for as long as the page is open. */
function listen() {
  const source = new EventSource("panel/api/changes");
  source.onopen = () => {
    // A sandbox that was restarted counts its versions anew.
    if (shown.after) clear();
    shown = { ...shown, after: 0 };
    byId("live").textContent = "Live";
    byId("live").className = "on";
  };
  source.onmessage = refresh;
  source.onerror = () => {
    byId("live").textContent = "Reconnecting…";
    byId("live").className = "";
    show("trouble", "The sandbox does not answer. Trying again…");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
  };
}

/** Changes something of the open dialogue; returns whether that worked. */
async function act(path, details) {
  try {
    await post(path, { chat_id: shown.chat, ...details });
    show("failure", null);
    return true;
  } catch (error) {
    show("failure", `That did not work: ${error.message}.`);
    return false;
  } finally {
    refresh();
  }
}

async function sendAnswer() {
  const text = byId("text").value;
  if (!text.trim() || byId("send").disabled) return;
  const { chat } = shown;
  byId("send").disabled = true;
  const sent = await act("answer", { text });
  byId("send").disabled = false;
  if (sent && shown.chat === chat) byId("text").value = "";
  else if (sent) drafts.delete(chat);
  byId("text").focus();
}

function showDetails(visible) {
  document.body.classList.toggle("with-details", visible);
  byId("show-details").setAttribute("aria-expanded", visible);
}

byId("answer").addEventListener("submit", (event) => {
  event.preventDefault();
  sendAnswer();
});
byId("text").addEventListener("keydown", (event) => {
  // On a touch keyboard, Enter makes a new line: there is no other way to.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch.matches) return;
  event.preventDefault();
  sendAnswer();
});
byId("to-operator").addEventListener("click", async () => {
  if (await act("handover", { operator: true })) byId("text").focus();
});
// The button that was pressed goes away; the focus must not go with it.
byId("to-bot").addEventListener("click", async () => {
  if (await act("handover", { operator: false })) byId("messages").focus();
});
byId("close").addEventListener("click", async () => {
  if (await act("close", {})) byId("messages").focus();
});
byId("contact-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [title, phone, email] = ["title", "phone", "email"].map((name) => byId(`edit-${name}`).value);
  if (await act("contact", { title, phone, email })) byId("by-hand").open = false;
});
byId("flags").addEventListener("change", async (event) => {
  const box = event.target;
  if (!(await act("flag", { flag: box.dataset.flag, value: box.checked }))) box.checked = !box.checked;
});
byId("show-details").addEventListener("click", () => {
  showDetails(!document.body.classList.contains("with-details"));
  if (document.body.classList.contains("with-details")) byId("hide-details").focus();
});
byId("hide-details").addEventListener("click", () => {
  showDetails(false);
  byId("show-details").focus();
});
let typing;
byId("find").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(refresh, TYPING_MS);
});
byId("filter").addEventListener("change", refresh);
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (document.body.classList.contains("with-details")) byId("hide-details").click();
});
addEventListener("hashchange", async () => {
  await refresh();
  // Who opens a dialogue wants to write; on a touch screen the keyboard would hide what to answer.
  if (currentChat() && !readOnly && !touch.matches) byId("text").focus();
});
document.addEventListener("visibilitychange", refresh);

if (readOnly) {
  byId("heading").textContent = "A dialogue, read-only";
  document.title = "A dialogue, read-only";
  document.body.classList.add("read-only");
  byId("nothing-title").textContent = "This link names no dialogue";
  for (const box of document.querySelectorAll("[data-flag]")) box.disabled = true;
}
listen();
