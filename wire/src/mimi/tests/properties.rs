//! Every body decodes to what was encoded.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::codec::Opaque;
use crate::limits::MAX_MORE_PROPOSALS;
use crate::mls::{Extension, MlsMessage};
use crate::samples::{self, opaque};

fn assert_round_trip<T: Serialize + Deserialize + PartialEq + Debug>(value: &T) {
    assert_known(value, &encode(value).unwrap());
}

fn credential() -> impl Strategy<Value = Credential> {
    opaque().prop_map(Credential::Basic)
}

fn code_points() -> impl Strategy<Value = Vec<u16>> {
    vec(any::<u16>(), 0..6)
}

fn frank() -> impl Strategy<Value = Frank> {
    (any::<[u8; 32]>(), any::<u16>(), opaque()).prop_map(|(server_frank, suite, signature)| Frank {
        server_frank,
        franking_signature_ciphersuite: suite,
        franking_integrity_signature: signature,
    })
}

fn proposals() -> impl Strategy<Value = Vec<MlsMessage>> {
    vec(samples::proposal(), 0..3)
}

fn group_info_option() -> impl Strategy<Value = GroupInfoOption> {
    let extension =
        (any::<u16>(), opaque()).prop_map(|(extension_type, extension_data)| Extension {
            extension_type,
            extension_data,
        });
    let presence = prop_oneof![
        Just(RatchetTreePresence::NoRatchetTree),
        Just(RatchetTreePresence::Present),
        Just(RatchetTreePresence::Removed),
        Just(RatchetTreePresence::Added),
    ];
    let partial =
        (presence, vec(extension, 0..3), opaque()).prop_map(|(presence, extensions, signature)| {
            PartialGroupInfo {
                ratchet_tree_presence: presence,
                group_info_extensions: extensions,
                signature,
            }
        });
    prop_oneof![
        samples::group_info().prop_map(GroupInfoOption::Full),
        partial.prop_map(GroupInfoOption::Partial),
    ]
}

fn tree_option() -> impl Strategy<Value = RatchetTreeOption> {
    prop_oneof![
        samples::ratchet_tree().prop_map(RatchetTreeOption::Full),
        opaque().prop_map(RatchetTreeOption::HttpsUri),
        Just(RatchetTreeOption::OutOfBand),
        Just(RatchetTreeOption::DistributionService),
    ]
}

fn bundle() -> impl Strategy<Value = HandshakeBundle> {
    let commit = (
        samples::commit(),
        option::of(samples::welcome()),
        group_info_option(),
        tree_option(),
    );
    prop_oneof![
        commit.prop_map(
            |(commit, welcome, group_info, ratchet_tree)| HandshakeBundle::Commit {
                commit,
                welcome,
                group_info,
                ratchet_tree,
            }
        ),
        (samples::proposal(), proposals()).prop_map(|(proposal, more_proposals)| {
            HandshakeBundle::Proposal {
                proposal,
                more_proposals,
            }
        }),
    ]
}

