// What every part of the panel uses: the document, the sandbox's API, and how things are worded.
//
// Everything that people wrote is inserted with textContent, so it is shown and never run.

export const byId = (id) => document.getElementById(id);

export function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Shows the text in this element, or hides it if there is none. Says nothing twice. */
export function show(id, text) {
  const node = byId(id);
  if (node.textContent !== (text ?? "")) node.textContent = text ?? "";
  node.hidden = !text;
}

/** What the sandbox answers; null where there is no such dialogue. */
export async function ask(path, query) {
  const response = await fetch(`panel/api/${path}?${new URLSearchParams(query)}`);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

/** Asks for a change; the error says why it was refused. */
export async function post(path, body) {
  const response = await fetch(`panel/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.ok) return;
  const answer = await response.json().catch(() => ({}));
  throw new Error(answer.reason ?? `status ${response.status}`);
}

export const PHASES = { ai: "AI", operator: "Operator", closed: "Closed" };
export const AUTHORS = { bot: "AI", operator: "Operator", user: "User" };

/** The letters that stand for a user. */
export function initials(title) {
  const words = title.split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0]).join("").toUpperCase() || "?";
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const LONG_DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export const clock = (date) => CLOCK.format(date);
export const longDay = (date) => LONG_DAY.format(date);

/** The time of today, or the day. */
export function shortTime(date) {
  return date.toDateString() === new Date().toDateString() ? CLOCK.format(date) : DAY.format(date);
}

/** How far the webhook of a message is: a word for its looks, and the words to show. */
export function progress(state) {
  if (state === "delivered") return ["delivered", "sent to the gateway"];
  if (state === "waiting") return ["waiting", "waiting to be sent"];
  if (state === "not_sent") return ["waiting", "no webhook was sent"];
  if (state.refused) return ["refused", `refused by the gateway with ${state.refused}`];
  const { attempts, status } = state.repeated;
  const why = status ? `the gateway answers ${status}` : "the gateway cannot be reached";
  return ["repeated", `${why}; tried ${attempts === 1 ? "once" : `${attempts} times`}, trying again`];
}
