-- What an adapter could not read is kept, and an attempt's beginning can be remembered.

-- What a messenger handed over and its adapter could not read, whole, for a person to look at.
CREATE TABLE unreadable (
    -- Our key.
    id         INTEGER PRIMARY KEY,
    -- The channel.
    channel    TEXT NOT NULL REFERENCES channel (name),
    -- The adapter's id of the event.
    event_id   TEXT NOT NULL,
    -- What is wrong with it.
    reason     TEXT NOT NULL,
    -- As it came.
    raw        BLOB NOT NULL,
    -- When it was stored.
    created_at INTEGER NOT NULL
) STRICT;

-- An attempt was begun and its outcome is not stored. Only kept where such an attempt must not be repeated.
ALTER TABLE delivery ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
