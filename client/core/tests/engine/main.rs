//! The engine against a hub in the same process: real keys, real groups, a real encrypted store;
//! only the network is missing. What the network can do to a client (lose an answer, be away, let
//! somebody else be faster, lie) is done here on purpose.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod answers;
mod any_frame;
mod clocks;
mod conversation;
mod crashes;
mod device_lists;
mod each_room;
mod foreign;
mod hand;
mod heal;
mod heal_state;
mod hub;
mod lies;
mod lying_hub;
mod membership;
mod missing;
mod naming;
mod new_keys;
mod numbers;
mod of_one;
mod older_copy;
mod person;
mod pins;
mod races;
mod rejoin;
mod rooms;
mod said_done;
mod siblings;
mod sweeps;
mod taken_off;
mod told_pins;
mod tricks;
mod two_commits;
mod welcomes;
