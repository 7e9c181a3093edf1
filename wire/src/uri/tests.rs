#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::codec::{DecodeError, decode, encode};
use crate::samples::{self, vector};

#[test]
fn what_people_write_becomes_canonical() {
    for text in [
        "alice@a.example",
        "Alice@A.EXAMPLE",
        "alice@a.example.",
        "mimi://a.example/u/alice",
        "MIMI://A.Example./u/Alice",
    ] {
        assert_eq!(
            UserUri::parse(text).unwrap().as_str(),
            "mimi://a.example/u/alice",
            "{text}"
        );
    }
    for text in [
        "Bücher.example",
        "bücher.example.",
        "XN--BCHER-KVA.example",
        "mimi://BÜCHER.example",
    ] {
        assert_eq!(
            Provider::parse(text).unwrap().as_str(),
            "mimi://xn--bcher-kva.example",
            "{text}"
        );
    }
    assert_eq!(Provider::parse("localhost").unwrap().domain(), "localhost");
    assert_eq!(
        "a.example".parse::<Provider>().unwrap().to_string(),
        "mimi://a.example"
    );
}

#[test]
fn domains_that_are_none_are_refused() {
    let long_label = "a".repeat(64);
    let long_name = vec!["a".repeat(60); 5].join(".");
    for text in [
        "",
        ".",
        "..",
        "a..example",
        ".a.example",
        "a.example..",
        "a.example:443",
        "127.0.0.1",
        "1",
        "a.1",
        "0x7f.1",
        "a.0x7f",
        "[::1]",
        "::1",
        "-a.example",
        "a-.example",
        "a b.example",
        "a_b.example",
        "a@b.example",
        "a.example?x",
        "a.example#x",
        "a%2eexample",
        "xn--a.example",
        "ab--c.example",
        &long_label,
        &long_name,
    ] {
        assert!(Provider::parse(text).is_err(), "{text}");
        assert!(
            UserUri::parse(&format!("mimi://{text}/u/alice")).is_err(),
            "{text}"
        );
    }
}

