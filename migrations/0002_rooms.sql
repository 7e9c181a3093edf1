-- Rooms this server is the hub of: their log, who reads it from where, and what the hub knows of their groups.
--
-- Every table of a room has room_id first in its key, so that a room can be placed on one shard.
-- Times are milliseconds since 1970 (bigint). Rows that grow without bound (room_log) carry no foreign key:
-- a check per message would lock the room's row once per message.

CREATE TABLE rooms (
    room_id    bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uri        text    NOT NULL UNIQUE,
    group_id   bytea   NOT NULL,
    record     bytea   NOT NULL,
    suite      integer NOT NULL,
    created_at bigint  NOT NULL
);
COMMENT ON TABLE rooms IS 'A room hosted here. Immutable: names and ids, never state.';
COMMENT ON COLUMN rooms.room_id IS 'Short id inside this database.';
COMMENT ON COLUMN rooms.uri IS 'Room URI, canonical text.';
COMMENT ON COLUMN rooms.group_id IS 'MLS group id: the 32 bytes whose base32 ends the URI.';
COMMENT ON COLUMN rooms.record IS 'Signed creation record, exact bytes.';
COMMENT ON COLUMN rooms.suite IS 'Cipher suite (RFC 9420, section 17.1).';
COMMENT ON COLUMN rooms.created_at IS 'When the hub accepted it.';

