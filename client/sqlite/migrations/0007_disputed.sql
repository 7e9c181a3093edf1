-- Whether another device of the user knows somebody as the rival of the identity that is pinned here.

ALTER TABLE pins ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0;
