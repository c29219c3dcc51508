// Who the visitor is: a token that the server makes and this browser keeps.

// Where there is no storage (some browsers deny it in frames), everything lasts as long as the page.
const memory = new Map();

export const storage = {
  get(key) {
    try { return localStorage.getItem(key); } catch { return memory.get(key) ?? null; }
  },
  set(key, value) {
    try { localStorage.setItem(key, value); } catch { memory.set(key, value); }
  },
  remove(key) {
    memory.delete(key);
    try { localStorage.removeItem(key); } catch { /* It was never there. */ }
  },
  keys() {
    try { return [...Object.keys(localStorage), ...memory.keys()]; } catch { return [...memory.keys()]; }
  },
};

export class Session {
  // `onVisitor` is called whenever the visitor becomes another one than before.
  constructor(base, onVisitor) {
    this.base = base;
    this.key = `switchboard ${base.pathname} session`;
    this.onVisitor = onVisitor;
    this.visitor = this.read()?.visitor ?? null;
    addEventListener("storage", (event) => {
      if (event.key === this.key && event.newValue) this.adopt(this.read());
    });
  }

  // The token, or null if there is none yet.
  get token() {
    return this.read()?.token ?? null;
  }

  // The token, made now if there is none. Only one of several open pages makes it.
  async ensure() {
    if (this.token) return this.token;
    const mint = async () => {
      if (this.token) return;
      const response = await fetch(new URL("session", this.base), {
        method: "POST",
        signal: AbortSignal.timeout(30_000),
      });
      if (!response.ok) throw new Refused(response);
      this.keep(await response.json());
    };
    await (navigator.locks ? navigator.locks.request(this.key, mint) : mint());
    this.adopt(this.read());
    return this.token;
  }

  // Keeps a token that the server gave.
  keep(session) {
    storage.set(this.key, JSON.stringify({ token: session.token, visitor: session.visitor }));
    this.adopt(session);
  }

  // Forgets a token that the server refused, unless another page has replaced it already.
  refused(token) {
    if (this.token === token) storage.remove(this.key);
  }

  adopt(session) {
    if (!session || session.visitor === this.visitor) return;
    this.visitor = session.visitor;
    this.onVisitor();
  }

  read() {
    try { return JSON.parse(storage.get(this.key)); } catch { return null; }
  }
}

// An answer other than 2xx. `wait` is what the server asks for, in milliseconds, or null.
export class Refused extends Error {
  constructor(response) {
    super(`the server answered ${response.status}`);
    this.status = response.status;
    const seconds = Number(response.headers.get("Retry-After"));
    this.wait = seconds > 0 ? seconds * 1000 : null;
  }
}

// How long to wait before the nth attempt: 1 s, 2 s, 4 s … 30 s, spread by half so that pages which
// lost the same server do not come back together.
export function backoff(attempt) {
  return Math.min(30_000, 1000 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random());
}
