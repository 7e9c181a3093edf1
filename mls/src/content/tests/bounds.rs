//! Every bound, the one encoding, and any bytes at all.

use proptest::prelude::*;

use super::*;

/// A message whose extension 9 has the given encoded value.
fn with_extension(value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x87, 0x50];
    bytes.extend([5; 16]);
    bytes.extend([0xf6, 0x40, 0xf6, 0xf6, 0xa1, 0x09]);
    bytes.extend(value);
    bytes.extend([0x83, 1, 0x60, 0]);
    bytes
}

#[test]
fn only_the_deterministic_form_is_accepted() {
    for good in [
        &[0x18, 0x18][..],
        &[0x1b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x3b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
        &[0xf9, 0x3e, 0x00],
        &[0xf9, 0x7e, 0x00],
        &[0xfa, 0x47, 0xc3, 0x50, 0x00],
        &[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a],
        &[0x83, 0xf4, 0xf5, 0xf6],
        &[0xa2, 0x02, 0xf6, 0x20, 0xf6],
        &[0x81, 0x81, 0x81, 0x00],
    ] {
        let bytes = with_extension(good);
        assert_eq!(
            MimiContent::decode(&bytes).unwrap().encode(),
            bytes,
            "{good:x?}"
        );
    }
    for (bad, error) in [
        (&[0x18, 0x17][..], ContentError::NotDeterministic),
        (&[0x5f, 0x40, 0xff], ContentError::Malformed),
        (&[0x9f, 0xff], ContentError::Malformed),
        (&[0xbf, 0xff], ContentError::Malformed),
        (
            &[0xfa, 0x3f, 0xc0, 0x00, 0x00],
            ContentError::NotDeterministic,
        ),
        (&[0xf9, 0x7e, 0x01], ContentError::NotDeterministic),
        (
            &[0xa2, 0x20, 0xf6, 0x02, 0xf6],
            ContentError::NotDeterministic,
        ),
        (
            &[0xa2, 0x02, 0xf6, 0x02, 0xf6],
            ContentError::NotDeterministic,
        ),
        (&[0xc1, 0x00], ContentError::Malformed),
        (&[0xf7], ContentError::Malformed),
        (
            &[0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0],
            ContentError::OutOfBounds("integer"),
        ),
        (&[0x81, 0x81, 0x81, 0x81, 0x00], ContentError::Depth),
        (&[0x9b, 0, 0, 0, 1, 0, 0, 0, 0], ContentError::Malformed),
        (&[0x61, 0xff], ContentError::Malformed),
    ] {
        assert_eq!(
            MimiContent::decode(&with_extension(bad)),
            Err(error),
            "{bad:x?}"
        );
    }
    let mut trailing = example_original();
    trailing.push(0);
    assert_eq!(MimiContent::decode(&trailing), Err(ContentError::Malformed));
}

fn multi(parts: Vec<NestedPart>) -> NestedPart {
    let part = Part::Multi {
        semantics: PartSemantics::ProcessAll,
        parts,
    };
    NestedPart {
        disposition: Disposition::Render,
        language: String::new(),
        part,
    }
}

fn decoded(nested_part: NestedPart) -> Result<MimiContent, ContentError> {
    MimiContent::decode(
        &MimiContent {
            nested_part,
            ..original()
        }
        .encode(),
    )
}

#[test]
fn parts_are_bounded() {
    let nested = |levels: usize| {
        (1..levels).fold(markdown("x"), |inner, _| {
            multi(vec![inner, null(Disposition::Inline)])
        })
    };
    assert!(decoded(nested(MAX_PART_DEPTH)).is_ok());
    assert_eq!(
        decoded(nested(MAX_PART_DEPTH + 1)),
        Err(ContentError::Depth)
    );
    assert!(decoded(multi(vec![null(Disposition::Icon); MAX_PARTS - 1])).is_ok());
    assert_eq!(
        decoded(multi(vec![null(Disposition::Icon); MAX_PARTS])),
        Err(ContentError::TooManyParts)
    );
    let lonely = ContentError::OutOfBounds("parts of a multi part");
    assert_eq!(decoded(multi(vec![null(Disposition::Icon)])), Err(lonely));
    let topic = MimiContent {
        topic_id: vec![0; MAX_TOPIC_ID_BYTES + 1],
        ..original()
    };
    assert_eq!(
        MimiContent::decode(&topic.encode()),
        Err(ContentError::OutOfBounds("topic id"))
    );
    let mut unknown = MimiContent {
        nested_part: multi(vec![markdown("a"), markdown("b")]),
        ..original()
    }
    .encode();
    let place = unknown
        .windows(5)
        .position(|five| five == [1, 0x60, 3, 2, 0x82])
        .unwrap();
    *unknown.get_mut(place + 3).unwrap() = 9;
    assert_eq!(
        MimiContent::decode(&unknown),
        Err(ContentError::UnknownSemantics(9))
    );
}

fn any_value() -> impl Strategy<Value = ExtensionValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(ExtensionValue::Bool),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(ExtensionValue::Bytes),
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(ExtensionValue::Integer),
        any::<f64>().prop_map(|number| ExtensionValue::Float(number.to_bits())),
        any::<f32>().prop_map(|number| ExtensionValue::Float(f64::from(number).to_bits())),
        Just(ExtensionValue::Null),
        ".{0,20}".prop_map(ExtensionValue::Text),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(ExtensionValue::Array)
    })
}

