-- Receipts that hubs signed, and proofs that they signed two contents for one place.

CREATE TABLE receipts (
    room    TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    receipt BLOB NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    room   TEXT NOT NULL,
    time   INTEGER NOT NULL, -- when it was found
    bytes  BLOB NOT NULL UNIQUE
) STRICT;

ALTER TABLE rooms DROP COLUMN stop_ours;
ALTER TABLE rooms ADD COLUMN stop TEXT CHECK (stop IN ('fork', 'sibling', 'withheld')); -- why nothing is sent
