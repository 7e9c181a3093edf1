-- What has outlived its time goes: the bytes of old entries, and what nobody comes for any more.
-- Times are bigint milliseconds since the Unix epoch.

-- The rest of an entry's row stays for ever: (room_id, message_hash) finds repeats, head carries the chain.
ALTER TABLE room_log ALTER COLUMN entry DROP NOT NULL;
COMMENT ON COLUMN room_log.entry IS 'The FanoutMessage, exact bytes; null once it has outlived its time.';

-- The marks of the sweep. It reads on from them and never looks at the same entry twice.
ALTER TABLE room_states
    ADD COLUMN messages_swept   bigint NOT NULL DEFAULT 0,
    ADD COLUMN handshakes_swept bigint NOT NULL DEFAULT 0,
    ADD COLUMN gone_seq         bigint NOT NULL DEFAULT 0,
    ADD COLUMN sweep_at         bigint NOT NULL DEFAULT 0;
-- A room is looked at about once a day; finding the next one reads this index from its beginning.
CREATE INDEX room_states_by_sweep ON room_states (sweep_at);
COMMENT ON COLUMN room_states.messages_swept   IS 'No application entry up to here has its bytes.';
COMMENT ON COLUMN room_states.handshakes_swept IS 'No handshake up to here has its bytes.';
COMMENT ON COLUMN room_states.gone_seq         IS 'The last entry without its bytes: what comes after it can be read.';
COMMENT ON COLUMN room_states.sweep_at         IS 'When the sweep looks at the room next.';

-- Those whose devices are out of the room: few, and the position still has no index.
CREATE INDEX cursors_closed ON cursors (room_id, to_seq) WHERE to_seq IS NOT NULL;

CREATE TABLE retention_clock (
    only_row   boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    -- mutable
    seen_at    bigint   NOT NULL,
    gap_begins bigint[] NOT NULL,
    gap_ends   bigint[] NOT NULL
);
COMMENT ON TABLE  retention_clock            IS 'Which time counts for the age of things: time in which they could have been fetched.';
COMMENT ON COLUMN retention_clock.only_row   IS 'Keeps the table at one row.';
COMMENT ON COLUMN retention_clock.seen_at    IS 'What the clock showed at the end of the last sweep.';
COMMENT ON COLUMN retention_clock.gap_begins IS 'Where each stretch begins that does not count, oldest first: the server was down, or the clock was set.';
COMMENT ON COLUMN retention_clock.gap_ends   IS 'Where each of them ends.';
