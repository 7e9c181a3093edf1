//! Operations by which a device comes to an account: linking, and recovery.

use grove_wire::api::Base64Url;
use grove_wire::api::devices::DeviceListBody;
use grove_wire::api::links::{LinkBytes, LinkOpened, LinkPhase, LinkState};
use grove_wire::api::recoveries::{RecoveryLookup, RecoveryRequest};
use grove_wire::limits::MAX_LINK_ID_BYTES;
use grove_wire::problem::ProblemType as P;

use super::events::with_wait;
use super::operation::{Caller, Operation, delete, get, post, put};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/links", "openLink")
            .does("links", "Opens a link, for a device that has nothing yet")
            .notes("It ends by itself after ten minutes. There is room for a thousand.")
            .by(Caller::Anybody)
            .gives::<LinkOpened>("The link and the newcomer's token."),
        with_wait(of_link(get("/v1/links/{link}", "lookAtLink")))
            .does("links", "Waits for a link to enter another phase")
            .notes(
                "By the link's token or by a session: until one has answered any device may look, from then on that one only. \
                 The package is shown to the newcomer only.",
            )
            .by(Caller::SessionOrNewcomer)
            .query::<LinkPhase>("seen", "Answer at once unless the link is in this phase.")
            .gives::<LinkState>("The link as it stands, changed or not."),
        of_link(put("/v1/links/{link}/answer", "answerLink"))
            .does("links", "Answers a newcomer; the first device to do so has the link for good")
            .takes::<LinkBytes>()
            .gives_nothing()
            .refuses(&[P::Conflict]),
        of_link(put("/v1/links/{link}/reveal", "revealOnLink"))
            .does("links", "Reveals what the newcomer had committed to")
            .by(Caller::Newcomer)
            .takes::<LinkBytes>()
            .gives_nothing()
            .refuses(&[P::Conflict]),
        of_link(put("/v1/links/{link}/package", "sealLink"))
            .does("links", "Leaves the sealed package; by the device that answered")
            .takes::<LinkBytes>()
            .gives_nothing()
            .refuses(&[P::Conflict]),
        of_link(delete("/v1/links/{link}", "cancelLink"))
            .does("links", "Cancels a link, for ever; either side may")
            .notes("A newcomer that has its package ends the link by this, and nothing of it is left.")
            .by(Caller::SessionOrNewcomer)
            .gives_nothing(),
        post("/v1/recoveries/lookup", "lookUpForRecovery")
            .does("links", "Gives the newest device list of a user to the holder of the recovery key")
            .notes("Unknown users and wrong signatures have the same answer.")
            .by(Caller::Anybody)
            .takes::<RecoveryLookup>()
            .gives::<DeviceListBody>("The list, as it was signed.")
            .refuses(&[P::Unauthenticated]),
        post("/v1/recoveries", "recover")
            .does("links", "Puts the next device list in place of the newest, on the word of the recovery key")
            .notes("The list must be of the next identity, which the recovery key has certified.")
            .by(Caller::Anybody)
            .takes::<RecoveryRequest>()
            .gives_nothing()
            .refuses(&[P::Conflict, P::IdentityInvalid, P::NotAllowed]),
    ]
}

fn of_link(operation: Operation) -> Operation {
    let description = format!("The link's id: {MAX_LINK_ID_BYTES} bytes.");
    operation
        .segment::<Base64Url>("link", &description)
        .refuses(&[P::NotFound])
}
