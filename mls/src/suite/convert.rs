//! Between the exact bytes of `grove-wire` and the types of OpenMLS.
//!
//! Must not decide anything: what is converted is thereby decoded, nothing more.
//!
//! The surprise: both sides have walked the bytes by their own rules. If they disagree where a
//! message ends, it is refused here, before either has acted on it.

use grove_wire::codec::{self, Opaque};
use grove_wire::limits::MAX_CONFIRMATION_TAG_BYTES;
use grove_wire::mls as wire;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{
    ConfirmationTag, KeyPackageIn, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, ProtocolMessage,
    PublicMessageIn, RatchetTreeIn, Welcome,
};
use openmls::treesync::RatchetTree;
use tls_codec::{Deserialize, Serialize};

use super::MlsError;

pub(crate) fn decode<T: Deserialize>(bytes: &[u8]) -> Result<T, MlsError> {
    let mut rest = bytes;
    let value = T::tls_deserialize(&mut rest).map_err(MlsError::of)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(MlsError::text("bytes are left over"))
    }
}

pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, MlsError> {
    value.tls_serialize_detached().map_err(MlsError::of)
}

fn body(message: &wire::MlsMessage) -> Result<MlsMessageBodyIn, MlsError> {
    Ok(decode::<MlsMessageIn>(message.as_bytes())?.extract())
}

/// A message of a group, public or private.
pub(crate) fn protocol_message(message: &wire::MlsMessage) -> Result<ProtocolMessage, MlsError> {
    match body(message)? {
        MlsMessageBodyIn::PublicMessage(public) => Ok(public.into()),
        MlsMessageBodyIn::PrivateMessage(private) => Ok(private.into()),
        _ => Err(MlsError::text("not a message of a group")),
    }
}

/// A handshake, which in our rooms is public.
pub(crate) fn public_message(message: &wire::MlsMessage) -> Result<PublicMessageIn, MlsError> {
    match body(message)? {
        MlsMessageBodyIn::PublicMessage(public) => Ok(public),
        _ => Err(MlsError::text("not a public message")),
    }
}

pub(crate) fn welcome(welcome: &wire::Welcome) -> Result<Welcome, MlsError> {
    match body(&wire::MlsMessage::from_welcome(welcome))? {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err(MlsError::text("not a Welcome")),
    }
}

pub(crate) fn group_info(group_info: &wire::GroupInfo) -> Result<VerifiableGroupInfo, MlsError> {
    decode(group_info.as_bytes())
}

pub(crate) fn ratchet_tree(tree: &wire::RatchetTree) -> Result<RatchetTreeIn, MlsError> {
    decode(tree.as_bytes())
}

pub(crate) fn key_package(key_package: &wire::KeyPackage) -> Result<KeyPackageIn, MlsError> {
    decode(key_package.as_bytes())
}

/// What OpenMLS made, as it goes out.
pub(crate) fn to_message(message: &MlsMessageOut) -> Result<wire::MlsMessage, MlsError> {
    wire::MlsMessage::from_bytes(encode(message)?).map_err(MlsError::of)
}

pub(crate) fn confirmation_tag(
    tag: &ConfirmationTag,
) -> Result<Opaque<MAX_CONFIRMATION_TAG_BYTES>, MlsError> {
    codec::decode(&encode(tag)?).map_err(MlsError::of)
}

pub(crate) fn to_ratchet_tree(tree: &RatchetTree) -> Result<wire::RatchetTree, MlsError> {
    wire::RatchetTree::from_bytes(encode(tree)?).map_err(MlsError::of)
}

pub(crate) fn to_group_info(group_info: &impl Serialize) -> Result<wire::GroupInfo, MlsError> {
    wire::GroupInfo::from_bytes(encode(group_info)?).map_err(MlsError::of)
}
