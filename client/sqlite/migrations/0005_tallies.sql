-- How many messages of each client were accepted, as far as is known: what is missing shows by it.

CREATE TABLE tallies (
    room   TEXT NOT NULL,
    client TEXT NOT NULL,
    sent   INTEGER NOT NULL,
    PRIMARY KEY (room, client)
) STRICT, WITHOUT ROWID;
