-- Checking these references and keeping this index cost a third of what Postgres does for a message.
-- What they guard against cannot happen: a message and its deliveries are stored in the transaction that
-- holds the rows of their chat and their lane locked, and a key is random and never looked up. Whoever
-- deletes a chat deletes its messages and deliveries first.

ALTER TABLE delivery DROP CONSTRAINT delivery_lane_fkey;
ALTER TABLE delivery DROP CONSTRAINT delivery_message_fkey;
ALTER TABLE delivery DROP CONSTRAINT delivery_key_key;
ALTER TABLE message DROP CONSTRAINT message_chat_fkey;
