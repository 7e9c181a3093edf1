-- Whether messages were read that look like this client's own and that it has no record of.

ALTER TABLE rooms ADD COLUMN keys_in_doubt INTEGER NOT NULL DEFAULT 0;
