// What was written and is not known to be stored. Kept in the browser, so that a reload sends it;
// sent strictly one after another, so that order holds; under the same id each time, so that the
// server takes it once.

// Trying again cannot help with these.
const FINAL = /^4(?!01|08|29)/;

// Whose messages these are: nobody's whom the site has named, or the one's.
let owner = "";
// Only what this page wrote or found when it was opened: what another page writes, that one sends.
let queue = findUnsent();
let added = 0;
let sending = false;
let sendNow;

// A message that was never added before is `{ id, text, at }`.
function addMessage(message) {
  // A key per message: several pages can write at once without undoing each other's changes.
  const order = `${Date.now()}`.padStart(15, "0") + `${added++}`.padStart(6, "0");
  message.key = `unsent ${owner}${order} ${message.id}`;
  keep(message.key, message.text);
  queue.push(message);
  showState(message, "sending");
  sendQueue();
}

// Nothing remains to be done about this one.
function settle(id) {
  for (const message of queue.filter((it) => it.id === id)) forget(message.key);
  queue = queue.filter((it) => it.id !== id);
}

async function sendQueue() {
  if (sending) return;
  sending = true;
  for (let attempt = 0; queue.length; ) {
    const [message] = queue;
    const { id, text } = message;
    const writer = owner;
    const error = await sendMessage({ id, text }).then(() => null, (caught) => caught);
    // It was taken along to somebody else meanwhile, or left behind.
    if (owner !== writer) continue;
    if (!error || FINAL.test(error.status)) {
      attempt = 0;
      settle(id);
      message.limit = error?.limit;
      showState(message, error ? "failed" : "sent");
      showWait();
      continue;
    }
    // With a token that is no longer good, a new one is got at once, unless that did not help either.
    if (error.status !== 401 || attempt) {
      const time = error.after || 1e3 + jitter(1e3, attempt);
      showWait(time, error.status);
      // The network coming back ends a wait for the network, not one that the server asked for.
      await pause(time, (end) => { sendNow = () => error.status || end(); });
    }
    attempt += 1;
  }
  sending = false;
}

async function sendMessage(message) {
  const token = await ensureToken();
  try {
    await post("messages", token, message);
  } catch (error) {
    if (error.status === 401) refuseToken(token);
    throw error;
  }
}

// The visitor is another one. What was written before the site named somebody goes with them; what
// somebody named has written stays theirs.
function moveQueue() {
  const now = known ? `${known.visitor} ` : "";
  if (now === owner) return;
  const taken = owner ? [] : queue;
  // Whoever comes after somebody named does not see what they were about to say.
  if (owner) pending.clear();
  for (const message of taken) forget(message.key);
  owner = now;
  queue = findUnsent();
  for (const message of taken) addMessage(message);
  sendQueue();
}

function findUnsent() {
  const start = `${KEY}unsent ${owner}`;
  return Object.keys(storage).filter((key) => key.startsWith(start) && key.length === start.length + 58).sort().map((key) => ({
    key: key.slice(KEY.length),
    id: key.slice(-36),
    text: storage.getItem(key),
    at: new Date(key.slice(start.length, start.length + 15) * 1),
  }));
}

// randomUUID exists only where the page is encrypted or local. An address of this kind ends with
// one everywhere.
function messageId() {
  const address = URL.createObjectURL(new Blob());
  URL.revokeObjectURL(address);
  return address.slice(-36);
}
