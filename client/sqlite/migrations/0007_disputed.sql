-- Whether another device of the user knows somebody as the rival of the identity that is pinned here.

ALTER TABLE pins ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0;

-- The own device that said that a person has compared the identity, if it was another one.

ALTER TABLE pins ADD COLUMN verified_by TEXT;
