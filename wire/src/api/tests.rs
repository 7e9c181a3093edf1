#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::accounts::*;
use super::events::*;
use super::links::*;
use super::recoveries::*;
use super::rooms::*;
use super::server::*;
use super::sessions::*;
use super::*;
use crate::codec::{Opaque, Skippable, decode, encode};
use crate::limits::MAX_RECEIPT_BYTES;
use crate::samples::{self, cat};
use crate::uri::{RoomUri, UserUri};

#[test]
fn bytes_in_json_have_one_form() {
    let bytes = Base64Url(vec![0xfb, 0xff, 0x00]);
    assert_eq!(serde_json::to_string(&bytes).unwrap(), "\"-_8A\"");
    assert_eq!(
        serde_json::from_str::<Base64Url>("\"-_8A\"").unwrap(),
        bytes
    );
    for wrong in [
        "\"+/8A\"",
        "\"-_8A==\"",
        "\"-_8A \"",
        "\"-_8\\n\"",
        "\"AB\"",
        "[251]",
        "7",
    ] {
        assert!(serde_json::from_str::<Base64Url>(wrong).is_err(), "{wrong}");
    }
    assert_eq!(format!("{bytes:?}"), "Base64Url(3 bytes)");
}

#[test]
fn requests_refuse_what_they_do_not_know() {
    let good = r#"{"user":"mimi://a.example/u/alice","device_list":"AAAA"}"#;
    let request: RegisterRequest = serde_json::from_str(good).unwrap();
    assert_eq!(request.user, UserUri::parse("alice@a.example").unwrap());
    assert_eq!(serde_json::to_string(&request).unwrap(), good);
    let more = r#"{"user":"mimi://a.example/u/alice","device_list":"AAAA","admin":true}"#;
    assert!(serde_json::from_str::<RegisterRequest>(more).is_err());
    let less = r#"{"user":"mimi://a.example/u/alice"}"#;
    assert!(serde_json::from_str::<RegisterRequest>(less).is_err());
}

#[test]
fn secrets_are_not_shown() {
    let response = SessionResponse {
        token: "very secret".to_owned(),
        expires_at: 1,
    };
    assert!(!format!("{response:?}").contains("secret"));
    let request = RegisterRequest {
        user: UserUri::parse("alice@a.example").unwrap(),
        device_list: Base64Url::default(),
        invite: Some("very secret".to_owned()),
    };
    assert!(!format!("{request:?}").contains("secret"));
    let opened = LinkOpened {
        link: Base64Url(vec![1; 16]),
        token: format!("{LINK_TOKEN_PREFIX}very secret"),
        expires_at: 1,
    };
    assert!(!format!("{opened:?}").contains("secret"));
}

#[test]
fn a_link_reads_as_written() {
    let open = r#"{"phase":"open","expires_at":7}"#;
    let mut state: LinkState = serde_json::from_str(open).unwrap();
    assert_eq!(serde_json::to_string(&state).unwrap(), open);
    state.phase = LinkPhase::Sealed;
    state.answer = Some(Base64Url(vec![1]));
    state.reveal = Some(Base64Url(vec![2]));
    state.package = Some(Base64Url(vec![3]));
    let sealed = r#"{"phase":"sealed","answer":"AQ","reveal":"Ag","package":"Aw","expires_at":7}"#;
    assert_eq!(serde_json::to_string(&state).unwrap(), sealed);
    assert_eq!(serde_json::from_str::<LinkState>(sealed).unwrap(), state);
    let phases = [
        LinkPhase::Open,
        LinkPhase::Answered,
        LinkPhase::Revealed,
        LinkPhase::Sealed,
        LinkPhase::Cancelled,
    ];
    assert!(phases.is_sorted(), "none is left backwards");
    assert!(serde_json::from_str::<LinkBytes>(r#"{"bytes":"AQ","phase":"open"}"#).is_err());
}

#[test]
fn recoveries_refuse_what_they_do_not_know() {
    let lookup =
        r#"{"user":"mimi://a.example/u/alice","nonce":"AQ","expires_at":7,"signature":"Ag"}"#;
    let read: RecoveryLookup = serde_json::from_str(lookup).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), lookup);
    let request = r#"{"user":"mimi://a.example/u/alice","device_list":"AQ"}"#;
    let read: RecoveryRequest = serde_json::from_str(request).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), request);
    let more = r#"{"user":"mimi://a.example/u/alice","device_list":"AQ","uik":"Ag"}"#;
    assert!(serde_json::from_str::<RecoveryRequest>(more).is_err());
}

