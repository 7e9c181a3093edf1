-- A user's devices are equal: what they tell one another, and what a device that fell behind remembers.

ALTER TABLE account ADD COLUMN account_room TEXT;                       -- the room of the user's own devices
ALTER TABLE account ADD COLUMN rooms_checked INTEGER NOT NULL DEFAULT 0; -- when the user's rooms were last compared

ALTER TABLE rooms ADD COLUMN lost_seq INTEGER;                          -- last entry read before the log was lost
ALTER TABLE rooms ADD COLUMN lost_time INTEGER;                         -- time of the first entry that was not read
ALTER TABLE rooms ADD COLUMN lost_noticed INTEGER;                      -- when that was noticed
ALTER TABLE rooms ADD COLUMN lost_cause TEXT CHECK (lost_cause IN ('expired', 'poisoned', 'state'));
ALTER TABLE rooms ADD COLUMN lost_by TEXT;                              -- whose commit it was
ALTER TABLE rooms ADD COLUMN read_up_to INTEGER NOT NULL DEFAULT 0;     -- entry a person has read, on any device
ALTER TABLE rooms ADD COLUMN draft TEXT NOT NULL DEFAULT '';            -- text begun and not sent, on any device

CREATE TABLE device_names (
    client TEXT PRIMARY KEY,
    name   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What some device of the user saw a room to be, for comparing.
CREATE TABLE sightings (
    room          TEXT NOT NULL,
    epoch         INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    head          BLOB NOT NULL,
    authenticator BLOB NOT NULL, -- SHA-256 of the epoch authenticator
    PRIMARY KEY (room, epoch)
) STRICT, WITHOUT ROWID;

-- SQLite changes no CHECK in place: the table is made anew with one more kind and the payload.
CREATE TABLE messages_with_notes (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    room        TEXT NOT NULL,
    seq         INTEGER,
    id          BLOB,
    client      TEXT NOT NULL,
    counter     INTEGER NOT NULL,
    salt        BLOB NOT NULL,
    time        INTEGER NOT NULL,
    kind        TEXT NOT NULL
                CHECK (kind IN ('account-note', 'delete', 'edit', 'other', 'profile', 'reaction', 'reply', 'text')),
    text        TEXT NOT NULL,
    in_reply_to BLOB,
    replaces    BLOB,
    edited      INTEGER NOT NULL,
    deleted     INTEGER NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('failed', 'queued', 'received', 'sent')),
    failure     TEXT,
    payload     BLOB              -- an own account note until it is accepted
) STRICT;
INSERT INTO messages_with_notes SELECT *, NULL FROM messages;
DROP TABLE messages;
ALTER TABLE messages_with_notes RENAME TO messages;
CREATE UNIQUE INDEX messages_counter ON messages (room, client, counter);
CREATE INDEX messages_id ON messages (room, id) WHERE id IS NOT NULL;
CREATE INDEX messages_order ON messages (room, coalesce(seq, 9223372036854775807), number);
CREATE INDEX messages_waiting ON messages (status) WHERE status IN ('failed', 'queued');
