// Who the visitor is. Somebody unknown has a token that the server made and this browser keeps.
// Somebody whom the site has named has one that lasts as long as the page: the site names them
// again on its next page, and whoever comes after them at this computer finds nothing.

// What the site has said, the session that it was given for that, and the work to get one.
let identity = null;
let known = null;
let recognising;
// The one whose conversation is shown.
let visitor = session()?.visitor;

function session() {
  if (identity) return known;
  try { return JSON.parse(kept("session")); } catch { return null; }
}

// Who the visitor is by the site's word; null where nobody is known any more.
async function identify(word) {
  if (word !== identity) {
    identity = word;
    recognising = word ? recognise(word) : null;
    if (!word) {
      known = null;
      // Whoever comes after them does not see what they were about to say.
      field.value = "";
      fitField();
      adopt();
    }
  }
  return recognising;
}

// Gets the session of somebody the site has named, however long that takes. Until then all is as
// it was before.
async function recognise(word) {
  for (let attempt = 0; identity === word; attempt += 1) {
    try {
      const answer = await post("session", null, { identity: word });
      if (identity === word) known = answer;
      return adopt();
    } catch (error) {
      if (identity === word && /^4(?!29)/.test(error.status)) {
        known = null;
        adopt();
        expired("signed_out");
        throw error;
      }
      await pause(error.after || jitter(2e3, attempt));
    }
  }
}

// The token, got now if there is none. Of several open pages only one makes it.
async function ensureToken() {
  await recognising;
  if (identity && !known) await (recognising = recognise(identity));
  if (!identity && !session()) {
    const make = async () => session() ?? keepSession(await post("session", null, {}));
    // Where nothing may be stored, browsers refuse locks, too.
    await ((visit && navigator.locks?.request(KEY, make)) ?? make());
    adopt();
  }
  return session()?.token;
}

// Keeps a token that the server gave.
function keepSession(given) {
  if (known?.visitor === given.visitor) known = given;
  else keep("session", JSON.stringify(given));
}

// Forgets a token that the server refused, unless it was replaced already.
function refuseToken(token) {
  if (session()?.token !== token) return;
  // The site's word may be good for another.
  if (known) known = null;
  else {
    forget("session");
    adopt();
    expired("expired");
  }
}

function adopt() {
  const now = session()?.visitor;
  if (now === visitor) return;
  visitor = now;
  visitorChanged();
}
