-- Accounts: who has a place on this server, with which devices, and what those devices left here for others.
-- Times are bigint milliseconds since the Unix epoch.

CREATE TABLE server_identity (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    domain     text    NOT NULL,
    server_key bytea   NOT NULL CHECK (octet_length(server_key) = 32),
    created_at bigint  NOT NULL
);
COMMENT ON TABLE  server_identity            IS 'Whose database this is; groved refuses to start on another''s.';
COMMENT ON COLUMN server_identity.only_row   IS 'Keeps the table at one row.';
COMMENT ON COLUMN server_identity.domain     IS 'Domain of every user here, as an A-label in lower case.';
COMMENT ON COLUMN server_identity.server_key IS 'Public Ed25519 key of the server; the secret half lies in the data directory.';
COMMENT ON COLUMN server_identity.created_at IS 'When groved first started on this database.';

CREATE TABLE users (
    user_id             bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                text    NOT NULL UNIQUE,
    created_at          bigint  NOT NULL,
    -- mutable
    device_list_version bigint  NOT NULL,
    disabled_at         bigint
);
COMMENT ON TABLE  users                     IS 'People with an account on this server.';
COMMENT ON COLUMN users.user_id             IS 'Surrogate key; never leaves the server.';
COMMENT ON COLUMN users.name                IS 'Local part of the user URI; the domain is the server''s. Never given to another user again.';
COMMENT ON COLUMN users.created_at          IS 'When the account was registered.';
COMMENT ON COLUMN users.device_list_version IS 'Version of the newest row in device_lists.';
COMMENT ON COLUMN users.disabled_at         IS 'Since when the operator lets no session of this user open; null: not disabled.';

CREATE TABLE device_lists (
    user_id     bigint NOT NULL REFERENCES users,
    version     bigint NOT NULL CHECK (version > 0),
    list        bytea  NOT NULL,
    received_at bigint NOT NULL,
    PRIMARY KEY (user_id, version)
);
COMMENT ON TABLE  device_lists             IS 'Every signed device list of every user: a hash chain, never changed, only grown.';
COMMENT ON COLUMN device_lists.user_id     IS 'Whose list.';
COMMENT ON COLUMN device_lists.version     IS 'As stated in the list; 1, 2, 3 without gaps.';
COMMENT ON COLUMN device_lists.list        IS 'The signed bytes exactly as received.';
COMMENT ON COLUMN device_lists.received_at IS 'When the server accepted it.';

CREATE TABLE devices (
    device_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       bigint NOT NULL REFERENCES users,
    client        text   NOT NULL UNIQUE,
    signature_key bytea  NOT NULL UNIQUE CHECK (octet_length(signature_key) = 32),
    added_at      bigint NOT NULL,
    -- mutable
    revoked_at    bigint
);
CREATE INDEX devices_by_user ON devices (user_id);
COMMENT ON TABLE  devices               IS 'Devices of users, as the newest device list of each names them.';
COMMENT ON COLUMN devices.device_id     IS 'Surrogate key; never leaves the server.';
COMMENT ON COLUMN devices.user_id       IS 'Whose device.';
COMMENT ON COLUMN devices.client        IS 'Client URI.';
COMMENT ON COLUMN devices.signature_key IS 'Ed25519 key of the device: opens sessions and signs its leaves.';
COMMENT ON COLUMN devices.added_at      IS 'When the server first saw it in a list.';
COMMENT ON COLUMN devices.revoked_at    IS 'When a list first marked it revoked; null: active. Never undone.';

