-- Nothing to do here: checking references costs next to nothing in a file with one writer. The version
-- keeps the migrations of both databases in step.

SELECT 1;
