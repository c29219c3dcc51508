// What is put into the site's page: one element with a shadow root, out of reach of the site's
// styles, with the button and, once it was opened, the panel. On the page of its own there is no
// button.

const host = element("switchboard-chat");
const shadow = host.attachShadow({ mode: "open" });
const root = element(PAGE ? "div" : "section", { lang: locale, dir: direction });
const badge = element("span.badge", { "aria-hidden": true });
const button = element("button.launcher", { click: toggle });
const dark = matchMedia("(prefers-color-scheme: dark)");
// The panel covers everything.
const covering = matchMedia("(max-width: 480px), (max-height: 480px)");

function showButton() {
  const count = isOpen ? 0 : unread.size;
  badge.textContent = count > 99 ? "99+" : count || "";
  button.setAttribute("aria-label", say(isOpen ? "close" : "open") + (count ? `. ${say("unread", count)}` : ""));
  button.setAttribute("aria-expanded", isOpen);
  button.replaceChildren(icon(isOpen ? "latest" : "open"), badge);
}

function dress() {
  const isDark = SETTINGS.theme === "dark" || (SETTINGS.theme === "auto" && dark.matches);
  root.className = `root ${PAGE ? "page" : SETTINGS.position} ${isDark && "dark"} ${isOpen && "open"}`;
  if (!PAGE) panel?.setAttribute("aria-modal", covering.matches);
}

// A keyboard on a screen makes what is seen smaller, and some browsers tell it only here.
function fit() {
  root.style.setProperty("--height", `${visualViewport.height}px`);
  root.style.setProperty("--top", `${visualViewport.offsetTop}px`);
}

function open(quietly) {
  if (isOpen) return;
  isOpen = true;
  if (!panel) makePanel();
  opened();
  toEnd();
  if (quietly !== true) (covering.matches ? panel : field).focus();
  markRead();
  showUnread();
  emit("open");
}

function close() {
  if (!isOpen || PAGE) return;
  const hadFocus = panel.contains(shadow.activeElement);
  isOpen = false;
  opened();
  if (hadFocus) button.focus();
  emit("close");
}

function opened() {
  panel.hidden = !isOpen;
  dress();
  showButton();
  // On the site's next page, it is as it was left.
  try { visit.setItem(`${KEY}open`, isOpen); } catch { }
}

function toggle() {
  if (isOpen) close();
  else open();
}

function onKey(event) {
  // What is typed here is no shortcut of the site's.
  event.stopPropagation();
  if (event.type !== "keydown" || !isOpen || PAGE) return;
  if (event.keyCode === 27) close();
  if (event.key === "Tab" && covering.matches) stayInside(event);
}

// While the panel covers everything, the focus goes round in it.
function stayInside(event) {
  const stops = [...panel.querySelectorAll("a[href], button, textarea, [tabindex='0']")].filter((it) => it.offsetWidth);
  if (event.shiftKey) stops.reverse();
  if (shadow.activeElement !== stops.at(-1) && shadow.activeElement !== panel) return;
  event.preventDefault();
  stops[0].focus();
}

// Beside the site's body, which may be replaced, moved or made transparent.
function attach() {
  if (!host.isConnected) (PAGE ? document.body : document.documentElement).append(host);
}

function start() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  shadow.adoptedStyleSheets = [sheet];
  root.style.setProperty("--own", SETTINGS.color);
  root.style.setProperty("--on", SETTINGS.on_color);
  shadow.append(root);
  listen(root, "keydown keyup keypress", onKey);
  listen(dark, "change", dress);
  listen(covering, "change", dress);
  listen(visualViewport, "resize scroll", fit);
  if (PAGE) {
    document.documentElement.lang = locale;
    document.title = say("title");
    makePanel();
  } else {
    root.setAttribute("aria-label", say("title"));
    root.append(button);
    showButton();
    new MutationObserver(attach).observe(document.documentElement, { childList: true });
    restart(read);
  }
  dress();
  attach();
  if (PAGE && !touch.matches) field.focus();
  if (visit?.getItem(`${KEY}open`) === "true" && !covering.matches) open(true);
  sendQueue();
}
