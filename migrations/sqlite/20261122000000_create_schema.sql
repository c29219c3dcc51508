-- The gateway's tables. The words are those of the documentation: a chat is one dialogue between
-- a user and the AI, a lane is the deliveries of one chat in one direction, in order.
--
-- The same tables as in Postgres. Times are microseconds since 1970 by SQLite's clock, which counts
-- milliseconds; yes and no are 1 and 0; JSON is text. AUTOINCREMENT: a key is never given out twice.

-- One account on one messenger, as configured.
CREATE TABLE channel (
    -- The configured name; part of every chat id of the channel.
    name TEXT NOT NULL PRIMARY KEY,
    -- The messenger: web, telegram, …
    kind TEXT NOT NULL,
    -- Where its adapter stands in the platform's stream; the adapter's own format.
    cursor TEXT,
    -- The replica that runs the channel; null if none does.
    owner TEXT,
    -- Grows with every change of owner; named in every completion, so that a former owner changes nothing.
    lease_token INTEGER NOT NULL DEFAULT 0,
    -- When the ownership ends unless it is renewed.
    lease_until INTEGER,
    -- Random, made when the channel was first started; signs what the channel gives out.
    secret TEXT,
    -- When the channel was first started.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;

-- Our unit of dialogue. Its route (channel, conversation, user) never changes, unless the platform gives the conversation another id.
CREATE TABLE chat (
    -- Our key.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Where the user writes.
    channel TEXT NOT NULL REFERENCES channel (name),
    -- The place on the messenger; the adapter's id.
    conversation TEXT NOT NULL,
    -- The user; the adapter's id. Empty where a whole room shares the chat.
    user_id TEXT NOT NULL,
    -- The name that the AI platform knows the chat by.
    chat_id TEXT NOT NULL UNIQUE,
    -- Whether the conversation is direct or a group.
    place TEXT NOT NULL CHECK (place IN ('direct', 'group')),
    -- The user's name as the messenger shows it.
    user_name TEXT,
    -- The user's last message on the messenger; a reply in a group refers to it.
    last_native_id TEXT,
    -- The thread that the next message belongs to; null before the first and after a close.
    open_thread INTEGER,
    -- When the user is told that the answer is late; null while nothing is awaited or it has been told.
    notice_at INTEGER,
    -- Whether the user has been told since the last answer.
    notice_sent INTEGER NOT NULL DEFAULT 0,
    -- When the user first wrote.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (channel, conversation, user_id)
) STRICT;
CREATE INDEX chat_notice ON chat (channel, notice_at) WHERE notice_at IS NOT NULL;

-- The AI platform's dialogue for a chat. A flag that is null was never stated.
CREATE TABLE thread (
    -- Our key.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The chat it belongs to.
    chat INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    -- The platform's id; null until the platform names it.
    thread_id TEXT,
    -- The user has left a contact.
    get_contact INTEGER,
    -- The user showed interest.
    interest INTEGER,
    -- The dialogue is successful.
    success INTEGER,
    -- The platform thinks that the user is a bot.
    is_bot INTEGER,
    -- The dialogue was handed to an operator.
    operator INTEGER,
    -- The dialogue is closed.
    close INTEGER,
    -- Everything else the platform stated: links, contacts, its own ids.
    fields TEXT NOT NULL DEFAULT '{}',
    -- When it was opened.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    -- When it last changed.
    updated_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    UNIQUE (chat, thread_id)
) STRICT;

-- What changed on a thread: one row per flag that got another value.
CREATE TABLE event (
    -- Our key.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The thread.
    thread INTEGER NOT NULL REFERENCES thread (id) ON DELETE CASCADE,
    -- The flag that changed.
    flag TEXT NOT NULL,
    -- Its new value.
    value INTEGER NOT NULL,
    -- When it changed.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;
CREATE INDEX event_thread ON event (thread, id);

-- What a user, the AI, an operator or the gateway itself wrote.
CREATE TABLE message (
    -- Its position: within a chat it grows in the order of commit, because it is drawn under the chat's row lock.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The chat.
    chat INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    -- The thread it was said in.
    thread INTEGER,
    -- Who wrote it.
    author TEXT NOT NULL CHECK (author IN ('user', 'bot', 'operator', 'gateway')),
    -- A user's message: the adapter's id of the event.
    event_id TEXT,
    -- The AI's or an operator's message: the platform's id.
    ai_message_id TEXT,
    -- A user's message: its id on the messenger.
    native_id TEXT,
    -- The text: as written by a user, Markdown from everybody else.
    text TEXT NOT NULL,
    -- A user's message: when the messenger says it was written.
    sent_at INTEGER,
    -- When it was stored.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;
CREATE INDEX message_chat ON message (chat, id);

-- What was taken in and must not be taken in again, ever. Outlives the messages.
CREATE TABLE seen (
    -- "channel:" and the channel's name, or "chat:" and the chat's key for messages of the AI.
    source TEXT NOT NULL,
    -- The event's or the platform's message id.
    id TEXT NOT NULL,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

-- The deliveries of one chat in one direction, in order.
CREATE TABLE lane (
    -- Our key.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The chat.
    chat INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    -- To the AI or to the messenger.
    direction TEXT NOT NULL CHECK (direction IN ('to_ai', 'to_messenger')),
    -- The chat's channel, here for the scan.
    channel TEXT NOT NULL REFERENCES channel (name),
    -- The sequence number of the next delivery; handed out under the row lock, so that commit order is lane order.
    next_seq INTEGER NOT NULL DEFAULT 1,
    -- When the first pending delivery may run; null if none is pending.
    ready_at INTEGER,
    UNIQUE (chat, direction)
) STRICT;
CREATE INDEX lane_ready ON lane (channel, direction, ready_at, id) WHERE ready_at IS NOT NULL;

-- One unit of outgoing work: a user's message to the AI, or one part of a reply to a messenger.
CREATE TABLE delivery (
    -- Our key.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Its lane.
    lane INTEGER NOT NULL REFERENCES lane (id) ON DELETE CASCADE,
    -- Its place in the lane.
    seq INTEGER NOT NULL,
    -- What is delivered.
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    -- Which part of the message, from 0.
    part INTEGER NOT NULL,
    -- pending until it is settled: sent, dead (given up), or discarded by a person.
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead', 'discarded')),
    -- How often it was tried.
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Not before.
    run_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    -- When it is given up if it is still pending.
    expires_at INTEGER NOT NULL,
    -- The idempotency key, the same over all attempts.
    key TEXT NOT NULL UNIQUE,
    -- To a messenger: the rendered text, versioned. To the AI: null, the message's text is sent.
    payload TEXT,
    -- The message on the messenger that it answers.
    reply_to TEXT,
    -- The ids that the messenger gave to what was sent.
    native_ids TEXT,
    -- Why the last attempt failed.
    last_error TEXT,
    -- When it was stored.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    -- When it was settled.
    finished_at INTEGER,
    UNIQUE (lane, seq)
) STRICT;
CREATE INDEX delivery_pending ON delivery (lane, seq) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (id) WHERE state = 'dead';
CREATE INDEX delivery_message ON delivery (message);

-- Attempts at a delivery that did not send it, for its history. The one that did is on the delivery itself.
CREATE TABLE attempt (
    -- Our key.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The delivery.
    delivery INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    -- Which attempt, from 1.
    number INTEGER NOT NULL,
    -- retry or dead.
    outcome TEXT NOT NULL,
    -- What went wrong.
    error TEXT NOT NULL,
    -- When it ended.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;
CREATE INDEX attempt_delivery ON attempt (delivery, id);

-- Webhooks that were refused or ignored, whole, for a person to look at.
CREATE TABLE webhook (
    -- Our key.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- The AI account whose address it came to.
    ai TEXT NOT NULL,
    -- Why.
    reason TEXT NOT NULL,
    -- Its content type.
    content_type TEXT,
    -- Its body.
    body BLOB NOT NULL,
    -- When it came.
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;
