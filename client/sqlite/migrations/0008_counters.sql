-- A message of somebody who only uses a client's name uses up none of its counters: it has 0.

DROP INDEX messages_counter;
CREATE UNIQUE INDEX messages_counter ON messages (room, client, counter) WHERE counter > 0;
