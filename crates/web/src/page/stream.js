// Reads the conversation as server-sent events, for ever: reconnects by itself and goes on after
// the last message it has seen. With fetch, because an EventSource cannot send the token.

import { Refused, backoff } from "./session.js";

// The server shows every 15 s that it lives.
const STALLED = 45_000;

// A page whose stream was replaced by newer ones comes back when it is looked at, or after this.
const REPLACED = 60_000;

export class Stream {
  // `on.event(name, data)`, `on.connected()`, `on.lost()`, `on.idle()` when there is no visitor.
  constructor(base, session, on) {
    this.base = base;
    this.session = session;
    this.on = on;
    this.last = 0;
    this.running = false;
    this.skipWait = () => {};
    addEventListener("online", () => this.skipWait());
    addEventListener("offline", () => this.controller?.abort());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.skipWait();
    });
  }

  // Begins anew, for another visitor.
  restart() {
    this.last = 0;
    this.restarted = true;
    this.controller?.abort();
    this.skipWait();
    this.run();
  }

  async run() {
    if (this.running) return;
    this.running = true;
    for (let attempt = 0; this.session.token; ) {
      let error = null;
      this.heard = false;
      this.restarted = false;
      try {
        await this.read(this.session.token);
      } catch (caught) {
        error = caught;
      }
      if (this.heard) attempt = 0;
      if (error?.status === 401 || this.restarted) continue;
      this.on.lost();
      if (this.replaced) await this.wait(REPLACED);
      else if (error?.wait) await this.wait(error.wait, false);
      else await this.wait(backoff(attempt));
      attempt += 1;
    }
    this.running = false;
    this.on.idle();
  }

  async read(token) {
    this.controller = new AbortController();
    this.replaced = false;
    this.watch();
    try {
      const headers = { "Authorization": `Bearer ${token}` };
      if (this.last > 0) headers["Last-Event-ID"] = String(this.last);
      const url = new URL("events", this.base);
      const response = await fetch(url, { headers, cache: "no-store", signal: this.controller.signal });
      if (response.status === 401) this.session.refused(token);
      if (!response.ok) throw new Refused(response);
      this.heard = true;
      this.on.connected();
      await this.parse(response.body.getReader(), this.controller.signal);
    } finally {
      clearTimeout(this.watchdog);
    }
  }

  async parse(reader, signal) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      // What was read for another visitor than the one it is now must not be shown.
      if (done || signal.aborted) return;
      this.watch();
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        this.dispatch(block);
        if (signal.aborted) return;
      }
    }
  }

  // One event: lines of `field: value`. Our server ends lines with \n and sends one data line.
  dispatch(block) {
    const fields = {};
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
    }
    if (fields.data === undefined) return;
    if (fields.id !== undefined) {
      const position = Number(fields.id);
      if (position <= this.last) return;
      this.last = position;
    }
    if (fields.event === "replaced") this.replaced = true;
    this.on.event(fields.event, JSON.parse(fields.data));
  }

  watch() {
    clearTimeout(this.watchdog);
    const { controller } = this;
    this.watchdog = setTimeout(() => controller.abort(), STALLED);
  }

  // A wait that the server asked for is not cut short, unless for another visitor.
  wait(milliseconds, mayBeCut = true) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.skipWait = () => {
        if (!mayBeCut && !this.restarted) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
