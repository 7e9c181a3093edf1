//! Operations by which a device hears what happened.

use utoipa::openapi::ResponseBuilder;

use super::super::client::{MAX_CLIENT_FRAME_BYTES, MAX_WAIT, WAIT};
use super::operation::{Operation, get, post};

pub(super) fn operations() -> Vec<Operation> {
    let switching = ResponseBuilder::new().description(
        "A WebSocket of binary messages: `ServerFrame`s down, `ClientFrame`s up. Closed with 4000 when the device opens \
         another, with 4001 when its session has ended.",
    );
    vec![
        get("/v1/events", "openEvents")
            .does(
                "events",
                "Opens a WebSocket that tells what happens, from the device's positions on",
            )
            .notes("Without the headers of a WebSocket it is refused as malformed.")
            .refuses(&[grove_wire::problem::ProblemType::Malformed])
            .answers("101", switching.build()),
        with_wait(get("/v1/poll", "poll"))
            .does("events", "Waits for the frames a WebSocket would bring")
            .gives_bytes("`ServerFrame`s back to back; none if nothing happened."),
        post("/v1/acks", "acknowledge")
            .does("events", "Says what this device has stored")
            .notes("Cumulative: everything up to there. It never comes again.")
            .takes_bytes("`ClientFrame`.", MAX_CLIENT_FRAME_BYTES)
            .gives_nothing(),
    ]
}

/// How long an operation waits.
pub(super) fn with_wait(operation: Operation) -> Operation {
    let (usual, most) = (WAIT.as_secs(), MAX_WAIT.as_secs());
    let description = format!("Seconds to wait, at most {most}; {usual} if left out.");
    operation.query::<u64>("wait_s", &description)
}