CREATE TABLE sessions (
    session_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id  bigint NOT NULL REFERENCES devices,
    token_hash bytea  NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX sessions_by_device ON sessions (device_id, session_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
COMMENT ON TABLE  sessions            IS 'Open sessions; an ended one is deleted.';
COMMENT ON COLUMN sessions.session_id IS 'Surrogate key; larger is younger.';
COMMENT ON COLUMN sessions.device_id  IS 'The device that proved its key.';
COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the bearer token; the token itself is stored nowhere.';
COMMENT ON COLUMN sessions.created_at IS 'When it was opened.';
COMMENT ON COLUMN sessions.expires_at IS 'When it ends by itself.';

CREATE TABLE invites (
    invite_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea  NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    uses       int    NOT NULL CHECK (uses > 0),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    -- mutable
    uses_left  int    NOT NULL CHECK (uses_left BETWEEN 0 AND uses),
    revoked_at bigint
);
COMMENT ON TABLE  invites            IS 'Tokens that let somebody register.';
COMMENT ON COLUMN invites.invite_id  IS 'Number by which the operator names it.';
COMMENT ON COLUMN invites.token_hash IS 'SHA-256 of the token; the token itself is stored nowhere.';
COMMENT ON COLUMN invites.uses       IS 'How many accounts it was made for.';
COMMENT ON COLUMN invites.created_at IS 'When the operator made it.';
COMMENT ON COLUMN invites.expires_at IS 'From when on it is worth nothing.';
COMMENT ON COLUMN invites.uses_left  IS 'How many accounts may still be registered with it.';
COMMENT ON COLUMN invites.revoked_at IS 'When the operator revoked it; null: not revoked.';

CREATE TABLE key_packages (
    key_package_id bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id      bigint  NOT NULL REFERENCES devices,
    suite          int     NOT NULL,
    last_resort    boolean NOT NULL,
    reference      bytea   NOT NULL UNIQUE,
    not_after      bigint  NOT NULL,
    key_package    bytea   NOT NULL,
    uploaded_at    bigint  NOT NULL
);
CREATE INDEX key_packages_pool ON key_packages (device_id, suite, key_package_id) WHERE NOT last_resort;
CREATE UNIQUE INDEX key_packages_last_resort ON key_packages (device_id, suite) WHERE last_resort;
CREATE INDEX key_packages_by_expiry ON key_packages (not_after);
COMMENT ON TABLE  key_packages                IS 'KeyPackages waiting to be claimed: one pool per device and cipher suite.';
COMMENT ON COLUMN key_packages.key_package_id IS 'Surrogate key; the oldest of a pool is claimed first.';
COMMENT ON COLUMN key_packages.device_id      IS 'Whose KeyPackage.';
COMMENT ON COLUMN key_packages.suite          IS 'MLS cipher suite.';
COMMENT ON COLUMN key_packages.last_resort    IS 'True: handed out, again and again, when the pool is empty; at most one per device and suite.';
COMMENT ON COLUMN key_packages.reference      IS 'KeyPackageRef (RFC 9420, section 5.2).';
COMMENT ON COLUMN key_packages.not_after      IS 'End of its lifetime.';
COMMENT ON COLUMN key_packages.key_package    IS 'The bare KeyPackage, TLS-encoded.';
COMMENT ON COLUMN key_packages.uploaded_at    IS 'When the device left it here.';

CREATE TABLE key_package_claims (
    room        text    NOT NULL,
    reference   bytea   NOT NULL,
    device_id   bigint  NOT NULL REFERENCES devices,
    last_resort boolean NOT NULL,
    claimed_at  bigint  NOT NULL,
    PRIMARY KEY (room, reference)
);
CREATE INDEX key_package_claims_by_age ON key_package_claims (claimed_at);
COMMENT ON TABLE  key_package_claims             IS 'Which KeyPackages were handed out for which room, so that a Welcome finds its device.';
COMMENT ON COLUMN key_package_claims.room        IS 'Room URI named in the claim; the room need not be hosted here.';
COMMENT ON COLUMN key_package_claims.reference   IS 'KeyPackageRef.';
COMMENT ON COLUMN key_package_claims.device_id   IS 'Whose KeyPackage it was.';
COMMENT ON COLUMN key_package_claims.last_resort IS 'True if the pool was empty and the last-resort KeyPackage was handed out.';
COMMENT ON COLUMN key_package_claims.claimed_at  IS 'When it was last handed out for this room.';
