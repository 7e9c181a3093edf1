//! Operations on rooms.

use grove_wire::api::rooms::{RoomCreated, RoomList, UserRooms};
use grove_wire::limits::{
    MAX_REQUEST_BODY_BYTES, MAX_ROOM_BODY_BYTES, MAX_SUBMIT_BODY_BYTES, MAX_UPDATE_BODY_BYTES,
};
use grove_wire::problem::ProblemType as P;
use grove_wire::uri::{RoomSegment, UserSegment};

use super::operation::{Operation, get, post};

pub(super) fn operations() -> Vec<Operation> {
    let mut all = looking();
    all.extend(changing());
    all
}

fn looking() -> Vec<Operation> {
    vec![
        get("/v1/rooms", "listRooms")
            .does("rooms", "Lists the rooms this device is in")
            .gives::<RoomList>("The rooms, and how far the device has each."),
        get("/v1/user-rooms", "listUserRooms")
            .does("rooms", "Lists the rooms hosted here on whose list the user stands")
            .query::<RoomSegment>("after", "Only rooms after this one.")
            .gives::<UserRooms>("One page, in the order of their URIs."),
        of_room(get("/v1/rooms/{room}/tree/{epoch}", "showTree"))
            .does("rooms", "Gives the ratchet tree of an epoch this device may know, and the confirmation tag that its members share")
            .segment::<u64>("epoch", "The epoch.")
            .gives_bytes("An `EpochTree`: `opaque confirmation_tag<V>` (RFC 9420, section 8.1), then the ratchet tree (`optional<Node> ratchet_tree<V>`, section 12.4.3.3)."),
        of_room(get("/v1/rooms/{room}/log", "readLog"))
            .does("rooms", "Gives entries of a room's log, from the one that admitted this device on")
            .query::<u64>("after", "Only entries after this one; 0 if left out.")
            .query::<u64>("limit", "At most so many entries; never more than 1000.")
            .gives_bytes(
                "`ServerFrame`s back to back. One `Expired` frame if the next entry is gone for its age.",
            ),
    ]
}

fn changing() -> Vec<Operation> {
    let changes = [
        P::CommitRefused,
        P::LeafOutdated,
        P::NotAllowed,
        P::NotMls,
        P::WrongEpoch,
    ];
    vec![
        post("/v1/rooms", "createRoom")
            .does("rooms", "Makes a room")
            .notes("Its creator is its only member. The same request by the same device has the same answer.")
            .takes_bytes(
                "`CreateRoomRequest`: creation record, GroupInfo, ratchet tree.",
                MAX_ROOM_BODY_BYTES,
            )
            .gives::<RoomCreated>("The room was made.")
            .refuses(&[P::CommitRefused, P::Conflict, P::LeafOutdated]),
        post("/v1/keyMaterial/{target_user}", "claimKeyMaterial")
            .does("rooms", "Claims a KeyPackage for each device of a user")
            .segment::<UserSegment>("target_user", "The user.")
            .takes_bytes("`KeyMaterialRequest`, signed by the device.", MAX_REQUEST_BODY_BYTES)
            .gives_bytes(
                "`KeyMaterialResponse`. The asking device itself is left out when the user is its own.",
            )
            .refuses(&[P::NotAllowed, P::NotFound]),
        of_room(post("/v1/groupInfo/{room}", "showGroupInfo"))
            .does("rooms", "Gives what is needed to join by an external commit")
            .takes_bytes("`GroupInfoRequest`, signed by the joiner.", MAX_REQUEST_BODY_BYTES)
            .gives_bytes("`GroupInfoResponse`, encrypted to the joiner.")
            .refuses(&[P::NotAllowed]),
        of_room(post("/v1/update/{room}", "update"))
            .does("rooms", "Hands in a commit, or proposals")
            .notes(
                "A commit comes with its Welcome and GroupInfo and names its tree as `distributionService`. Its author, too, \
                 applies it only when it comes back in the log. The same bytes again have the first answer.",
            )
            .takes_bytes("`UpdateRequest`.", MAX_UPDATE_BODY_BYTES)
            .gives_receipt("`UpdateRoomResponse`.")
            .refuses(&changes),
        of_room(post("/v1/submitMessage/{room}", "submitMessage"))
            .does("rooms", "Hands in an application message")
            .notes(
                "It must be sealed in the room's current epoch. The same bytes again, at any time and from any epoch, have \
                 the first answer.",
            )
            .takes_bytes("`SubmitMessageRequest`.", MAX_SUBMIT_BODY_BYTES)
            .gives_receipt("`SubmitMessageResponse`.")
            .refuses(&[P::NotAllowed, P::NotMls, P::WrongEpoch]),
    ]
}

fn of_room(operation: Operation) -> Operation {
    operation
        .segment::<RoomSegment>("room", "The room.")
        .refuses(&[P::NotFound])
}
