#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;

use super::*;
use crate::codec::{DecodeError, MAX_LENGTH, decode, encode};
use crate::limits::{MAX_HANDSHAKE_BYTES, MAX_MESSAGE_BYTES};
use crate::samples::{self, cat, plain_application, vector};

/// A Remove proposal of leaf 3 by leaf 5 in epoch 7.
fn remove_proposal() -> Vec<u8> {
    cat(&[
        &[0, 1, 0, 1],
        &vector(b"group"),
        &7_u64.to_be_bytes(),
        &[1, 0, 0, 0, 5],
        &vector(b"aad"),
        &[2, 0, 3, 0, 0, 0, 3],
        &vector(b"signature"),
        &vector(b"membership"),
    ])
}

/// A commit with one reference and no path, from outside.
fn external_commit() -> Vec<u8> {
    cat(&[
        &[0, 1, 0, 1],
        &vector(b"group"),
        &8_u64.to_be_bytes(),
        &[4],
        &vector(b""),
        &[3],
        &vector(&cat(&[&[2], &vector(b"reference")])),
        &[0],
        &vector(b"signature"),
        &vector(b"confirmation"),
    ])
}

#[test]
fn a_private_message_shows_its_framing() {
    let message = plain_application(b"group", 7, b"ciphertext");
    let expected = Framing {
        wire_format: WireFormat::PrivateMessage,
        group_id: b"group",
        epoch: 7,
        content_type: ContentType::Application,
        sender: None,
        authenticated_data: b"aad",
    };
    assert_eq!(message.outside(), Outside::Private(expected));
    assert_eq!(message.framing(), Some(expected));
    assert_eq!(message.welcome(), None);
}

#[test]
fn a_public_message_shows_its_sender() {
    let message = MlsMessage::from_bytes(remove_proposal()).unwrap();
    let framing = message.framing().unwrap();
    assert_eq!(framing.sender, Some(SenderKind::Member(5)));
    assert_eq!(
        (framing.content_type, framing.epoch),
        (ContentType::Proposal, 7)
    );
    assert_eq!(framing.authenticated_data, b"aad");

    let message = MlsMessage::from_bytes(external_commit()).unwrap();
    let framing = message.framing().unwrap();
    assert_eq!(framing.sender, Some(SenderKind::NewMemberCommit));
    assert_eq!(
        (framing.content_type, framing.epoch),
        (ContentType::Commit, 8)
    );
    assert!(framing.authenticated_data.is_empty());
    assert!(message.update_path_keys().is_empty(), "it has no path");
}

#[test]
fn debug_shows_lengths_only() {
    let message = plain_application(b"group", 7, b"ciphertext");
    assert_eq!(
        format!("{message:?}"),
        format!("MlsMessage({} bytes)", message.as_bytes().len())
    );
    assert!(
        !format!("{:?}", message.outside()).contains("103, 114"),
        "the bytes of «group»"
    );
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    for whole in [
        remove_proposal(),
        external_commit(),
        plain_application(b"g", 1, b"c").into_bytes(),
    ] {
        for end in 0..whole.len() {
            let cut = whole[..end].to_vec();
            assert_eq!(
                MlsMessage::from_bytes(cut.clone()),
                Err(DecodeError::Truncated),
                "{end}"
            );
            assert_eq!(
                decode::<MlsMessage>(&cut),
                Err(DecodeError::Truncated),
                "{end}"
            );
        }
        let longer = cat(&[&whole, &[0]]);
        assert_eq!(
            MlsMessage::from_bytes(longer.clone()),
            Err(DecodeError::Trailing(1))
        );
        assert_eq!(decode::<MlsMessage>(&longer), Err(DecodeError::Trailing(1)));
    }
}

#[test]
fn code_points_that_are_not_known_are_refused() {
    // (position in the Remove proposal, new value, what is said)
    let cases = [
        (1, 2, "MLS version"),
        (3, 0, "wire format"),
        (3, 6, "wire format"),
        (18, 0, "sender type"),
        (18, 5, "sender type"),
        (27, 0, "content type"),
        (27, 4, "content type"),
        (29, 0, "proposal type"),
        (29, 11, "proposal type"),
    ];
    for (position, value, what) in cases {
        let mut bytes = remove_proposal();
        bytes[position] = value;
        assert_eq!(
            MlsMessage::from_bytes(bytes),
            Err(DecodeError::unknown(what, value)),
            "{position}"
        );
    }
}

