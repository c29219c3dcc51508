-- The gateway's tables. The words are those of the documentation: a chat is one dialogue between
-- a user and the AI, a lane is the deliveries of one chat in one direction, in order.
--
-- Rows of channel, chat, lane and delivery change with every message. They leave room for that in
-- their pages (fillfactor), and are vacuumed early and at full speed: what is dead in the index of
-- ready lanes is read again by every scan until then.

CREATE TABLE channel (
    name        TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    cursor      TEXT,
    owner       TEXT,
    lease_token BIGINT NOT NULL DEFAULT 0,
    lease_until TIMESTAMPTZ,
    secret      TEXT,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0
);
COMMENT ON TABLE channel IS 'One account on one messenger, as configured.';
COMMENT ON COLUMN channel.name IS 'The configured name; part of every chat id of the channel.';
COMMENT ON COLUMN channel.kind IS 'The messenger: web, telegram, …';
COMMENT ON COLUMN channel.cursor IS 'Where its adapter stands in the platform''s stream; the adapter''s own format.';
COMMENT ON COLUMN channel.owner IS 'The replica that runs the channel; null if none does.';
COMMENT ON COLUMN channel.lease_token IS 'Grows with every change of owner; named in every completion, so that a former owner changes nothing.';
COMMENT ON COLUMN channel.lease_until IS 'When the ownership ends unless it is renewed.';
COMMENT ON COLUMN channel.secret IS 'Random, made when the channel was first started; signs what the channel gives out.';
COMMENT ON COLUMN channel.created_at IS 'When the channel was first started.';

