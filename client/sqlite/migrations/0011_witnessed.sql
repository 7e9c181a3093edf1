-- Whether a message says what its sender had seen of the room. Those of other makes of clients do
-- not; until now none of them was kept.

ALTER TABLE messages ADD COLUMN witnessed INTEGER NOT NULL DEFAULT 1;