#[test]
fn lengths_are_checked_before_anything_is_read() {
    let head = [0, 1, 0, 2];
    let claim = cat(&[&head, &[0xbf, 0xff, 0xff, 0xff], b"abc"]);
    let too_long = DecodeError::TooLong {
        limit: MAX_HANDSHAKE_BYTES,
        found: 8 + MAX_LENGTH,
    };
    assert_eq!(MlsMessage::from_bytes(claim.clone()), Err(too_long.clone()));
    assert_eq!(decode::<MlsMessage>(&claim), Err(too_long));

    let long_form = cat(&[&head, &[0x40, 0x01], b"abc"]);
    assert_eq!(
        MlsMessage::from_bytes(long_form),
        Err(DecodeError::NotMinimal)
    );

    // An extension that claims more than the vector around it holds.
    let inner = cat(&[&[0, 9], &[20], b"abc"]);
    let group_info = cat(&[
        &[0, 1, 0, 1],
        &vector(b"group"),
        &[0; 8],
        &vector(b"tree"),
        &vector(b"transcript"),
        &vector(&inner),
        &[0; 64],
    ]);
    assert!(matches!(
        GroupInfo::from_bytes(group_info),
        Err(DecodeError::Malformed(_))
    ));
}

#[test]
fn application_messages_have_a_smaller_bound() {
    let overhead = plain_application(b"group", 7, &vec![0; 60_000])
        .as_bytes()
        .len()
        - 60_000;
    let fits = plain_application(b"group", 7, &vec![0; MAX_MESSAGE_BYTES - overhead]);
    assert_eq!(fits.as_bytes().len(), MAX_MESSAGE_BYTES);
    let mut bytes = fits.into_bytes();
    let length_at = bytes.len() - (MAX_MESSAGE_BYTES - overhead) - 1;
    bytes[length_at] += 1;
    bytes.push(0);
    let refused = MlsMessage::from_bytes(bytes.clone());
    assert!(
        matches!(
            refused,
            Err(DecodeError::TooLong {
                limit: MAX_MESSAGE_BYTES,
                ..
            })
        ),
        "{refused:?}"
    );
    // The same size as a handshake is accepted.
    let content_type_at = 4 + 6 + 8;
    bytes[content_type_at] = 3;
    assert!(MlsMessage::from_bytes(bytes).is_ok());
}

#[test]
fn a_welcome_comes_apart_and_together() {
    let entry = |name: &[u8]| cat(&[&vector(name), &vector(b"kem"), &vector(b"secret")]);
    let whole = Welcome::from_bytes(cat(&[
        &[0, 1],
        &vector(&cat(&[&entry(b"first"), &entry(b"second")])),
        &vector(b"group info"),
    ]))
    .unwrap();
    assert_eq!(whole.recipients(), [&b"first"[..], b"second"]);
    assert_eq!(whole.cipher_suite(), 1);

    let parts = whole.split();
    assert_eq!(parts.encrypted_group_info, b"group info");
    assert_eq!(parts.secrets[1].bytes, entry(b"second"));
    assert_eq!(parts.secrets[1].key_package_ref, b"second");
    let second = Welcome::join(
        parts.cipher_suite,
        &parts.secrets[1].bytes,
        &parts.encrypted_group_info,
    )
    .unwrap();
    assert_eq!(second.recipients(), [b"second"]);
    assert_eq!(whole.entry_for(1), Some(second));
    assert_eq!(whole.entry_for(2), None);

    for wrong in [
        b"".to_vec(),
        cat(&[&entry(b"first"), &entry(b"second")]),
        b"\x05x".to_vec(),
    ] {
        assert!(Welcome::join(1, &wrong, b"group info").is_err());
    }
}

