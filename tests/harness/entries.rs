//! What stands in frames, entries and bodies, taken apart and put together without a client.

use grove_mls::content::MimiContent;
use grove_mls::member::{ReceiveError, Received};
use grove_wire::api::events::ServerFrame;
use grove_wire::codec;
use grove_wire::mimi::Protocol;
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mimi::submit_message::SubmitMessageRequest;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{RoomUri, UserUri};

/// The entries of a room in frames that stand back to back.
pub fn entries_of(frames: &[u8], wanted: &RoomUri) -> Vec<(u64, FanoutMessage)> {
    let mut found = Vec::new();
    for frame in ServerFrame::decode_all(frames).expect("frames").known {
        if let ServerFrame::Log {
            room,
            first_seq,
            entries,
            ..
        } = frame
            && room == *wanted
        {
            let decoded = entries
                .iter()
                .map(|entry| codec::decode(entry.as_bytes()).expect("an entry"));
            found.extend((first_seq..).zip(decoded));
        }
    }
    found
}

/// All messages of an entry.
pub fn messages(entry: &FanoutMessage) -> Vec<MlsMessage> {
    let mut messages = vec![entry.message.clone()];
    if let FanoutTail::Proposal { more_proposals } = &entry.tail {
        messages.extend(more_proposals.iter().cloned());
    }
    messages
}

/// The text of an application message that was opened.
pub fn text_of(received: &Result<Received, ReceiveError>) -> Option<String> {
    let Ok(Received::Application { data, .. }) = received else {
        return None;
    };
    MimiContent::decode(data).ok()?.as_text().map(str::to_owned)
}

/// The body that hands a message in.
pub fn submit_body(message: &MlsMessage, sender: &UserUri) -> Vec<u8> {
    let request = SubmitMessageRequest {
        protocol: Protocol::Mls10,
        app_message: message.clone(),
        sending_uri: sender.clone(),
    };
    codec::encode(&request).expect("a body")
}

/// Random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes
}

/// A PrivateMessage as it looks from outside, with so many sealed bytes, 64 at least. Its
/// authenticated data is the byte [`SAFE_AAD_AT`]: an empty Safe AAD.
pub fn private_message(room: &RoomUri, epoch: u64, content_type: u8, length: u32) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 2, 32];
    bytes.extend_from_slice(&room.hash());
    bytes.extend_from_slice(&epoch.to_be_bytes());
    bytes.extend_from_slice(&[content_type, 1, 0, 0]);
    match u16::try_from(length) {
        Ok(short @ 64..0x4000) => bytes.extend_from_slice(&(0x4000 | short).to_be_bytes()),
        _ => bytes.extend_from_slice(&(0x8000_0000 | length).to_be_bytes()),
    }
    bytes.resize(bytes.len() + usize::try_from(length).expect("a length"), 7);
    bytes
}

/// Where the authenticated data of a [`private_message`] stands.
pub const SAFE_AAD_AT: usize = 47;

/// The body around any bytes in the place of the message.
pub fn body_around(message: &[u8], sender: &UserUri) -> Vec<u8> {
    let mut body = vec![1];
    body.extend_from_slice(message);
    body.push(u8::try_from(sender.as_str().len()).expect("a short URI"));
    body.extend_from_slice(sender.as_str().as_bytes());
    body
}

/// The same body with the length of its last vector, the sender's URI, in two bytes where one would
/// do.
pub fn not_minimal(body: &[u8], sender: &UserUri) -> Vec<u8> {
    let length = sender.as_str().len();
    let (head, tail) = body.split_at(body.len() - length - 1);
    let mut longer = head.to_vec();
    longer.extend_from_slice(&[0x40, tail[0]]);
    longer.extend_from_slice(&tail[1..]);
    longer
}
