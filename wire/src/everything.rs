//! Every decoder at once, for fuzzing.

use tls_codec::{Deserialize, Serialize};

use crate::api::events::{ClientFrame, ServerFrame};
use crate::api::rooms::{CreateRoomRequest, EpochTree};
use crate::codec::{Skippable, decode, encode};
use crate::invite::InviteLink;
use crate::mimi::franking::{
    Frank, FrankAad, FrankingAgentData, FrankingIntegrityTbs, SafeAad, ServerFrankingContext,
};
use crate::mimi::group_info::{GroupInfoRatchetTreeTbe, GroupInfoRequest, GroupInfoResponse};
use crate::mimi::identifier_query::IdentifierResponse;
use crate::mimi::key_material::{KeyMaterialRequest, KeyMaterialResponse};
use crate::mimi::notify::FanoutMessage;
use crate::mimi::room::{
    AppDataUpdate, BaseRoomPolicy, ParticipantListData, ParticipantListUpdate, RoleData,
    RoomMetaData,
};
use crate::mimi::submit_message::{SubmitMessageRequest, SubmitMessageResponse};
use crate::mimi::update::{UpdateRequest, UpdateRoomResponse};
use crate::mls::{GroupInfo, KeyPackage, MlsMessage, RatchetTree, Welcome};
use crate::uri::{ClientUri, IdentifierUri, Provider, RoomUri, UserUri};

/// Runs every decoder of this crate over the same bytes and reads everything that can be read from
/// what they accept. Nothing comes back: the property under test is that it returns, without panic
/// and without more memory than a small multiple of the input.
pub fn decode_everything(bytes: &[u8]) {
    std::hint::black_box(is_canonical(bytes));
}

/// Whether every value that some decoder reads from these bytes encodes back to exactly them.
/// [`UpdateRoomResponse`] is left out: it drops descriptions that nobody reads.
pub(crate) fn is_canonical(bytes: &[u8]) -> bool {
    messages(bytes) & bodies(bytes) & components(bytes) & uris(bytes)
}

fn messages(bytes: &[u8]) -> bool {
    if let Ok(message) = decode::<MlsMessage>(bytes) {
        std::hint::black_box((
            message.outside(),
            message.group_info(),
            message.key_package(),
            message.welcome(),
        ));
    }
    if let Ok(welcome) = decode::<Welcome>(bytes) {
        std::hint::black_box((welcome.split(), welcome.recipients(), welcome.entry_for(0)));
    }
    if let Ok(group_info) = decode::<GroupInfo>(bytes) {
        std::hint::black_box((
            group_info.head().extension(0),
            group_info.head().context_extension(0),
        ));
    }
    same::<GroupInfo>(bytes)
        & same::<KeyPackage>(bytes)
        & same::<MlsMessage>(bytes)
        & same::<RatchetTree>(bytes)
        & same::<Welcome>(bytes)
}

fn bodies(bytes: &[u8]) -> bool {
    std::hint::black_box((
        decode::<UpdateRoomResponse>(bytes).is_ok(),
        FanoutMessage::decode_all(bytes).is_ok(),
        ServerFrame::decode_all(bytes).is_ok(),
    ));
    same::<ClientFrame>(bytes)
        & same::<CreateRoomRequest>(bytes)
        & same::<EpochTree>(bytes)
        & same::<FanoutMessage>(bytes)
        & same::<GroupInfoRatchetTreeTbe>(bytes)
        & same::<GroupInfoRequest>(bytes)
        & same::<GroupInfoResponse>(bytes)
        & same::<IdentifierResponse>(bytes)
        & same::<KeyMaterialRequest>(bytes)
        & same::<KeyMaterialResponse>(bytes)
        & same::<Skippable<ServerFrame>>(bytes)
        & same::<SubmitMessageRequest>(bytes)
        & same::<SubmitMessageResponse>(bytes)
        & same::<UpdateRequest>(bytes)
}

fn components(bytes: &[u8]) -> bool {
    same::<AppDataUpdate>(bytes)
        & same::<BaseRoomPolicy>(bytes)
        & same::<Frank>(bytes)
        & same::<FrankAad>(bytes)
        & same::<FrankingAgentData>(bytes)
        & same::<FrankingIntegrityTbs>(bytes)
        & same::<ParticipantListData>(bytes)
        & same::<ParticipantListUpdate>(bytes)
        & same::<RoleData>(bytes)
        & same::<RoomMetaData>(bytes)
        & same::<SafeAad>(bytes)
        & same::<ServerFrankingContext>(bytes)
}

fn uris(bytes: &[u8]) -> bool {
    if let Ok(text) = std::str::from_utf8(bytes) {
        std::hint::black_box((
            ClientUri::parse(text).is_ok(),
            IdentifierUri::parse(text).is_ok(),
            InviteLink::parse(text).is_ok(),
            Provider::parse(text).is_ok(),
            RoomUri::parse(text).is_ok(),
            UserUri::parse(text).is_ok(),
        ));
    }
    same::<ClientUri>(bytes)
        & same::<IdentifierUri>(bytes)
        & same::<Provider>(bytes)
        & same::<RoomUri>(bytes)
        & same::<UserUri>(bytes)
}

/// Whether the bytes are refused, or are the one encoding of what they decode to.
fn same<T: Deserialize + Serialize>(bytes: &[u8]) -> bool {
    match decode::<T>(bytes) {
        Ok(value) => encode(&value).is_ok_and(|again| again == bytes),
        Err(_refused) => true,
    }
}

#[cfg(test)]
mod tests;
