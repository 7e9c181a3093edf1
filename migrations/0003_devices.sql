-- Many devices: links by which a new one meets an old one, when each was last seen, the rooms of a user, and the
-- server's secret key, so that a dump of this database is all of the server.
-- Times are bigint milliseconds since the Unix epoch.

ALTER TABLE server_identity ADD COLUMN server_seed bytea CHECK (octet_length(server_seed) = 32);
COMMENT ON COLUMN server_identity.server_key  IS 'Public Ed25519 key of the server.';
COMMENT ON COLUMN server_identity.server_seed IS 'Secret half of server_key; null until the key file of an older data directory is imported.';

ALTER TABLE devices ADD COLUMN last_seen_at bigint;
COMMENT ON COLUMN devices.last_seen_at IS 'When it last showed a session, written at most once an hour; null: not since this is kept.';

-- A user's rooms, whichever of their devices are in them.
CREATE INDEX room_participants_by_user ON room_participants (user_uri, room_id);

CREATE TABLE links (
    link        bytea    PRIMARY KEY CHECK (octet_length(link) = 16),
    token_hash  bytea    NOT NULL CHECK (octet_length(token_hash) = 32),
    created_at  bigint   NOT NULL,
    expires_at  bigint   NOT NULL,
    -- mutable
    phase       smallint NOT NULL CHECK (phase BETWEEN 1 AND 5),
    answered_by bigint   REFERENCES devices,
    answer      bytea,
    reveal      bytea,
    package     bytea
);
CREATE INDEX links_by_expiry ON links (expires_at);
CREATE INDEX links_by_device ON links (answered_by) WHERE answered_by IS NOT NULL;
-- What lies here is sealed or random.
ALTER TABLE links ALTER COLUMN package SET STORAGE EXTERNAL;
COMMENT ON TABLE  links             IS 'Where a new device and an old one of the same user meet, for ten minutes. The server understands nothing of what they leave.';
COMMENT ON COLUMN links.link        IS 'Random name of the link; the new device shows it to the old one.';
COMMENT ON COLUMN links.token_hash  IS 'SHA-256 of the new device''s bearer token; the token itself is stored nowhere.';
COMMENT ON COLUMN links.created_at  IS 'When it was opened.';
COMMENT ON COLUMN links.expires_at  IS 'From when on it is not there any more.';
COMMENT ON COLUMN links.phase       IS '1 open, 2 answered, 3 revealed, 4 sealed, 5 cancelled.';
COMMENT ON COLUMN links.answered_by IS 'The old device; null until one has answered.';
COMMENT ON COLUMN links.answer      IS 'What the old device answered; null before, and once cancelled.';
COMMENT ON COLUMN links.reveal      IS 'What the new device revealed; null before, and once cancelled.';
COMMENT ON COLUMN links.package     IS 'What the old device sealed for the new one; null before, and once cancelled.';
