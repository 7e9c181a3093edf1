#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::samples;

const ROOM: &str = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq";

/// Whether a proxy has no reason to write it otherwise.
fn is_plain(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@');
    text.bytes().all(plain) && !text.is_empty() && !text.starts_with('.')
}

#[test]
fn a_user_and_a_room_are_one_segment() {
    let user = UserUri::parse("mimi://a.example/u/alice").unwrap();
    assert_eq!(user.path_segment(), "alice@a.example");
    assert_eq!(UserUri::parse_path_segment("alice@a.example"), Ok(user));
    let room = RoomUri::parse(&format!("mimi://a.example/r/{ROOM}")).unwrap();
    assert_eq!(room.path_segment(), format!("{ROOM}@a.example"));
    assert_eq!(RoomUri::parse_path_segment(&room.path_segment()), Ok(room));
}

#[test]
fn a_room_is_pasted_in_any_case() {
    let room = RoomUri::parse(&format!("mimi://a.example/r/{ROOM}")).unwrap();
    assert_eq!(room.id(), ROOM);
    let typed = format!("{}@A.Example.", ROOM.to_uppercase());
    assert_eq!(RoomUri::parse_address(&typed), Ok(room));
    for text in [
        ROOM,
        "aaaqeaye@a.example",
        &format!("{ROOM}@mimi://a.example"),
        &format!("{ROOM}@"),
    ] {
        assert!(RoomUri::parse_address(text).is_err(), "{text:?}");
    }
    assert!(RoomUri::is_id(&ROOM.to_uppercase()));
    assert!(!RoomUri::is_id(ROOM.get(1..).unwrap()));
}

#[test]
fn the_longest_fits() {
    let label = "a".repeat(63);
    let domain = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    let provider = Provider::parse(&domain).unwrap();
    let user = UserUri::new(&provider, &"a".repeat(64)).unwrap();
    assert_eq!(user.path_segment().len(), 318);
    assert_eq!(UserUri::parse_path_segment(&user.path_segment()), Ok(user));
    let room = RoomUri::new(&provider, &[255; 32]);
    assert_eq!(room.path_segment().len(), 306);
    assert_eq!(RoomUri::parse_path_segment(&room.path_segment()), Ok(room));
}

#[test]
fn whatever_is_not_canonical_is_refused() {
    let long = "a".repeat(600);
    for text in [
        "",
        "@",
        "alice",
        "alice@",
        "@a.example",
        "Alice@a.example",
        "alice@A.example",
        "alice@a.example.",
        "alice@bücher.example",
        "alice@mimi://a.example",
        "alice@a.example@a.example",
        "alice@a.example/u/alice",
        "mimi://a.example/u/alice",
        "mimi%3A%2F%2Fa.example%2Fu%2Falice",
        "alice%40a.example",
        "alice@a.example%2F..",
        "alice@127.0.0.1",
        "alice@a.example:8448",
        "alice@a.example?x",
        "../alice@a.example",
        "..@a.example",
        ".@a.example",
        "al ice@a.example",
        "alice@a.example\0",
        "alice@a.example\r\n",
        &long,
        &format!("alice@{long}"),
        &format!("{long}@a.example"),
    ] {
        assert!(UserUri::parse_path_segment(text).is_err(), "{text:?}");
        let of_room = text.replacen("alice", ROOM, 1);
        assert!(
            RoomUri::parse_path_segment(&of_room).is_err(),
            "{of_room:?}"
        );
    }
    for text in [
        // A room of somebody's name is none, and a user of a room's name is a user.
        "alice@a.example",
        &format!("{}@a.example", "a".repeat(51)),
        &format!("{ROOM}a@a.example"),
        // The bits behind the last byte are zero.
        &format!("{}b@a.example", "a".repeat(51)),
        &format!("{}@a.example", ROOM.to_uppercase()),
        &format!("mimi://a.example/r/{ROOM}"),
    ] {
        assert!(RoomUri::parse_path_segment(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_types_for_paths_read_the_same() {
    let room: RoomSegment = serde_json::from_str(&format!("\"{ROOM}@a.example\"")).unwrap();
    assert_eq!(room.0.path_segment(), format!("{ROOM}@a.example"));
    let user: UserSegment = serde_json::from_str("\"alice@a.example\"").unwrap();
    assert_eq!(user.0.path_segment(), "alice@a.example");
    assert!(serde_json::from_str::<RoomSegment>(&format!("\"{}\"", room.0)).is_err());
    assert!(serde_json::from_str::<UserSegment>(&format!("\"{}\"", user.0)).is_err());
}

proptest! {
    #[test]
    fn segments_parse_back_and_are_plain(client in samples::client(), room in samples::room()) {
        let (user, of_user, of_room) = (client.user(), client.user().path_segment(), room.path_segment());
        prop_assert!(is_plain(&of_user), "{of_user}");
        prop_assert!(is_plain(&of_room), "{of_room}");
        prop_assert_eq!(UserUri::parse_path_segment(&of_user), Ok(user));
        prop_assert_eq!(RoomUri::parse_path_segment(&of_room), Ok(room));
    }

    #[test]
    fn any_text_is_refused_or_is_the_segment(text in "\\PC{0,80}") {
        for text in [text.clone(), format!("alice@{text}"), format!("{text}@a.example"), format!("{ROOM}@{text}")] {
            if let Ok(user) = UserUri::parse_path_segment(&text) {
                prop_assert!(is_plain(&text), "{text}");
                prop_assert_eq!(user.path_segment(), text.clone());
            }
            if let Ok(room) = RoomUri::parse_path_segment(&text) {
                prop_assert!(is_plain(&text), "{text}");
                prop_assert_eq!(room.path_segment(), text);
            }
        }
    }
}
