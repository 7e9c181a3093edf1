-- A profile: one device of one user, with all it knows. The file is encrypted as a whole, so nothing in it is sealed again.
-- Times are milliseconds since the UNIX epoch; URIs are canonical text; enumerations are words, so that a dump can be read.

-- What OpenMLS keeps: opaque bytes under opaque keys. All records of a room share a prefix.
CREATE TABLE mls_records (
    key   BLOB PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The account; one row.
CREATE TABLE account (
    only_row         INTEGER PRIMARY KEY CHECK (only_row = 1),
    user             TEXT NOT NULL,
    client           TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('registered', 'registering')),
    uik              BLOB NOT NULL,    -- seed of the user identity key
    device           BLOB NOT NULL,    -- seed of this device's key
    recovery         BLOB,             -- seed of the recovery key, until its words were kept
    device_list      BLOB NOT NULL,    -- the newest signed device list
    credential       BLOB NOT NULL,    -- the device credential
    server_key       BLOB NOT NULL,    -- the home server's public key
    suites           BLOB NOT NULL,    -- cipher suites, two bytes each
    token            TEXT,             -- bearer token of the session
    token_expires_at INTEGER NOT NULL,
    inbox            INTEGER NOT NULL, -- newest inbox entry taken
    listened         INTEGER NOT NULL  -- newest line of the journal shown
) STRICT;

CREATE TABLE rooms (
    uri             TEXT PRIMARY KEY,
    state           TEXT NOT NULL CHECK (state IN ('creating', 'joining', 'joined', 'left', 'removed')),
    name            TEXT NOT NULL,
    topic           TEXT NOT NULL,
    profile         BLOB,              -- the newest signed profile
    profile_version INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    seq             INTEGER NOT NULL,  -- entry read up to
    head            BLOB,              -- head of the hash chain there
    receipt         BLOB,              -- newest receipt whose signature was checked
    counter         INTEGER NOT NULL,  -- of the next own message
    profile_due     INTEGER NOT NULL,  -- members added here wait for the profile
    leaf_since      INTEGER NOT NULL,  -- when the own leaf was last renewed
    unreadable      INTEGER NOT NULL,  -- entries in a row that could not be read
    removals_since  INTEGER,           -- when the oldest pending removal was accepted
    stop_ours       BLOB,              -- evidence of a fork: the receipt held
    stop_theirs     BLOB               -- and the one that contradicts it; not null stops sending
) STRICT, WITHOUT ROWID;

-- Heads of the hash chain, for comparing with receipts that members hold.
CREATE TABLE heads (
    room TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    head BLOB NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

-- History, and what is still to be sent. AUTOINCREMENT: a number is never given twice.
CREATE TABLE messages (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    room        TEXT NOT NULL,
    seq         INTEGER,
    id          BLOB,
    client      TEXT NOT NULL,
    counter     INTEGER NOT NULL,
    salt        BLOB NOT NULL,
    time        INTEGER NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('delete', 'edit', 'other', 'profile', 'reaction', 'reply', 'text')),
    text        TEXT NOT NULL,
    in_reply_to BLOB,
    replaces    BLOB,
    edited      INTEGER NOT NULL,
    deleted     INTEGER NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('failed', 'queued', 'received', 'sent')),
    failure     TEXT
) STRICT;
CREATE UNIQUE INDEX messages_counter ON messages (room, client, counter);
CREATE INDEX messages_id ON messages (room, id) WHERE id IS NOT NULL;
CREATE INDEX messages_order ON messages (room, coalesce(seq, 9223372036854775807), number);
CREATE INDEX messages_waiting ON messages (status) WHERE status IN ('failed', 'queued');

-- What must be sent, in order. Bytes, once made, are the same on every attempt.
CREATE TABLE outbox (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    room       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('application', 'commit', 'creation', 'external-commit', 'leaving')),
    message    INTEGER,
    epoch      INTEGER NOT NULL,
    bytes      BLOB,
    message_id BLOB
) STRICT;
CREATE INDEX outbox_room ON outbox (room, number);

-- Whom this profile trusts with which identity.
CREATE TABLE pins (
    user        TEXT PRIMARY KEY,
    device_list BLOB NOT NULL,    -- the newest signed one seen: its key, version and hash are the pin
    verified    INTEGER NOT NULL, -- a person compared it
    since       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Welcomes taken out of the inbox and not yet joined.
CREATE TABLE welcomes (
    inbox_id INTEGER PRIMARY KEY,
    room     TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    welcome  BLOB NOT NULL
) STRICT;

-- What happened, for front ends; lines of JSON that refer to messages by number.
CREATE TABLE journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    line   TEXT NOT NULL
) STRICT;