#[test]
fn server_info_reads_as_written() {
    let info = ServerInfo {
        domain: "a.example".parse().unwrap(),
        software: "groved 0.1.0".to_owned(),
        registration: Registration::Invite,
        server_key: Base64Url(vec![1; 32]),
        cipher_suites: vec![1],
        max_message_bytes: 65_536,
    };
    let json = serde_json::to_string(&info).unwrap();
    assert!(json.contains(r#""registration":"invite""#), "{json}");
    assert_eq!(serde_json::from_str::<ServerInfo>(&json).unwrap(), info);
}

#[test]
fn a_log_frame_is_known() {
    let room = RoomUri::new(&"a.example".parse().unwrap(), &[0; 32]);
    let frame = ServerFrame::write_log(&room, 7, &[&b"one"[..], b"three"], b"receipt");
    let expected = cat(&[
        &[1, 0x40, 100, 0x40, 71],
        room.as_str().as_bytes(),
        &7_u64.to_be_bytes(),
        b"\x0a\x03one\x05three",
        b"\x07receipt",
    ]);
    assert_eq!(frame, expected);
    assert_eq!(
        frame.len(),
        frame.capacity(),
        "one allocation, and no larger than needed"
    );
}

#[test]
fn an_expired_frame_is_known() {
    let room = RoomUri::new(&"a.example".parse().unwrap(), &[0; 32]);
    let known = cat(&[
        &[3, 0x40, 81, 0x40, 71],
        room.as_str().as_bytes(),
        &7_u64.to_be_bytes(),
    ]);
    let frame = ServerFrame::Expired { room, first_seq: 7 };
    assert_eq!(frame.clone().encode().unwrap(), known);
    assert_eq!(ServerFrame::decode_all(&known).unwrap().known, [frame]);
    for end in 1..known.len() {
        assert!(ServerFrame::decode_all(&known[..end]).is_err(), "{end}");
    }
    // One byte more or less within the frame.
    for length in [80, 82] {
        let frame = cat(&[&[3, 0x40, length], &known[3..], &[0]]);
        assert!(ServerFrame::decode_all(&frame).is_err(), "{length}");
    }
}

#[test]
fn a_kind_of_a_later_version_is_passed_over() {
    let room = RoomUri::new(&"a.example".parse().unwrap(), &[0; 32]);
    let known = ServerFrame::Expired { room, first_seq: 7 };
    let bytes = known.clone().encode().unwrap();
    for unknown in [0, 4, 0xff] {
        let later = cat(&[&[unknown, 3], b"new"]);
        let frames = ServerFrame::decode_all(&cat(&[&later, &bytes, &later])).unwrap();
        assert_eq!(frames.known, std::slice::from_ref(&known));
        assert_eq!(frames.unknown, 2);
        // Its length is bounded and true all the same.
        assert!(ServerFrame::decode_all(&later[..4]).is_err());
        let endless = cat(&[&[unknown], &[0xbf, 0xff, 0xff, 0xff]]);
        assert!(ServerFrame::decode_all(&endless).is_err());
        let item = cat(&[&9_u64.to_be_bytes(), &later]);
        let entry: InboxEntry = decode(&item).unwrap();
        let body = b"new".to_vec();
        let kind = unknown;
        assert_eq!(entry.item, Skippable::Unknown { kind, body });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_round_trip(
        room in samples::room(),
        first_seq: u64,
        entries in vec(samples::bytes(300), 0..5),
        receipt in samples::bytes(100),
        welcomes in vec((any::<u64>(), samples::welcome()), 0..3),
    ) {
        let written = ServerFrame::write_log(&room, first_seq, &entries, &receipt);
        let log = ServerFrame::Log {
            room: room.clone(),
            first_seq,
            entries: entries.into_iter().map(|entry| entry.try_into().unwrap()).collect(),
            receipt: receipt.try_into().unwrap(),
        };
        prop_assert_eq!(&log.clone().encode().unwrap(), &written);
        let inbox = ServerFrame::Inbox {
            entries: welcomes
                .into_iter()
                .map(|(id, welcome)| InboxEntry {
                    id,
                    item: Skippable::Known(InboxItem::Welcome {
                        room: room.clone(),
                        seq: id,
                        epoch: id,
                        welcome,
                    }),
                })
                .collect(),
        };
        let expired = ServerFrame::Expired { room, first_seq };
        let body = cat(&[
            &written,
            &inbox.clone().encode().unwrap(),
            &expired.clone().encode().unwrap(),
            &written,
        ]);
        let frames = [log.clone(), inbox, expired, log];
        prop_assert_eq!(ServerFrame::decode_all(&body).unwrap().known, frames);
        prop_assert!(ServerFrame::decode_all(&body[..body.len() - 1]).is_err());
        prop_assert_eq!(ServerFrame::decode_all(&[]).unwrap().known, []);
    }

    #[test]
    fn acknowledgements_round_trip(
        positions in vec((samples::room(), any::<u64>()), 0..5),
        inbox in option::of(any::<u64>()),
    ) {
        let ack = ClientFrame::Ack { positions, inbox };
        prop_assert_eq!(decode::<ClientFrame>(&encode(&ack).unwrap()).unwrap(), ack);
    }

    #[test]
    fn room_creation_round_trips(
        record in samples::opaque(),
        group_info in samples::group_info(),
        ratchet_tree in samples::ratchet_tree(),
    ) {
        let request = CreateRoomRequest { record, group_info, ratchet_tree };
        prop_assert_eq!(decode::<CreateRoomRequest>(&encode(&request).unwrap()).unwrap(), request);
    }

    #[test]
    fn a_tree_with_its_tag_round_trips(
        tag in vec(any::<u8>(), 0..=64),
        ratchet_tree in samples::ratchet_tree(),
    ) {
        let confirmation_tag = Opaque::new(tag).unwrap();
        let tree = EpochTree { confirmation_tag, ratchet_tree };
        prop_assert_eq!(decode::<EpochTree>(&encode(&tree).unwrap()).unwrap(), tree);
    }
}

#[test]
fn an_overlong_receipt_is_refused() {
    let room = RoomUri::new(&"a.example".parse().unwrap(), &[0; 32]);
    let none: &[&[u8]] = &[];
    let fits = ServerFrame::write_log(&room, 1, none, &[0; MAX_RECEIPT_BYTES]);
    assert!(ServerFrame::decode_all(&fits).is_ok());
    let too_long = ServerFrame::write_log(&room, 1, none, &[0; MAX_RECEIPT_BYTES + 1]);
    assert!(ServerFrame::decode_all(&too_long).is_err());
}