fn any_part() -> impl Strategy<Value = NestedPart> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..50);
    let external = (
        ".{0,20}",
        ".{0,20}",
        any::<u32>(),
        0..1_u64 << 53,
        any::<u16>(),
        bytes(),
        any::<u8>(),
        bytes(),
    );
    let leaf = prop_oneof![
        Just(Part::Null),
        (".{0,20}", bytes()).prop_map(|(content_type, content)| Part::Single {
            content_type,
            content
        }),
        external.prop_map(
            |(
                content_type,
                url,
                expires,
                size,
                encryption_algorithm,
                key,
                hash_algorithm,
                content_hash,
            )| {
                Part::External(Box::new(ExternalPart {
                    content_type,
                    url,
                    expires,
                    size,
                    encryption_algorithm,
                    nonce: key.clone(),
                    additional_data: Vec::new(),
                    key,
                    hash_algorithm,
                    content_hash,
                    description: "d".to_owned(),
                    filename: String::new(),
                }))
            }
        ),
    ];
    let nested = (leaf, any::<u8>(), ".{0,8}").prop_map(|(part, code, language)| NestedPart {
        disposition: Disposition::from_code(code),
        language,
        part,
    });
    nested.prop_recursive(3, 10, 4, |inner| {
        prop::collection::vec(inner, 2..4).prop_map(multi)
    })
}

fn any_content() -> impl Strategy<Value = MimiContent> {
    let key = prop_oneof![
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(ExtensionKey::Number),
        ".{1,60}".prop_map(ExtensionKey::Name),
    ];
    let expires = prop_oneof![
        any::<u32>().prop_map(Expires::AfterRead),
        any::<u32>().prop_map(Expires::At)
    ];
    (
        any::<[u8; 16]>(),
        any::<Option<[u8; 32]>>(),
        prop::collection::vec(any::<u8>(), 0..30),
        prop::option::of(expires),
        prop::collection::btree_map(key, any_value(), 0..5),
        any_part(),
    )
        .prop_map(
            |(salt, replaces, topic_id, expires, extensions, nested_part)| MimiContent {
                salt,
                replaces: replaces.map(MessageId::from_bytes),
                topic_id,
                expires,
                in_reply_to: None,
                extensions: Extensions(extensions),
                nested_part,
            },
        )
}

proptest! {
    #[test]
    fn every_message_survives_the_wire(content in any_content()) {
        let bytes = content.encode();
        prop_assert_eq!(MimiContent::decode(&bytes), Ok(content));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for bytes in [with_extension(&bytes), bytes] {
            if let Ok(read) = MimiContent::decode(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }

    #[test]
    fn what_decodes_is_its_one_encoding(content in any_content(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = content.encode();
        let place = place.index(bytes.len());
        *bytes.get_mut(place).unwrap() = byte;
        if let Ok(read) = MimiContent::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}
