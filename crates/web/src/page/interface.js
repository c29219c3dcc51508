// What the site can do with it: see README.md.

const Switchboard = {
  open,
  close,
  toggle,
  identify: (word) => identify(word || null),
  send: (text) => send(`${text}`),
  on(...pair) {
    listeners.add(pair);
    return () => listeners.delete(pair);
  },
  push: (use) => use(Switchboard),
};

function begin() {
  start();
  window.Switchboard = Switchboard;
  for (const use of waiting) use(Switchboard);
}

if (document.readyState === "loading") listen(document, "DOMContentLoaded", begin);
else begin();
