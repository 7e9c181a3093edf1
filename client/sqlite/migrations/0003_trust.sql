-- Whom this profile trusts, from the first sight of them on. The pins before were of lists only, in a form that is gone.

DROP TABLE pins;
CREATE TABLE pins (
    user        TEXT PRIMARY KEY,
    identity    BLOB NOT NULL,    -- the newest seen that follows the first
    device_list BLOB,             -- the newest signed one, if the home server gave one
    rival       BLOB,             -- the last identity seen that does not follow
    verified    INTEGER NOT NULL, -- a person compared the identity
    since       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE messages ADD COLUMN trust TEXT; -- of the sender's device, when the message was read
