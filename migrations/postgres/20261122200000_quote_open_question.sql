-- An answer in a group refers to the question that is open, not to whatever came last.

COMMENT ON COLUMN chat.last_native_id IS 'In a group the user''s message that the next answer refers to: null where none waits for an answer, empty where several do. Elsewhere the last message.';
