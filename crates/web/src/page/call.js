// What this browser keeps, and how the channel's routes are called.

// Where the routes are: beside this script. What is kept has their path in its name.
const ROUTES = new URL(".", document.currentScript.src);
const KEY = `switchboard ${ROUTES.pathname} `;

// Where there is no storage (some browsers deny it in frames), everything lasts as long as the page.
let storage;
// What is known on one visit only, over the site's pages.
let visit;
try { storage = localStorage; visit = sessionStorage; } catch { }
const memory = new Map();
storage ??= { getItem: () => null, removeItem() { } };

function keep(key, value) {
  memory.delete(key);
  // It may be full, too.
  try { storage.setItem(KEY + key, value); } catch { memory.set(key, `${value}`); }
}

const kept = (key) => memory.get(key) ?? storage.getItem(KEY + key);

function forget(key) {
  memory.delete(key);
  storage.removeItem(KEY + key);
}

// Calls a route. An answer other than 2xx is thrown: its `status`, the pause that the server asks
// for as `after`, in milliseconds, and the `limit` that was passed.
async function call(route, token, options) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  // Nothing about the visitor travels but what is said here.
  const response = await fetch(new URL(route, ROUTES), { credentials: "omit", ...options, headers });
  if (response.ok) return response;
  const { limit } = await response.json().catch(() => ({}));
  throw { status: response.status, after: response.headers.get("Retry-After") * 1000, limit };
}

async function post(route, token, content) {
  const response = await call(route, token, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
    signal: AbortSignal.timeout(3e4),
  });
  return response.json();
}

// Waits; what is given to `begun` ends it early.
const pause = (milliseconds, begun) => new Promise((resolve) => {
  setTimeout(resolve, milliseconds);
  begun?.(resolve);
});

// How long to wait before another attempt: anything up to twice as long each time, so that those
// who lost the same server do not come back together.
function jitter(first, attempt) {
  return Math.random() * Math.min(3e4, first * 2 ** attempt);
}
