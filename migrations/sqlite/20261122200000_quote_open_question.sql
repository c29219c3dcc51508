-- An answer in a group refers to the question that is open, not to whatever came last: from now on
-- chat.last_native_id is null where none waits for an answer, and empty where several do.

SELECT 1;
