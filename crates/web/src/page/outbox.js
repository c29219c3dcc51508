// What was written and is not known to be stored. Kept in the browser, so that a reload sends it;
// sent strictly one after another, so that order holds; under the same id each time, so that the
// server takes it once.

import { Refused, backoff, storage } from "./session.js";

// Trying again cannot help with these.
const FINAL = new Set([400, 403, 404, 405, 413, 415, 422]);

export class Outbox {
  // `on.sent(id)`, `on.failed(id, status)`, `on.waiting(milliseconds or null, status)`.
  constructor(base, session, on) {
    this.base = base;
    this.session = session;
    this.on = on;
    this.prefix = `switchboard ${base.pathname} unsent `;
    this.count = 0;
    // Only what this page wrote or found when it was opened: what another page writes, that one sends.
    this.queue = this.stored();
    this.running = false;
    this.wake = () => {};
    addEventListener("online", () => this.wake());
  }

  // What was found when the page was opened: [{id, text}], oldest first.
  get unsent() {
    return this.queue.map(({ id, text }) => ({ id, text }));
  }

  add(id, text) {
    // A key per message: several pages can write at once without undoing each other's changes.
    const order = `${Date.now().toString().padStart(15, "0")}${(this.count++).toString().padStart(6, "0")}`;
    const key = `${this.prefix}${order} ${id}`;
    storage.set(key, text);
    this.queue.push({ key, id, text });
    this.run();
  }

  // The server has it: it was seen in the conversation.
  settle(id) {
    for (const message of this.queue.filter((message) => message.id === id)) storage.remove(message.key);
    this.queue = this.queue.filter((message) => message.id !== id);
  }

  async run() {
    if (this.running) return;
    this.running = true;
    for (let attempt = 0; this.queue.length > 0; ) {
      const { id, text } = this.queue[0];
      const error = await this.post(id, text).then(() => null, (error) => error);
      if (!error || FINAL.has(error.status)) {
        attempt = 0;
        this.settle(id);
        if (error) this.on.failed(id, error.status); else this.on.sent(id);
        this.on.waiting(null);
        continue;
      }
      // A new session is made at once, unless that did not help either.
      if (error.status === 401 && attempt === 0) {
        attempt += 1;
        continue;
      }
      await this.pause(error.wait ?? backoff(attempt), error.status);
      attempt += 1;
    }
    this.running = false;
  }

  async post(id, text) {
    const token = await this.session.ensure();
    const response = await fetch(new URL("messages", this.base), {
      method: "POST",
      headers: { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ id, text }),
      signal: AbortSignal.timeout(30_000),
    });
    if (response.status === 401) this.session.refused(token);
    if (!response.ok) throw new Refused(response);
  }

  pause(milliseconds, status) {
    this.on.waiting(milliseconds, status);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      // The network coming back ends a wait for the network, not one that the server asked for.
      this.wake = status === undefined ? () => { clearTimeout(timer); resolve(); } : () => {};
    });
  }

  stored() {
    return storage.keys()
      .filter((key) => key.startsWith(this.prefix))
      .sort()
      .map((key) => ({ key, id: key.slice(-36), text: storage.get(key) }))
      .filter((message) => message.text !== null);
  }
}