#[test]
fn a_group_info_shows_its_head() {
    let extension = |kind: u8, data: &[u8]| cat(&[&[0, kind], &vector(data)]);
    let group_info = GroupInfo::from_bytes(cat(&[
        &[0, 1, 0, 3],
        &vector(b"group"),
        &9_u64.to_be_bytes(),
        &vector(b"tree hash"),
        &vector(b"transcript"),
        &vector(&cat(&[
            &extension(6, b"dictionary"),
            &extension(5, b"senders"),
        ])),
        &vector(&extension(4, b"external pub")),
        &vector(b"tag"),
        &[0, 0, 0, 2],
        &vector(b"signature"),
    ]))
    .unwrap();
    let head = group_info.head();
    assert_eq!((head.cipher_suite, head.epoch, head.signer), (3, 9, 2));
    assert_eq!(
        (head.group_id, head.tree_hash),
        (&b"group"[..], &b"tree hash"[..])
    );
    assert_eq!(
        (head.confirmation_tag, head.signature),
        (&b"tag"[..], &b"signature"[..])
    );
    assert_eq!(head.context_extension(5), Some(&b"senders"[..]));
    assert_eq!(head.extension(4), Some(&b"external pub"[..]));
    assert_eq!(head.extension(RATCHET_TREE_EXTENSION), None);
    assert_eq!(
        (group_info.group_id(), group_info.epoch()),
        (&b"group"[..], 9)
    );
}

proptest! {
    #[test]
    fn the_walk_ends_where_the_message_ends(
        message in prop_oneof![
            samples::application(),
            samples::proposal(),
            samples::commit(),
            samples::welcome().prop_map(|inner| MlsMessage::from_welcome(&inner)),
            samples::group_info().prop_map(|inner| MlsMessage::from_group_info(&inner)),
            samples::key_package().prop_map(|inner| MlsMessage::from_key_package(&inner)),
        ],
        behind in samples::bytes(20),
    ) {
        prop_assert_eq!(MlsMessage::from_bytes(message.as_bytes().to_vec()), Ok(message.clone()));
        let stream = cat(&[message.as_bytes(), &behind]);
        let mut rest = &*stream;
        let read = <MlsMessage as tls_codec::Deserialize>::tls_deserialize(&mut rest).unwrap();
        prop_assert_eq!(&read, &message);
        prop_assert_eq!(rest, &*behind);
        let cut = &message.as_bytes()[..message.as_bytes().len() - 1];
        prop_assert!(MlsMessage::from_bytes(cut.to_vec()).is_err());
    }

    #[test]
    fn framed_structures_come_out_again(
        welcome in samples::welcome(),
        group_info in samples::group_info(),
        key_package in samples::key_package(),
    ) {
        prop_assert_eq!(MlsMessage::from_welcome(&welcome).welcome(), Some(welcome.clone()));
        prop_assert_eq!(MlsMessage::from_welcome(&welcome).group_info(), None);
        prop_assert_eq!(MlsMessage::from_group_info(&group_info).group_info(), Some(group_info));
        prop_assert_eq!(MlsMessage::from_key_package(&key_package).key_package(), Some(key_package));

        let parts = welcome.split();
        prop_assert_eq!(parts.secrets.len(), welcome.recipients().len());
        for (index, secret) in parts.secrets.iter().enumerate() {
            let joined = Welcome::join(parts.cipher_suite, &secret.bytes, &parts.encrypted_group_info);
            prop_assert_eq!(joined.ok(), welcome.entry_for(index));
        }
    }

    #[test]
    fn the_keys_of_an_update_path_are_found((message, keys) in samples::commit_with_path()) {
        prop_assert_eq!(message.update_path_keys(), keys);
    }

    #[test]
    fn what_is_no_commit_has_no_update_path(
        message in prop_oneof![samples::application(), samples::proposal()],
    ) {
        prop_assert!(message.update_path_keys().is_empty());
    }

    #[test]
    fn trees_keep_their_bytes(tree in samples::ratchet_tree()) {
        let bytes = encode(&tree).unwrap();
        prop_assert_eq!(decode::<RatchetTree>(&bytes), Ok(tree.clone()));
        prop_assert_eq!(RatchetTree::from_bytes(bytes), Ok(tree));
    }

    #[test]
    fn a_flipped_byte_never_panics(message in samples::commit(), position in any::<prop::sample::Index>(), value: u8) {
        let mut bytes = message.into_bytes();
        let position = position.index(bytes.len());
        bytes[position] = value;
        if let Ok(message) = MlsMessage::from_bytes(bytes.clone()) {
            prop_assert_eq!(message.as_bytes(), &*bytes);
            prop_assert!(message.framing().is_some());
            prop_assert!(message.update_path_keys().len() < bytes.len());
        }
    }
}
