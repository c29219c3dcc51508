// The panel: a heading, what is told about the connection, the log, and the field to write in. It
// fills a page of its own, or stands beside the button on a page of the site.

// The page of its own says so at its script.
const PAGE = "page" in document.currentScript.dataset;
const touch = matchMedia("(pointer: coarse)");

let panel = null;
let isOver = false;
let ticking;

const banner = element("p.banner", { role: "status" });
const notice = element("p.notice");
// A countdown is said once, and not with every second.
const spoken = element("p.unseen", { role: "status" });
const field = element("textarea", {
  rows: 1, autocomplete: "off", placeholder: say("message"), "aria-label": say("message"),
  input: fitField,
  keydown(event) {
    // On a touch keyboard, Enter makes a new line: there is no other way to.
    // While a character is chosen, the key has this number in no browser.
    if (event.keyCode === 13 && !event.shiftKey && !touch.matches) submit(event);
  },
});
const sound = iconButton("sound", {
  click() {
    keep("sound", soundIsOn() ? "off" : "on");
    showSound();
    if (soundIsOn()) beep();
  },
});

// It is made when it is opened first.
function makePanel() {
  const form = element("form", { submit }, notice,
    element("div.field", {}, field, element("button.send", { "aria-label": say("send") }, icon("send"))));
  const head = element("div.head", {}, element(PAGE ? "h1" : "h2", { dir: "auto" }, say("title")), sound);
  panel = element(PAGE ? "main.panel" : "div.panel", { tabindex: -1 },
    head, banner, element("div.middle", {}, log, latest), form, spoken);
  if (!PAGE) {
    head.append(iconButton("close", { click: close }));
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-label", say("title"));
  }
  root.append(panel);
  showSound();
  for (const message of queue) showState(message, "sending");
  setBusy(!!session());
  if (!navigator.onLine) disconnected();
  restart(0);
}

function showSound() {
  sound.setAttribute("aria-pressed", soundIsOn());
  sound.replaceChildren(icon(soundIsOn() ? "sound" : "silent"));
}

function submit(event) {
  event.preventDefault();
  field.focus();
  const { value } = field;
  if (!value.trim()) return;
  field.value = "";
  fitField();
  send(value);
}

// The field grows with its text, up to what the style sheet allows, and takes no more than one
// message may have, in whole characters.
function fitField() {
  const characters = field.value.length > SETTINGS.limit ? [...field.value] : [];
  const over = characters.length > SETTINGS.limit;
  if (over) field.value = characters.slice(0, SETTINGS.limit).join("");
  if (over !== isOver) {
    isOver = over;
    tell(over ? say("limit", SETTINGS.limit) : "");
  }
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

// A line above the field.
function tell(line) {
  clearInterval(ticking);
  notice.textContent = spoken.textContent = line;
}

// Counts down until sending goes on; without a time, it does.
function showWait(pause, status) {
  if (!pause) return isOver || tell("");
  const end = Date.now() + pause;
  const key = { undefined: "lost", 401: "signed_out", 429: "flood" }[status] ?? "busy";
  const line = () => say(key, Math.max(1, Math.ceil((end - Date.now()) / 1e3)));
  tell(line());
  ticking = setInterval(() => { notice.textContent = line(); }, 1e3);
}

function connected() {
  banner.textContent = "";
}

function disconnected() {
  banner.textContent = say(replaced ? "tabs" : navigator.onLine ? "reconnecting" : "offline");
  showTyping(false);
}
