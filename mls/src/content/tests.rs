//! The draft's examples rebuilt, and the messages our clients write.

#![expect(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use grove_wire::uri::{RoomUri, UserUri};

use super::*;
use crate::identity::{DeviceKey, RoomProfile, SignedRoomProfile};

mod bounds;
mod notes;

const ALICE: &str = "mimi://example.com/u/alice-smith";
const BOB: &str = "mimi://example.com/u/bob-jones";
const CATHY: &str = "mimi://example.com/u/cathy-washington";
const ROOM: &str = "mimi://example.com/r/engineering_team";
const ORIGINAL: &str = "017ce54837404c3696e0c747b985cb172716d0ed0a3d249ca63ace7d82a096f4";
const REPLY: &str = "015354973c2b65ca937bf1e035ae53a5ab80e947afa43d46920d4202e5cc0b27";

fn array<const N: usize>(hex: &str) -> [u8; N] {
    HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

fn id(hex: &str) -> MessageId {
    MessageId::from_bytes(array(hex))
}

fn single(disposition: Disposition, content_type: &str, content: &[u8]) -> NestedPart {
    let part = Part::Single {
        content_type: content_type.to_owned(),
        content: content.to_vec(),
    };
    NestedPart {
        disposition,
        language: String::new(),
        part,
    }
}

fn null(disposition: Disposition) -> NestedPart {
    NestedPart {
        disposition,
        language: String::new(),
        part: Part::Null,
    }
}

fn markdown(text: &str) -> NestedPart {
    single(Disposition::Render, MARKDOWN, text.as_bytes())
}

fn message(salt: &str, sender: &str, nested_part: NestedPart) -> MimiContent {
    MimiContent {
        salt: array(salt),
        replaces: None,
        topic_id: Vec::new(),
        expires: None,
        in_reply_to: None,
        extensions: Extensions::addressed(sender, ROOM),
        nested_part,
    }
}

fn original() -> MimiContent {
    message(
        "5eed9406c2545547ab6f09f20a18b003",
        ALICE,
        markdown("Hi everyone, we just shipped release 2.0. __Good  work__!"),
    )
}

/// The bytes of the draft's first example, for the franking test.
pub(crate) fn example_original() -> Vec<u8> {
    original().encode()
}

fn assert_id(content: &MimiContent, expected: &str) {
    let bytes = content.encode();
    let sender = content.extensions.sender_uri().unwrap();
    assert_eq!(
        MessageId::of_texts(sender, ROOM, &bytes, &content.salt).to_string(),
        expected
    );
    assert_eq!(MimiContent::decode(&bytes).as_ref(), Ok(content));
}

#[test]
fn examples_of_the_draft_have_their_ids() {
    assert_eq!(example_original().len(), 193);
    assert_id(&original(), ORIGINAL);

    let reply = MimiContent {
        in_reply_to: Some(id(ORIGINAL)),
        ..message(
            "11a458c73b8dd2cf404db4b378b8fe4d",
            BOB,
            markdown("Right on! _Congratulations_ 'all!"),
        )
    };
    assert_id(&reply, REPLY);

    let heart = single(Disposition::Reaction, PLAIN_TEXT, "\u{2764}".as_bytes());
    let reaction = MimiContent {
        in_reply_to: Some(id(ORIGINAL)),
        ..message("d37bc0e6a8b4f04e9e6382375f587bf6", CATHY, heart)
    };
    let reaction_id = "0158c4288911e50a8f6be3f47746b6682f10fd91bc8c05557aa589a3157aff68";
    assert_id(&reaction, reaction_id);

    let edit = MimiContent {
        replaces: Some(id(REPLY)),
        in_reply_to: Some(id(ORIGINAL)),
        ..message(
            "b8c2e6d8800ecf45df39be6c45f4c042",
            BOB,
            markdown("Right on! _Congratulations_ y'all!"),
        )
    };
    assert_id(
        &edit,
        "014028c0deddbdea56bec26172f6ede953d11024cb82b8192b5e2aea62d7fb47",
    );

    let delete = MimiContent {
        replaces: Some(id(REPLY)),
        in_reply_to: Some(id(ORIGINAL)),
        ..message(
            "0a590d73b2c7761c39168be5ebf7f2e6",
            BOB,
            null(Disposition::Render),
        )
    };
    assert_id(
        &delete,
        "011d9efc78d04d4dcf4d82b07d5199bbef37011c1f0c7e004b6111c6dda504b4",
    );

    let unlike = MimiContent {
        replaces: Some(id(reaction_id)),
        in_reply_to: Some(id(ORIGINAL)),
        ..message(
            "c5ba86dc9fd272e58ca52ec805b79199",
            CATHY,
            null(Disposition::Reaction),
        )
    };
    assert_id(
        &unlike,
        "013aadbb8f313253c8930f4e93c6ca54b2ed06d258185bdcec3870534c8a4ec4",
    );

    let warning =
        "__*VPN GOING DOWN*__ I'm rebooting the VPN in ten minutes unless anyone objects.";
    let expiring = MimiContent {
        expires: Some(Expires::At(1_644_390_004)),
        ..message("33be993eb39f418f9295afc2ae160d2d", ALICE, markdown(warning))
    };
    assert_id(
        &expiring,
        "01e59db8173939facc2c8a4a0f0ae8d0c7a11a81239626630c9464a8d6717a03",
    );

    let fancy = HEXLOWER.decode(b"dc861ebaa718fd7c3ca159f71a2001").unwrap();
    let parts = vec![
        markdown("# Welcome!"),
        single(
            Disposition::Render,
            "application/vnd.examplevendor-fancy-im-message",
            &fancy,
        ),
    ];
    let part = Part::Multi {
        semantics: PartSemantics::ChooseOne,
        parts,
    };
    let multi = NestedPart {
        disposition: Disposition::Render,
        language: String::new(),
        part,
    };
    assert_id(
        &message("261c953e178af653fe3d42641b91d814", ALICE, multi),
        "01da5a515ec5db42cc4dcc19b90c3c31245d8a1cfcce11318f24eb11dce0990e",
    );
}

#[test]
fn an_id_separates_sender_and_room() {
    let bytes = example_original();
    let salt = original().salt;
    let id = MessageId::of_texts("ab", "c", &bytes, &salt);
    assert_ne!(id, MessageId::of_texts("a", "bc", &bytes, &salt));
    assert_eq!(id.as_bytes().first(), Some(&1));
}

fn alice() -> UserUri {
    UserUri::parse("alice@a.example").unwrap()
}

fn room() -> RoomUri {
    RoomUri::new(&alice().provider(), &[7; 32])
}

#[test]
fn builders_make_what_they_say() {
    let text = MimiContent::text([1; 16], &alice(), &room(), "hi");
    assert_eq!(text.as_text(), Some("hi"));
    assert_eq!(
        text.extensions.sender_uri(),
        Some("mimi://a.example/u/alice")
    );
    assert_eq!(text.extensions.room_uri(), Some(room().as_str()));
    let first = text.message_id(&alice(), &room());
    let reply = MimiContent::reply([2; 16], &alice(), &room(), first, "yes?");
    assert_eq!((reply.in_reply_to, reply.replaces), (Some(first), None));
    let reaction = MimiContent::reaction([2; 16], &alice(), &room(), first, "+");
    assert_eq!(reaction.nested_part.disposition, Disposition::Reaction);
    let edit = MimiContent::edit([2; 16], &alice(), &room(), first, "hello");
    assert_eq!(
        (edit.replaces, edit.as_text()),
        (Some(first), Some("hello"))
    );
    let delete = MimiContent::delete([2; 16], &alice(), &room(), first);
    assert_eq!(
        (delete.replaces, delete.nested_part.part),
        (Some(first), Part::Null)
    );

    let key = DeviceKey::from_seed([1; 32]);
    let author = grove_wire::uri::ClientUri::new(&alice(), [1; 16]);
    let (name, topic) = ("Garden".to_owned(), String::new());
    let profile = RoomProfile {
        room: room(),
        version: 1,
        name,
        topic,
        time: 0,
        author,
    };
    let signed = SignedRoomProfile::sign(&key, profile).unwrap();
    let content = MimiContent::profile([3; 16], &alice(), &room(), &signed);
    let read = MimiContent::decode(&content.encode()).unwrap();
    assert_eq!(
        SignedRoomProfile::decode(read.as_profile().unwrap()),
        Ok(signed)
    );
}

#[test]
fn a_witness_travels_and_broken_ones_are_refused() {
    let text = MimiContent::text([1; 16], &alice(), &room(), "hi");
    assert_eq!(text.witness(), Ok(None));
    for receipt in [None, Some(vec![1, 2, 3])] {
        let witness = Witness {
            counter: 41,
            sent: 40,
            receipt,
            authenticator: [9; 32],
        };
        let content = text.clone().with_witness(&witness);
        let read = MimiContent::decode(&content.encode()).unwrap();
        assert_eq!(read.witness(), Ok(Some(witness)));
    }
    let witness = Witness {
        counter: 1,
        sent: 0,
        receipt: None,
        authenticator: [9; 32],
    };
    for (key, value) in [
        (-1, ExtensionValue::Integer(-1)),
        (-2, ExtensionValue::Integer(1)),
        (-3, ExtensionValue::Bytes(vec![1; 31])),
        (-4, ExtensionValue::Integer(-1)),
    ] {
        let mut content = text.clone().with_witness(&witness);
        content.extensions.insert(ExtensionKey::Number(key), value);
        assert_eq!(content.witness(), Err(WitnessError), "{key}");
    }
}