-- Updated once per batch of messages: narrow, and with room on the page so that updates stay on it (HOT).
CREATE TABLE room_heads (
    room_id   bigint PRIMARY KEY,
    epoch     bigint NOT NULL,
    seq       bigint NOT NULL,
    head      bytea  NOT NULL,
    last_time bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE room_heads IS 'Where each log ends. The row lock that orders everything written to a room.';
COMMENT ON COLUMN room_heads.room_id IS 'The room.';
COMMENT ON COLUMN room_heads.epoch IS 'Current epoch of the group: moved by compare-and-set.';
COMMENT ON COLUMN room_heads.seq IS 'Sequence number of the last entry, 0 before the first.';
COMMENT ON COLUMN room_heads.head IS 'Hash chain over the log up to seq.';
COMMENT ON COLUMN room_heads.last_time IS 'Time of the last entry; the next one is later.';

CREATE TABLE room_states (
    room_id                        bigint PRIMARY KEY REFERENCES rooms,
    group_info                     bytea  NOT NULL,
    handshake_seq                  bigint NOT NULL,
    handshake_bytes_since_snapshot bigint NOT NULL,
    snapshot_bytes                 bigint NOT NULL,
    snapshot_at                    bigint NOT NULL
);
COMMENT ON TABLE room_states IS 'What changes with each handshake, apart from the head that every message touches.';
COMMENT ON COLUMN room_states.room_id IS 'The room.';
COMMENT ON COLUMN room_states.group_info IS 'GroupInfo of the current epoch, without tree, for external joiners.';
COMMENT ON COLUMN room_states.handshake_seq IS 'Sequence number of the last handshake: a group in memory is current when it has seen it.';
COMMENT ON COLUMN room_states.handshake_bytes_since_snapshot IS 'Bytes of handshakes a loader has to replay.';
COMMENT ON COLUMN room_states.snapshot_bytes IS 'Size of the newest snapshot: outweighed, a new one is due.';
COMMENT ON COLUMN room_states.snapshot_at IS 'When the newest snapshot was made: handshakes cannot be replayed for ever.';

CREATE TABLE room_participants (
    room_id  bigint  NOT NULL REFERENCES rooms,
    user_uri text    NOT NULL,
    role     integer NOT NULL,
    may_send boolean NOT NULL,
    PRIMARY KEY (room_id, user_uri)
);
COMMENT ON TABLE room_participants IS 'The committed participant list (component 0x0022), for lookups without opening the group.';
COMMENT ON COLUMN room_participants.room_id IS 'The room.';
COMMENT ON COLUMN room_participants.user_uri IS 'The participant, of any provider.';
COMMENT ON COLUMN room_participants.role IS 'Role index.';
COMMENT ON COLUMN room_participants.may_send IS 'Whether that role may send messages.';

CREATE TABLE room_log (
    room_id      bigint   NOT NULL,
    seq          bigint   NOT NULL,
    kind         smallint NOT NULL,
    epoch        bigint   NOT NULL,
    time         bigint   NOT NULL,
    message_hash bytea    NOT NULL,
    head         bytea    NOT NULL,
    entry        bytea    NOT NULL,
    PRIMARY KEY (room_id, seq),
    UNIQUE (room_id, message_hash)
);
-- Ciphertext does not compress.
ALTER TABLE room_log ALTER COLUMN entry SET STORAGE EXTERNAL;
COMMENT ON TABLE room_log IS 'The log: one row per accepted message, whatever the number of its readers.';
COMMENT ON COLUMN room_log.room_id IS 'The room.';
COMMENT ON COLUMN room_log.seq IS 'Position, from 1, without gaps.';
COMMENT ON COLUMN room_log.kind IS '1 application, 2 proposal, 3 commit.';
COMMENT ON COLUMN room_log.epoch IS 'Epoch of the room after the entry: a commit opens it, everything else was made in it.';
COMMENT ON COLUMN room_log.time IS 'When the hub accepted it, strictly increasing within the room.';
COMMENT ON COLUMN room_log.message_hash IS 'SHA-256 of the MLSMessage: finds repeats.';
COMMENT ON COLUMN room_log.head IS 'Hash chain over the log up to and with this entry.';
COMMENT ON COLUMN room_log.entry IS 'The FanoutMessage, exact bytes.';
-- Replaying a group reads handshakes only.
CREATE INDEX room_log_handshakes ON room_log (room_id, seq) WHERE kind <> 1;

CREATE TABLE cursors (
    room_id    bigint  NOT NULL REFERENCES rooms,
    device_id  bigint  NOT NULL REFERENCES devices,
    from_seq   bigint  NOT NULL,
    from_epoch bigint  NOT NULL,
    to_seq     bigint,
    leaving    boolean NOT NULL DEFAULT false,
    position   bigint  NOT NULL,
    PRIMARY KEY (room_id, device_id)
) WITH (fillfactor = 70);
-- The position has no index, so that moving it stays on the page (HOT).
CREATE INDEX cursors_device ON cursors (device_id);
COMMENT ON TABLE cursors IS 'A device of this server as a reader of a log; open while the device is in the group.';
COMMENT ON COLUMN cursors.room_id IS 'The room.';
COMMENT ON COLUMN cursors.device_id IS 'The reader.';
COMMENT ON COLUMN cursors.from_seq IS 'First entry it may read.';
COMMENT ON COLUMN cursors.from_epoch IS 'First epoch whose tree it may read.';
COMMENT ON COLUMN cursors.to_seq IS 'Last entry it may read: the commit that removed it. Null while open.';
COMMENT ON COLUMN cursors.leaving IS 'A pending proposal removes it: it may read, not send.';
COMMENT ON COLUMN cursors.position IS 'Last entry it acknowledged; written at most once a second.';

CREATE TABLE welcomes (
    room_id              bigint  NOT NULL REFERENCES rooms,
    seq                  bigint  NOT NULL,
    suite                integer NOT NULL,
    epoch                bigint  NOT NULL,
    encrypted_group_info bytea   NOT NULL,
    PRIMARY KEY (room_id, seq)
);
ALTER TABLE welcomes ALTER COLUMN encrypted_group_info SET STORAGE EXTERNAL;
COMMENT ON TABLE welcomes IS 'The part of a Welcome its recipients share; gone when the last has it.';
COMMENT ON COLUMN welcomes.room_id IS 'The room.';
COMMENT ON COLUMN welcomes.seq IS 'Its commit in the log.';
COMMENT ON COLUMN welcomes.suite IS 'Cipher suite of the Welcome.';
COMMENT ON COLUMN welcomes.epoch IS 'The epoch it opens.';
COMMENT ON COLUMN welcomes.encrypted_group_info IS 'As in the Welcome.';

CREATE TABLE inbox (
    device_id bigint NOT NULL REFERENCES devices,
    inbox_id  bigint GENERATED ALWAYS AS IDENTITY,
    room_id   bigint NOT NULL,
    seq       bigint NOT NULL,
    secret    bytea  NOT NULL,
    PRIMARY KEY (device_id, inbox_id),
    FOREIGN KEY (room_id, seq) REFERENCES welcomes
);
CREATE INDEX inbox_welcome ON inbox (room_id, seq);
COMMENT ON TABLE inbox IS 'What is addressed to one device. A row is gone once the device acknowledged it.';
COMMENT ON COLUMN inbox.device_id IS 'The addressee.';
COMMENT ON COLUMN inbox.inbox_id IS 'Grows per device in commit order (writers lock the device).';
COMMENT ON COLUMN inbox.room_id IS 'Room of the Welcome.';
COMMENT ON COLUMN inbox.seq IS 'Commit of the Welcome.';
COMMENT ON COLUMN inbox.secret IS 'Its own EncryptedGroupSecrets, cut out of the Welcome.';

CREATE TABLE snapshots (
    room_id bigint NOT NULL REFERENCES rooms,
    seq     bigint NOT NULL,
    epoch   bigint NOT NULL,
    bytes   bytea  NOT NULL,
    PRIMARY KEY (room_id, seq)
);
COMMENT ON TABLE snapshots IS 'The public group as it stood after an entry; a later state is a snapshot and the handshakes since.';
COMMENT ON COLUMN snapshots.room_id IS 'The room.';
COMMENT ON COLUMN snapshots.seq IS 'The commit it follows, 0 for the group as created.';
COMMENT ON COLUMN snapshots.epoch IS 'Epoch it stands at.';
COMMENT ON COLUMN snapshots.bytes IS 'The group, in the form of the mls crate.';
