-- What an adapter could not read is kept, and an attempt's beginning can be remembered.

CREATE TABLE unreadable (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel    TEXT NOT NULL REFERENCES channel (name),
    event_id   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    raw        BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE unreadable IS 'What a messenger handed over and its adapter could not read, whole, for a person to look at.';
COMMENT ON COLUMN unreadable.id IS 'Our key.';
COMMENT ON COLUMN unreadable.channel IS 'The channel.';
COMMENT ON COLUMN unreadable.event_id IS 'The adapter''s id of the event.';
COMMENT ON COLUMN unreadable.reason IS 'What is wrong with it.';
COMMENT ON COLUMN unreadable.raw IS 'As it came.';
COMMENT ON COLUMN unreadable.created_at IS 'When it was stored.';

ALTER TABLE delivery ADD COLUMN begun BOOLEAN NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN delivery.begun IS 'An attempt was begun and its outcome is not stored. Only kept where such an attempt must not be repeated.';

COMMENT ON COLUMN event.flag IS 'What changed: a flag of the thread, or "reachable": whether the user can be written to.';