#[test]
fn user_names_have_their_form() {
    let longest = "a".repeat(64);
    for good in ["a", "0", "a.b", "a_b", "a-b", "a-_b", "a.b.c", &longest] {
        assert_eq!(
            UserUri::parse_address(&format!("{good}@a.example"))
                .unwrap()
                .localpart(),
            good
        );
    }
    let too_long = "a".repeat(65);
    for bad in [
        "", ".a", "a.", "-a", "a-", "_a", "a_", "a..b", "a b", "a/b", "a%41", "ä", "a+b", "a@b",
        &too_long,
    ] {
        assert!(
            UserUri::parse_address(&format!("{bad}@a.example")).is_err(),
            "{bad}"
        );
        assert!(
            UserUri::parse(&format!("mimi://a.example/u/{bad}")).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn kinds_are_not_confused() {
    let user = UserUri::parse("mimi://a.example/u/alice").unwrap();
    let client = ClientUri::new(&user, [7; 16]);
    let room = RoomUri::new(&user.provider(), &[9; 32]);
    assert!(UserUri::parse(client.as_str()).is_err());
    assert!(UserUri::parse(room.as_str()).is_err());
    assert!(ClientUri::parse(user.as_str()).is_err());
    assert!(RoomUri::parse(client.as_str()).is_err());
    assert!(Provider::parse(user.as_str()).is_err());
    for text in [
        "https://a.example/u/alice",
        "mimi:/a.example/u/alice",
        "mimi://a.example/u",
        "mimi://a.example/u/",
        "mimi://a.example/u/alice/",
        "mimi://a.example/u/alice/x",
        "mimi://a.example/x/alice",
        "mimi://a.example//u/alice",
        "mimi:///u/alice",
        "alice",
        "@a.example",
        "alice@",
        "alice@a.example/u/bob",
    ] {
        assert!(UserUri::parse(text).is_err(), "{text}");
    }
    let too_long = format!("mimi://a.example/u/{}", "a".repeat(MAX_URI_BYTES));
    assert_eq!(UserUri::parse(&too_long), Err(UriError::TooLong));
}

#[test]
fn clients_and_rooms_say_what_they_consist_of() {
    let user = UserUri::parse("alice@a.example").unwrap();
    let client = ClientUri::new(&user, [0; 16]);
    assert_eq!(
        client.as_str(),
        format!("mimi://a.example/d/alice/{}", "a".repeat(26))
    );
    assert_eq!(client.user(), user);
    assert_eq!(client.device(), "a".repeat(26));
    assert_eq!(user.address(), "alice@a.example");

    let hash = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let room = RoomUri::new(&user.provider(), &hash);
    assert_eq!(
        room.as_str(),
        "mimi://a.example/r/aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
    );
    assert_eq!(room.hash(), hash);
    assert_eq!(room.hub(), user.provider());
}

#[test]
fn base32_has_one_form() {
    let user = UserUri::parse("alice@a.example").unwrap();
    // 26 characters hold 130 bits: the last two must be zero.
    assert!(ClientUri::parse(&format!("mimi://a.example/d/alice/{}b", "a".repeat(25))).is_err());
    for length in [25, 27] {
        assert!(
            ClientUri::parse(&format!("mimi://a.example/d/alice/{}", "a".repeat(length))).is_err()
        );
    }
    assert!(ClientUri::parse(&format!("mimi://a.example/d/alice/{}1", "a".repeat(25))).is_err());
    let upper = format!("mimi://a.example/d/alice/{}", "A".repeat(26));
    assert_eq!(
        ClientUri::parse(&upper).unwrap(),
        ClientUri::new(&user, [0; 16])
    );
}

#[test]
fn the_wire_takes_canonical_uris_only() {
    for text in [
        "mimi://A.example/u/alice",
        "mimi://a.example./u/alice",
        "MIMI://a.example/u/alice",
        "alice@a.example",
        "mimi://bücher.example/u/alice",
    ] {
        assert!(UserUri::parse(text).is_ok(), "{text}");
        let refused = decode::<UserUri>(&vector(text.as_bytes()));
        assert!(matches!(refused, Err(DecodeError::Malformed(_))), "{text}");
    }
    let good = UserUri::parse("alice@a.example").unwrap();
    assert_eq!(encode(&good).unwrap(), vector(b"mimi://a.example/u/alice"));
    assert_eq!(
        decode::<UserUri>(&vector(b"mimi://a.example/u/alice")).unwrap(),
        good
    );
    assert!(decode::<UserUri>(&vector(&[b'a'; 513])).is_err());
    assert!(decode::<UserUri>(&vector(&[0xff])).is_err());
}

#[test]
fn json_is_text_and_is_checked() {
    let user: UserUri = serde_json::from_str("\"Alice@a.example\"").unwrap();
    assert_eq!(
        serde_json::to_string(&user).unwrap(),
        "\"mimi://a.example/u/alice\""
    );
    assert!(serde_json::from_str::<UserUri>("\"alice\"").is_err());
    assert!(serde_json::from_str::<RoomUri>("\"mimi://a.example/r/x\"").is_err());
}

#[test]
fn debug_names_nobody() {
    let user = UserUri::parse("alice@a.example").unwrap();
    let client = ClientUri::new(&user, [0; 16]);
    let shown = format!("{user:?} {client:?} {:?}", IdentifierUri::from(&user));
    assert!(!shown.contains("alice"), "{shown}");
}

#[test]
fn foreign_uris_keep_their_path() {
    let foreign = IdentifierUri::parse("mimi://Example.com/r/Engineering_Team").unwrap();
    assert_eq!(foreign.as_str(), "mimi://example.com/r/Engineering_Team");
    assert_eq!(foreign.provider().domain(), "example.com");
    for bad in [
        "mimi://a.example/",
        "mimi://a.example//x",
        "mimi://a.example/a b",
        "mimi://a.example/ä",
        "mimi://1.2.3.4/x",
        "x",
    ] {
        assert!(IdentifierUri::parse(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_is_refused_or_becomes_a_fixed_point(text in "\\PC{0,80}") {
        for text in [text.clone(), format!("mimi://{text}"), format!("mimi://{text}/u/a"), format!("a@{text}"), format!("mimi://a.example/u/{text}")] {
            if let Ok(uri) = Provider::parse(&text) {
                prop_assert_eq!(Provider::parse(uri.as_str()).unwrap(), uri);
            }
            if let Ok(uri) = UserUri::parse(&text) {
                prop_assert_eq!(UserUri::parse(uri.as_str()).unwrap(), uri.clone());
                prop_assert_eq!(UserUri::parse(&uri.address()).unwrap(), uri);
            }
            if let Ok(uri) = IdentifierUri::parse(&text) {
                prop_assert_eq!(IdentifierUri::parse(uri.as_str()).unwrap(), uri);
            }
        }
    }

    #[test]
    fn made_uris_parse_back(client in samples::client(), room in samples::room()) {
        prop_assert_eq!(ClientUri::parse(client.as_str()).unwrap(), client.clone());
        prop_assert_eq!(decode::<ClientUri>(&encode(&client).unwrap()).unwrap(), client.clone());
        prop_assert_eq!(UserUri::parse(client.user().as_str()).unwrap(), client.user());
        prop_assert_eq!(RoomUri::parse(room.as_str()).unwrap(), room.clone());
        prop_assert_eq!(RoomUri::new(&room.hub(), &room.hash()), room);
    }
}