CREATE TABLE chat (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel        TEXT NOT NULL REFERENCES channel (name),
    conversation   TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    chat_id        TEXT NOT NULL UNIQUE,
    place          TEXT NOT NULL CHECK (place IN ('direct', 'group')),
    user_name      TEXT,
    last_native_id TEXT,
    open_thread    BIGINT,
    notice_at      TIMESTAMPTZ,
    notice_sent    BOOLEAN NOT NULL DEFAULT FALSE,
    created_at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (channel, conversation, user_id)
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX chat_notice ON chat (channel, notice_at) WHERE notice_at IS NOT NULL;
COMMENT ON TABLE chat IS 'Our unit of dialogue. Its route (channel, conversation, user) never changes, unless the platform gives the conversation another id.';
COMMENT ON COLUMN chat.id IS 'Our key.';
COMMENT ON COLUMN chat.channel IS 'Where the user writes.';
COMMENT ON COLUMN chat.conversation IS 'The place on the messenger; the adapter''s id.';
COMMENT ON COLUMN chat.user_id IS 'The user; the adapter''s id. Empty where a whole room shares the chat.';
COMMENT ON COLUMN chat.chat_id IS 'The name that the AI platform knows the chat by.';
COMMENT ON COLUMN chat.place IS 'Whether the conversation is direct or a group.';
COMMENT ON COLUMN chat.user_name IS 'The user''s name as the messenger shows it.';
COMMENT ON COLUMN chat.last_native_id IS 'The user''s last message on the messenger; a reply in a group refers to it.';
COMMENT ON COLUMN chat.open_thread IS 'The thread that the next message belongs to; null before the first and after a close.';
COMMENT ON COLUMN chat.notice_at IS 'When the user is told that the answer is late; null while nothing is awaited or it has been told.';
COMMENT ON COLUMN chat.notice_sent IS 'Whether the user has been told since the last answer.';
COMMENT ON COLUMN chat.created_at IS 'When the user first wrote.';

CREATE TABLE thread (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat       BIGINT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    thread_id  TEXT,
    get_contact BOOLEAN,
    interest   BOOLEAN,
    success    BOOLEAN,
    is_bot     BOOLEAN,
    operator   BOOLEAN,
    close      BOOLEAN,
    fields     JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (chat, thread_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE thread IS 'The AI platform''s dialogue for a chat. A flag that is null was never stated.';
COMMENT ON COLUMN thread.id IS 'Our key.';
COMMENT ON COLUMN thread.chat IS 'The chat it belongs to.';
COMMENT ON COLUMN thread.thread_id IS 'The platform''s id; null until the platform names it.';
COMMENT ON COLUMN thread.get_contact IS 'The user has left a contact.';
COMMENT ON COLUMN thread.interest IS 'The user showed interest.';
COMMENT ON COLUMN thread.success IS 'The dialogue is successful.';
COMMENT ON COLUMN thread.is_bot IS 'The platform thinks that the user is a bot.';
COMMENT ON COLUMN thread.operator IS 'The dialogue was handed to an operator.';
COMMENT ON COLUMN thread.close IS 'The dialogue is closed.';
COMMENT ON COLUMN thread.fields IS 'Everything else the platform stated: links, contacts, its own ids.';
COMMENT ON COLUMN thread.created_at IS 'When it was opened.';
COMMENT ON COLUMN thread.updated_at IS 'When it last changed.';

CREATE TABLE event (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread     BIGINT NOT NULL REFERENCES thread (id) ON DELETE CASCADE,
    flag       TEXT NOT NULL,
    value      BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX event_thread ON event (thread, id);
COMMENT ON TABLE event IS 'What changed on a thread: one row per flag that got another value.';
COMMENT ON COLUMN event.id IS 'Our key.';
COMMENT ON COLUMN event.thread IS 'The thread.';
COMMENT ON COLUMN event.flag IS 'The flag that changed.';
COMMENT ON COLUMN event.value IS 'Its new value.';
COMMENT ON COLUMN event.created_at IS 'When it changed.';

CREATE TABLE message (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat          BIGINT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    thread        BIGINT,
    author        TEXT NOT NULL CHECK (author IN ('user', 'bot', 'operator', 'gateway')),
    event_id      TEXT,
    ai_message_id TEXT,
    native_id     TEXT,
    text          TEXT NOT NULL,
    sent_at       TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX message_chat ON message (chat, id);
COMMENT ON TABLE message IS 'What a user, the AI, an operator or the gateway itself wrote.';
COMMENT ON COLUMN message.id IS 'Its position: within a chat it grows in the order of commit, because it is drawn under the chat''s row lock.';
COMMENT ON COLUMN message.chat IS 'The chat.';
COMMENT ON COLUMN message.thread IS 'The thread it was said in.';
COMMENT ON COLUMN message.author IS 'Who wrote it.';
COMMENT ON COLUMN message.event_id IS 'A user''s message: the adapter''s id of the event.';
COMMENT ON COLUMN message.ai_message_id IS 'The AI''s or an operator''s message: the platform''s id.';
COMMENT ON COLUMN message.native_id IS 'A user''s message: its id on the messenger.';
COMMENT ON COLUMN message.text IS 'The text: as written by a user, Markdown from everybody else.';
COMMENT ON COLUMN message.sent_at IS 'A user''s message: when the messenger says it was written.';
COMMENT ON COLUMN message.created_at IS 'When it was stored.';

CREATE TABLE seen (
    source TEXT NOT NULL,
    id     TEXT NOT NULL,
    PRIMARY KEY (source, id)
);
COMMENT ON TABLE seen IS 'What was taken in and must not be taken in again, ever. Outlives the messages.';
COMMENT ON COLUMN seen.source IS '"channel:" and the channel''s name, or "chat:" and the chat''s key for messages of the AI.';
COMMENT ON COLUMN seen.id IS 'The event''s or the platform''s message id.';

CREATE TABLE lane (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat      BIGINT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    direction TEXT NOT NULL CHECK (direction IN ('to_ai', 'to_messenger')),
    channel   TEXT NOT NULL REFERENCES channel (name),
    next_seq  BIGINT NOT NULL DEFAULT 1,
    ready_at  TIMESTAMPTZ,
    UNIQUE (chat, direction)
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX lane_ready ON lane (channel, direction, ready_at, id) WHERE ready_at IS NOT NULL;
COMMENT ON TABLE lane IS 'The deliveries of one chat in one direction, in order.';
COMMENT ON COLUMN lane.id IS 'Our key.';
COMMENT ON COLUMN lane.chat IS 'The chat.';
COMMENT ON COLUMN lane.direction IS 'To the AI or to the messenger.';
COMMENT ON COLUMN lane.channel IS 'The chat''s channel, here for the scan.';
COMMENT ON COLUMN lane.next_seq IS 'The sequence number of the next delivery; handed out under the row lock, so that commit order is lane order.';
COMMENT ON COLUMN lane.ready_at IS 'When the first pending delivery may run; null if none is pending.';

CREATE TABLE delivery (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane        BIGINT NOT NULL REFERENCES lane (id) ON DELETE CASCADE,
    seq         BIGINT NOT NULL,
    message     BIGINT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    part        INTEGER NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead', 'discarded')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    run_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at  TIMESTAMPTZ NOT NULL,
    key         TEXT NOT NULL UNIQUE,
    payload     JSONB,
    reply_to    TEXT,
    native_ids  JSONB,
    last_error  TEXT,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    finished_at TIMESTAMPTZ,
    UNIQUE (lane, seq)
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX delivery_pending ON delivery (lane, seq) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (id) WHERE state = 'dead';
CREATE INDEX delivery_message ON delivery (message);
COMMENT ON TABLE delivery IS 'One unit of outgoing work: a user''s message to the AI, or one part of a reply to a messenger.';
COMMENT ON COLUMN delivery.id IS 'Our key.';
COMMENT ON COLUMN delivery.lane IS 'Its lane.';
COMMENT ON COLUMN delivery.seq IS 'Its place in the lane.';
COMMENT ON COLUMN delivery.message IS 'What is delivered.';
COMMENT ON COLUMN delivery.part IS 'Which part of the message, from 0.';
COMMENT ON COLUMN delivery.state IS 'pending until it is settled: sent, dead (given up), or discarded by a person.';
COMMENT ON COLUMN delivery.attempts IS 'How often it was tried.';
COMMENT ON COLUMN delivery.run_at IS 'Not before.';
COMMENT ON COLUMN delivery.expires_at IS 'When it is given up if it is still pending.';
COMMENT ON COLUMN delivery.key IS 'The idempotency key, the same over all attempts.';
COMMENT ON COLUMN delivery.payload IS 'To a messenger: the rendered text, versioned. To the AI: null, the message''s text is sent.';
COMMENT ON COLUMN delivery.reply_to IS 'The message on the messenger that it answers.';
COMMENT ON COLUMN delivery.native_ids IS 'The ids that the messenger gave to what was sent.';
COMMENT ON COLUMN delivery.last_error IS 'Why the last attempt failed.';
COMMENT ON COLUMN delivery.created_at IS 'When it was stored.';
COMMENT ON COLUMN delivery.finished_at IS 'When it was settled.';

CREATE TABLE attempt (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery   BIGINT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    error      TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX attempt_delivery ON attempt (delivery, id);
COMMENT ON TABLE attempt IS 'Attempts at a delivery that did not send it, for its history. The one that did is on the delivery itself.';
COMMENT ON COLUMN attempt.id IS 'Our key.';
COMMENT ON COLUMN attempt.delivery IS 'The delivery.';
COMMENT ON COLUMN attempt.number IS 'Which attempt, from 1.';
COMMENT ON COLUMN attempt.outcome IS 'retry or dead.';
COMMENT ON COLUMN attempt.error IS 'What went wrong.';
COMMENT ON COLUMN attempt.created_at IS 'When it ended.';

CREATE TABLE webhook (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ai           TEXT NOT NULL,
    reason       TEXT NOT NULL,
    content_type TEXT,
    body         BYTEA NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE webhook IS 'Webhooks that were refused or ignored, whole, for a person to look at.';
COMMENT ON COLUMN webhook.id IS 'Our key.';
COMMENT ON COLUMN webhook.ai IS 'The AI account whose address it came to.';
COMMENT ON COLUMN webhook.reason IS 'Why.';
COMMENT ON COLUMN webhook.content_type IS 'Its content type.';
COMMENT ON COLUMN webhook.body IS 'Its body.';
COMMENT ON COLUMN webhook.created_at IS 'When it came.';
