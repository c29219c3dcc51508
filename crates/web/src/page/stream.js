// Reads the conversation as server-sent events for as long as there is a visitor: reconnects by
// itself and goes on after the last message it has seen. With fetch, because an EventSource cannot
// send the token.

// The server shows three times in this time that it lives.
const STALLED = 8e4;
// A page whose stream was replaced by newer ones comes back when it is looked at, or after this.
const REPLACED = 6e4;

let last = 0;
let streaming = false;
let restarted = false;
let replaced = false;
let connection;
let watchdog;
let heardAt;
let connectNow;
// When to come back, as the server has said: it says another time to each page.
let comeBack;

// Begins anew after this position.
function restart(position) {
  last = position;
  restarted = true;
  connection?.abort();
  connectNow?.();
  stream();
}

async function stream() {
  if (streaming) return;
  streaming = true;
  for (let attempt = 0; session() || identity; attempt += 1) {
    restarted = replaced = false;
    const { heard, error } = await connect();
    if (heard) attempt = 0;
    // Once only: where a new token is refused too, it waits as for anything else.
    if (restarted || (error?.status === 401 && !attempt)) continue;
    disconnected();
    const time = replaced ? REPLACED : error?.after || (!attempt && comeBack) || jitter(3e3, attempt);
    // A wait that the server asked for is not cut short, unless for another visitor.
    await pause(time, (end) => { connectNow = () => (error?.after && !restarted) || end(); });
  }
  streaming = false;
  connected();
  setBusy(false);
}

// One connection, to its end.
async function connect() {
  let heard = false;
  let token;
  const { signal } = connection = new AbortController();
  try {
    watch();
    token = identity ? await ensureToken() : session().token;
    const headers = last ? { "Last-Event-ID": last } : {};
    const response = await call("events", token, { headers, signal });
    heard = true;
    connected();
    await parse(response.body.getReader(), signal);
    return { heard };
  } catch (error) {
    if (error.status === 401 && token) refuseToken(token);
    return { heard, error };
  } finally {
    clearTimeout(watchdog);
  }
}

function watch() {
  clearTimeout(watchdog);
  heardAt = Date.now();
  watchdog = setTimeout(() => connection.abort(), STALLED);
}

async function parse(reader, signal) {
  const decoder = new TextDecoder();
  for (let rest = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    watch();
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      // What was read for another visitor than the one it is now must not be shown.
      if (signal.aborted) return;
      dispatch(block);
    }
    follow();
  }
}

// One event: lines of `field: value`. Our server ends lines with \n and sends one data line.
function dispatch(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trim();
  }
  if (fields.retry) comeBack = fields.retry;
  if (!fields.data) return;
  if (fields.id) {
    const position = fields.id * 1;
    if (position <= last) return;
    last = position;
  }
  EVENTS[fields.event]?.(JSON.parse(fields.data));
}

// While the computer slept, the connection may have died: then a sign of life is missing.
function wake() {
  // Nor was it told what other pages did.
  catchUp();
  nameDays();
  sendNow?.();
  if (Date.now() - heardAt > STALLED / 2) restart(last);
  connectNow?.();
  if (!streaming && navigator.onLine) connected();
}

listen(window, "online", wake);
// With an open connection, browsers keep no page to come back to.
listen(window, "offline pagehide", () => {
  connection?.abort();
  disconnected();
});
listen(document, "visibilitychange", () => document.hidden || wake());
