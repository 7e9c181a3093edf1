//! Known answers first (worked out by hand from the draft's structs; the first ones agree with
//! another implementation's), then properties of each body.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fmt::Debug;

use tls_codec::{Deserialize, Serialize};

use super::franking::*;
use super::group_info::*;
use super::identifier_query::*;
use super::key_material::*;
use super::notify::*;
use super::room::*;
use super::submit_message::*;
use super::update::*;
use super::*;
use crate::codec::{decode, encode};
use crate::samples::{cat, from_hex, plain_application, vector};
use crate::uri::{IdentifierUri, RoomUri, UserUri};

mod properties;

const TIMESTAMP: u64 = 0x0102_0304_0506_0708;

/// The value has these bytes, and these bytes have this value.
fn assert_known<T: Serialize + Deserialize + PartialEq + Debug>(value: &T, bytes: &[u8]) {
    assert_eq!(encode(value).unwrap(), bytes);
    assert_eq!(&decode::<T>(bytes).unwrap(), value);
    assert_eq!(value.tls_serialized_len(), bytes.len());
}

fn known<T: Serialize + Deserialize + PartialEq + Debug>(value: &T, hex: &str) {
    assert_known(value, &from_hex(hex));
}

fn participant(role_index: u32) -> UserRolePair {
    UserRolePair {
        user: UserUri::parse("mimi://h/u/a").unwrap(),
        role_index,
    }
}

#[test]
fn participant_lists_are_known() {
    let add = ParticipantListUpdate {
        added_participants: vec![participant(2)],
        ..Default::default()
    };
    known(&add, "0000110c6d696d693a2f2f682f752f6100000002");
    let remove = ParticipantListUpdate {
        removed_indices: vec![0],
        ..Default::default()
    };
    known(&remove, "00040000000000");
    let change = ParticipantListUpdate {
        changed_role_participants: vec![UserIndexRolePair {
            user_index: 0,
            role_index: 3,
        }],
        ..Default::default()
    };
    known(&change, "0800000000000000030000");
    let list = ParticipantListData {
        participants: vec![participant(2)],
    };
    known(&list, "110c6d696d693a2f2f682f752f6100000002");

    let update = AppDataUpdate {
        component_id: component::PARTICIPANT_LIST,
        operation: AppDataUpdateOperation::Update(encode(&add).unwrap().try_into().unwrap()),
    };
    known(
        &(AppDataUpdate::PROPOSAL_TYPE, update),
        "0008002201140000110c6d696d693a2f2f682f752f6100000002",
    );
}

#[test]
fn submit_responses_are_known() {
    known(
        &SubmitMessageResponse::Accepted {
            accepted_timestamp: TIMESTAMP,
            frank: None,
        },
        "0100010203040506070800",
    );
    known(&SubmitMessageResponse::NotAllowed, "0101");
    known(
        &SubmitMessageResponse::EpochTooOld { current_epoch: 42 },
        "0102000000000000002a",
    );
}

#[test]
fn update_responses_are_known() {
    known(
        &UpdateRoomResponse::Success {
            accepted_timestamp: TIMESTAMP,
        },
        "00000102030405060708",
    );
    known(
        &UpdateRoomResponse::WrongEpoch { current_epoch: 42 },
        "0100000000000000002a",
    );
    known(
        &UpdateRoomResponse::NotAllowed {
            description: "no".to_owned(),
        },
        "02026e6f",
    );
    // A description that comes with another code is read over.
    let described = decode::<UpdateRoomResponse>(&from_hex("00026f6b0102030405060708"));
    assert_eq!(
        described,
        Ok(UpdateRoomResponse::Success {
            accepted_timestamp: TIMESTAMP
        })
    );
}

#[test]
fn identifier_responses_are_known() {
    let response = |response_code, uri| IdentifierResponse {
        response_code,
        uri,
        found_profiles: Vec::new(),
        id_response_extensions: Vec::new(),
    };
    known(
        &response(IdentifierQueryCode::NotFound, Vec::new()),
        "01000000",
    );
    let alice = b"mimi://a.example/u/alice";
    assert_eq!(alice.len(), 24);
    let uri = IdentifierUri::from(&UserUri::parse("alice@a.example").unwrap());
    assert_known(
        &response(IdentifierQueryCode::Success, vec![uri]),
        &cat(&[&[0x00, 0x19, 0x18], alice, &[0x00, 0x00]]),
    );
}

#[test]
fn key_material_responses_are_known() {
    let bob = UserUri::parse("mimi://b.example/u/bob").unwrap();
    let text = bob.as_str().as_bytes();
    assert_eq!(text.len(), 22);
    let response = KeyMaterialResponse {
        protocol: Protocol::Mls10,
        user_status: KeyMaterialUserCode::PartialSuccess,
        user_uri: bob.clone(),
        clients: vec![ClientKeyMaterial::KeyMaterialExhausted {
            client_uri: (&bob).into(),
        }],
    };
    assert_known(
        &response,
        &cat(&[&[0x01, 0x01, 0x16], text, &[0x18, 0x01, 0x16], text]),
    );
    assert_eq!(
        response.clients[0].code(),
        KeyMaterialClientCode::KeyMaterialExhausted
    );
    assert_eq!(response.clients[0].client_uri().as_str(), bob.as_str());
}

