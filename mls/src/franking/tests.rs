//! Known answers of the drafts' structures, and that a frank binds everything it should.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::uri::IdentifierUri;

use super::*;

const SALT: [u8; 16] = [
    0x5e, 0xed, 0x94, 0x06, 0xc2, 0x54, 0x55, 0x47, 0xab, 0x6f, 0x09, 0xf2, 0x0a, 0x18, 0xb0, 0x03,
];
const SENDER: &str = "mimi://example.com/u/alice-smith";
const ROOM: &str = "mimi://example.com/r/engineering_team";
const SUITE: u16 = 1;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn context(sender: &str, room: &str, accepted_timestamp: u64) -> ServerFrankingContext {
    ServerFrankingContext {
        sender_uri: IdentifierUri::parse(sender).unwrap(),
        room_uri: IdentifierUri::parse(room).unwrap(),
        accepted_timestamp,
    }
}

fn secret() -> FrankingSecret {
    let mut bytes = [0; 32];
    for (byte, value) in bytes.iter_mut().zip(0..) {
        *byte = value;
    }
    FrankingSecret::from_bytes(bytes)
}

fn agent_data(key: &ServerKey, hub: &str) -> FrankingAgentData {
    FrankingAgentData {
        franking_signature_key: Opaque::new(key.public().as_bytes().as_slice()).unwrap(),
        credential: Credential::Basic(Opaque::new(hub).unwrap()),
    }
}

#[test]
fn known_answers() {
    let data = crate::content::example_original();
    let tag = franking_tag(&SALT, &data);
    assert_eq!(
        tag.to_vec(),
        hex("a9a69f1d2fe6f37984190c093ecb8a10d647093db735fb7ba926bfdccff4c2bf")
    );
    assert_eq!(
        authenticated_data(&tag),
        [hex("23002020"), tag.to_vec()].concat()
    );
    assert_eq!(find_tag(&authenticated_data(&tag)), Ok(Some(tag)));

    let media_type = b"application/mimi-content";
    let framed = [&[24], media_type.as_slice(), &[0, 0x40, 193], &data].concat();
    assert_eq!(
        franking_tag(&SALT, &framed).to_vec(),
        hex("cac50818a758d500a44109d35073e0ce59d35c81f68eaf911c5b930d014034d0")
    );

    let context = context(SENDER, ROOM, 1_644_387_225_019);
    let bytes = codec::encode(&context).unwrap();
    let expected = [
        &[32],
        SENDER.as_bytes(),
        &[37],
        ROOM.as_bytes(),
        &hex("0000017edd1dcdbb"),
    ]
    .concat();
    assert_eq!(bytes, expected);

    let agent = ServerKey::from_seed([0x42; 32]);
    assert_eq!(
        agent.public().as_bytes().to_vec(),
        hex("2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12")
    );
    let frank = frank(&secret(), &agent, SUITE, &tag, &context);
    assert_eq!(
        frank.server_frank.to_vec(),
        hex("395d272f8a11846200e6c5cece361210556ac6981b2f6462c29ad92bbcba8609")
    );
    assert_eq!(
        frank.franking_integrity_signature.as_bytes(),
        hex(concat!(
            "2cfe7b93f80d3a68f7514a785bfbf7725331b05a625e336c7166aa6de6103394",
            "375ce26806f6aa60dc1abaa193e270ceab095d152a040b4ae65ff63a76518b0e"
        ))
    );
}

#[test]
fn a_frank_binds_sender_room_time_tag_suite_and_agent() {
    let agent = ServerKey::from_seed([7; 32]);
    let hub = Provider::parse("example.com").unwrap();
    let data = agent_data(&agent, hub.as_str());
    let said = context(SENDER, ROOM, 5);
    let tag = franking_tag(&SALT, b"hello");
    let frank = frank(&secret(), &agent, SUITE, &tag, &said);
    assert_eq!(verify_frank(&frank, &data, &hub, SUITE, &said), Ok(()));
    assert!(is_own_frank(&secret(), &tag, &said, &frank));

    for other in [
        context("mimi://example.com/u/mallory", ROOM, 5),
        context(SENDER, "mimi://example.com/r/another", 5),
        context(SENDER, ROOM, 6),
    ] {
        assert_eq!(
            verify_frank(&frank, &data, &hub, SUITE, &other),
            Err(FrankingError::BadSignature)
        );
        assert!(!is_own_frank(&secret(), &tag, &other, &frank));
    }
    assert!(!is_own_frank(
        &secret(),
        &franking_tag(&SALT, b"hullo"),
        &said,
        &frank
    ));
    assert!(!is_own_frank(
        &FrankingSecret::from_bytes([1; 32]),
        &tag,
        &said,
        &frank
    ));
    assert_eq!(
        verify_frank(&frank, &data, &hub, 2, &said),
        Err(FrankingError::WrongSuite)
    );
    let foreign = agent_data(&agent, "mimi://b.example");
    assert_eq!(
        verify_frank(&frank, &foreign, &hub, SUITE, &said),
        Err(FrankingError::ForeignAgent)
    );
    let another_key = agent_data(&ServerKey::from_seed([8; 32]), hub.as_str());
    assert_eq!(
        verify_frank(&frank, &another_key, &hub, SUITE, &said),
        Err(FrankingError::BadSignature)
    );
}

#[test]
fn a_tag_commits_to_the_content() {
    let tag = franking_tag(&SALT, b"hello");
    assert_eq!(verify_tag(&tag, &SALT, b"hello"), Ok(()));
    assert_eq!(
        verify_tag(&tag, &SALT, b"hullo"),
        Err(FrankingError::WrongTag)
    );
    assert_eq!(
        verify_tag(&tag, &[0; 16], b"hello"),
        Err(FrankingError::WrongTag)
    );
}

#[test]
fn malformed_authenticated_data_is_refused() {
    assert_eq!(find_tag(&[0]), Ok(None));
    let good = authenticated_data(&[3; 32]);
    for bad in [
        &[][..],
        &[0, 0],
        good.get(1..).unwrap(),
        &[4, 0, 0x20, 1, 9],
    ] {
        assert_eq!(
            find_tag(bad),
            Err(FrankingError::AuthenticatedData),
            "{bad:?}"
        );
    }
}