fn client_key_material() -> impl Strategy<Value = ClientKeyMaterial> {
    let capabilities = (
        code_points(),
        code_points(),
        code_points(),
        code_points(),
        code_points(),
    )
        .prop_map(
            |(versions, cipher_suites, extensions, proposals, credentials)| Capabilities {
                versions,
                cipher_suites,
                extensions,
                proposals,
                credentials,
            },
        );
    prop_oneof![
        (samples::identifier(), samples::key_package()).prop_map(|(client_uri, key_package)| {
            ClientKeyMaterial::Success {
                client_uri,
                key_package,
            }
        }),
        samples::identifier()
            .prop_map(|client_uri| ClientKeyMaterial::KeyMaterialExhausted { client_uri }),
        (samples::identifier(), option::of(capabilities)).prop_map(
            |(client_uri, client_capabilities)| {
                ClientKeyMaterial::NothingCompatible {
                    client_uri,
                    client_capabilities,
                }
            }
        ),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    let change = (any::<u32>(), vec(any::<u32>(), 0..4)).prop_map(
        |(from_role_index, target_role_indexes)| SingleSourceRoleChangeTargets {
            from_role_index,
            target_role_indexes,
        },
    );
    let limits = (
        any::<u32>(),
        option::of(any::<u32>()),
        any::<u32>(),
        option::of(any::<u32>()),
    );
    (
        any::<u32>(),
        "\\PC{0,20}",
        "\\PC{0,20}",
        code_points(),
        limits,
        vec(change, 0..3),
    )
        .prop_map(
            |(
                role_index,
                role_name,
                role_description,
                role_capabilities,
                limits,
                authorized_role_changes,
            )| Role {
                role_index,
                role_name,
                role_description,
                role_capabilities,
                minimum_participants_constraint: limits.0,
                maximum_participants_constraint: limits.1,
                minimum_active_participants_constraint: limits.2,
                maximum_active_participants_constraint: limits.3,
                authorized_role_changes,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn key_material(
        users in (samples::user(), samples::user(), samples::room()),
        lists in (code_points(), code_points(), code_points(), code_points()),
        signed in (opaque(), credential(), opaque()),
        clients in vec(client_key_material(), 0..3),
    ) {
        let request = KeyMaterialRequest {
            protocol: Protocol::Mls10,
            requesting_user: users.0,
            target_user: users.1.clone(),
            room_id: users.2,
            acceptable_ciphersuites: lists.0,
            required_capabilities: RequiredCapabilities {
                extension_types: lists.1,
                proposal_types: lists.2,
                credential_types: lists.3,
            },
            requester_signature_key: signed.0,
            requester_credential: signed.1,
            key_material_request_signature: signed.2,
        };
        assert_round_trip(&request);
        let tbs = request.tbs().unwrap();
        let signature = encode(&request.key_material_request_signature).unwrap();
        prop_assert_eq!(cat(&[&tbs, &signature]), encode(&request).unwrap());
        let unsigned = KeyMaterialRequest { key_material_request_signature: Opaque::default(), ..request };
        prop_assert_eq!(unsigned.tbs().unwrap(), tbs, "what is signed does not hold the signature");

        assert_round_trip(&KeyMaterialResponse {
            protocol: Protocol::Mls10,
            user_status: KeyMaterialUserCode::Success,
            user_uri: users.1,
            clients,
        });
    }

    #[test]
    fn update(bundle in bundle(), references in vec(samples::bytes(33), 0..3), description in "\\PC{0,40}") {
        assert_round_trip(&UpdateRequest { bundle });
        let proposals = references.into_iter().map(|bytes| bytes.try_into().unwrap()).collect();
        assert_round_trip(&UpdateRoomResponse::InvalidProposal { description, proposals });
    }

    #[test]
    fn submit(app_message in samples::application(), sending_uri in samples::user(), frank in option::of(frank())) {
        assert_round_trip(&SubmitMessageRequest { protocol: Protocol::Mls10, app_message, sending_uri });
        assert_round_trip(&SubmitMessageResponse::Accepted { accepted_timestamp: 7, frank });
    }

    #[test]
    fn fan_out(
        timestamp: u64,
        frank in option::of(frank()),
        application in samples::application(),
        handshakes in (samples::proposal(), samples::commit(), proposals()),
        welcome in samples::welcome(),
        ratchet_tree in tree_option(),
    ) {
        let (proposal, commit, others) = handshakes;
        let written = FanoutMessage::write_application(timestamp, &application, frank.as_ref());
        let messages = [
            (application, FanoutTail::Application { frank }),
            (proposal, FanoutTail::Proposal { more_proposals: others.clone() }),
            (commit, FanoutTail::Commit { external_proposals: others }),
            (MlsMessage::from_welcome(&welcome), FanoutTail::Welcome { ratchet_tree }),
        ]
        .map(|(message, tail)| FanoutMessage { timestamp, message, tail });
        prop_assert_eq!(&written, &encode(&messages[0]).unwrap());
        let mut body = Vec::new();
        for message in &messages {
            assert_round_trip(message);
            body.extend(encode(message).unwrap());
        }
        prop_assert_eq!(FanoutMessage::decode_all(&body).unwrap(), messages);
    }

    #[test]
    fn group_info(
        request in (any::<u16>(), opaque(), credential(), opaque(), opaque(), opaque()),
        room_id in samples::room(),
        sender in (opaque(), credential()),
        sealed in (opaque(), opaque(), opaque()),
        inside in (samples::group_info(), tree_option(), vec((samples::proposal(), any::<u64>()), 0..3)),
    ) {
        let request = GroupInfoRequest {
            protocol: Protocol::Mls10,
            cipher_suite: request.0,
            requesting_signature_key: request.1,
            requesting_credential: request.2,
            group_info_public_key: request.3,
            joining_code: request.4,
            signature: request.5,
        };
        assert_round_trip(&request);
        let signature = encode(&request.signature).unwrap();
        prop_assert_eq!(cat(&[&request.tbs().unwrap(), &signature]), encode(&request).unwrap());

        let response = GroupInfoResponse::Success {
            room_id: room_id.clone(),
            cipher_suite: 1,
            hub_sender: ExternalSender { signature_key: sender.0, credential: sender.1 },
            encrypted_groupinfo_and_tree: HpkeCiphertext { kem_output: sealed.0, ciphertext: sealed.1 },
            signature: sealed.2.clone(),
        };
        assert_round_trip(&response);
        let tbs = response.tbs().unwrap().unwrap();
        prop_assert_eq!(cat(&[&tbs, &encode(&sealed.2).unwrap()]), encode(&response).unwrap());
        for refusal in [
            GroupInfoResponse::NotAuthorized { room_id: room_id.clone() },
            GroupInfoResponse::NoSuchRoom { room_id },
        ] {
            assert_round_trip(&refusal);
            prop_assert_eq!(refusal.tbs().unwrap(), None);
        }

        assert_round_trip(&GroupInfoRatchetTreeTbe {
            group_info: inside.0,
            ratchet_tree: inside.1,
            pending_proposals: inside
                .2
                .into_iter()
                .map(|(proposal, hub_accepted_time)| PendingProposal { proposal, hub_accepted_time })
                .collect(),
        });
    }

    #[test]
    fn components(
        users in vec((samples::user(), any::<u32>()), 0..4),
        changes in vec((any::<u32>(), any::<u32>()), 0..4),
        roles in vec(role(), 0..4),
        policy in (any::<[bool; 6]>(), opaque(), option::of(any::<u32>()), option::of(any::<u32>()), code_points()),
        agent in (opaque(), credential()),
    ) {
        let participants: Vec<_> =
            users.into_iter().map(|(user, role_index)| UserRolePair { user, role_index }).collect();
        assert_round_trip(&ParticipantListData { participants: participants.clone() });
        assert_round_trip(&ParticipantListUpdate {
            removed_indices: changes.iter().map(|change| change.0).collect(),
            changed_role_participants: changes
                .into_iter()
                .map(|(user_index, role_index)| UserIndexRolePair { user_index, role_index })
                .collect(),
            added_participants: participants,
        });
        assert_round_trip(&RoleData { roles });
        let ([fixed, parent, multi, pseudonyms, persistent, discoverable], parent_room, clients, users, ids) = policy;
        assert_round_trip(&BaseRoomPolicy {
            fixed_membership: fixed,
            parent_dependant: parent,
            parent_room,
            multi_device: multi,
            max_clients: clients,
            max_users: users,
            pseudonyms_allowed: pseudonyms,
            persistent_room: persistent,
            discoverable,
            policy_component_ids: ids,
        });
        assert_round_trip(&FrankingAgentData { franking_signature_key: agent.0, credential: agent.1 });
    }

    #[test]
    fn the_number_of_proposals_is_bounded(proposal in samples::proposal()) {
        let small = MlsMessage::from_bytes(from_hex("00010001 00 0000000000000000 01 00000000 00 02 000a 00 00")).unwrap();
        let bundle = |count| HandshakeBundle::Proposal {
            proposal: proposal.clone(),
            more_proposals: vec![small.clone(); count],
        };
        assert_round_trip(&bundle(MAX_MORE_PROPOSALS));
        prop_assert!(encode(&bundle(MAX_MORE_PROPOSALS + 1)).is_err());
        let too_many = small.as_bytes().repeat(MAX_MORE_PROPOSALS + 1);
        prop_assert!(decode::<HandshakeBundle>(&cat(&[proposal.as_bytes(), &vector(&too_many)])).is_err());
    }
}