#[test]
fn franking_structs_are_known() {
    let tag = from_hex("a9a69f1d2fe6f37984190c093ecb8a10d647093db735fb7ba926bfdccff4c2bf");
    let franking_tag: [u8; 32] = tag.clone().try_into().unwrap();
    let data = encode(&FrankAad { franking_tag })
        .unwrap()
        .try_into()
        .unwrap();
    let aad = SafeAad::new(vec![SafeAadItem {
        component_id: component::FRANK_AAD,
        data,
    }])
    .unwrap();
    assert_known(&aad, &cat(&[&[0x23, 0x00, 0x20, 0x20], &tag]));
    assert_eq!(aad.find(component::FRANK_AAD), Some(&*tag));
    assert_known(&SafeAad::default(), &[0]);

    let context = ServerFrankingContext {
        sender_uri: IdentifierUri::parse("mimi://example.com/u/alice-smith").unwrap(),
        room_uri: IdentifierUri::parse("mimi://example.com/r/engineering_team").unwrap(),
        accepted_timestamp: 1_644_387_225_019,
    };
    let context_hex = "206d696d693a2f2f6578616d706c652e636f6d2f752f616c6963652d736d697468
         256d696d693a2f2f6578616d706c652e636f6d2f722f656e67696e656572696e675f7465616d
         0000017edd1dcdbb";
    known(&context, context_hex);

    let server_frank = "395d272f8a11846200e6c5cece361210556ac6981b2f6462c29ad92bbcba8609";
    let signature = "2cfe7b93f80d3a68f7514a785bfbf7725331b05a625e336c7166aa6de6103394
         375ce26806f6aa60dc1abaa193e270ceab095d152a040b4ae65ff63a76518b0e";
    let frank = Frank {
        server_frank: from_hex(server_frank).try_into().unwrap(),
        franking_signature_ciphersuite: 1,
        franking_integrity_signature: from_hex(signature).try_into().unwrap(),
    };
    known(&frank, &format!("{server_frank} 0001 4040 {signature}"));
    let tbs = FrankingIntegrityTbs {
        server_frank: frank.server_frank,
        franking_signature_ciphersuite: 1,
        context,
    };
    known(&tbs, &format!("{server_frank} 0001 {context_hex}"));
}

#[test]
fn safe_aad_is_sorted_and_unique() {
    let item = |component_id| SafeAadItem {
        component_id,
        data: vec![1].try_into().unwrap(),
    };
    let aad = SafeAad::new(vec![item(0x40), item(0x20)]).unwrap();
    assert_eq!(encode(&aad).unwrap(), from_hex("08 0020 0101 0040 0101"));
    assert!(SafeAad::new(vec![item(0x20), item(0x20)]).is_err());
    assert!(decode::<SafeAad>(&from_hex("08 0040 0101 0020 0101")).is_err());
    assert!(decode::<SafeAad>(&from_hex("08 0020 0101 0020 0101")).is_err());
}

#[test]
fn metadata_holds_the_uri_only() {
    let room = RoomUri::new(&"a.example".parse().unwrap(), &[0; 32]);
    let text = vector(room.as_str().as_bytes());
    assert_known(&RoomMetaData::uri_only(&room), &cat(&[&text, &[0; 5]]));
}

#[test]
fn fanned_out_messages_stand_back_to_back() {
    let message = plain_application(b"group", 1, b"ciphertext");
    let one = FanoutMessage::write_application(5, &message, None);
    let expected = FanoutMessage {
        timestamp: 5,
        message: message.clone(),
        tail: FanoutTail::Application { frank: None },
    };
    assert_known(&expected, &one);
    assert_eq!(
        one.len(),
        one.capacity(),
        "one allocation, and no larger than needed"
    );
    assert_eq!(
        FanoutMessage::decode_all(&cat(&[&one, &one])).unwrap(),
        [expected.clone(), expected]
    );
    assert!(FanoutMessage::decode_all(&cat(&[&one, &one[..9]])).is_err());
}

#[test]
fn what_does_not_fit_together_is_not_encoded() {
    let message = plain_application(b"group", 1, b"ciphertext");
    let tail = FanoutTail::Commit {
        external_proposals: Vec::new(),
    };
    assert!(
        encode(&FanoutMessage {
            timestamp: 1,
            message: message.clone(),
            tail
        })
        .is_err()
    );
    let bundle = HandshakeBundle::Proposal {
        proposal: message.clone(),
        more_proposals: Vec::new(),
    };
    assert!(encode(&UpdateRequest { bundle }).is_err());
    assert!(decode::<UpdateRequest>(&cat(&[message.as_bytes(), &[0]])).is_err());
}

#[test]
fn codes_that_are_not_known_are_refused() {
    assert!(decode::<SubmitMessageResponse>(&[1, 3]).is_err());
    assert!(
        decode::<SubmitMessageResponse>(&[2, 1]).is_err(),
        "protocol"
    );
    assert!(decode::<UpdateRoomResponse>(&[4, 0]).is_err());
    assert!(decode::<KeyMaterialUserCode>(&[8]).is_err());
    assert!(decode::<Credential>(&[0, 2, 0]).is_err(), "x509");
    assert!(decode::<RatchetTreeOption>(&[0]).is_err());
    assert!(decode::<GroupInfoOption>(&[0]).is_err());
    assert!(decode::<AppDataUpdateOperation>(&[3]).is_err());
}
