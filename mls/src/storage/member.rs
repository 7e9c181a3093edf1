//! What OpenMLS asks a member's storage for, answered from [`MemberStorage`]'s changes and records.
//!
//! Nothing here decides anything: each method is a key and a value. The macros only spare 30
//! methods that differ in a name.

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    MemberStorage, Records, StorageError, codec, decode, encode, encode_self_describing, scoped,
};

impl<R: Records> MemberStorage<'_, R> {
    fn list<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Vec<T>, StorageError> {
        let items: Vec<Vec<u8>> = self.find(key)?.unwrap_or_default();
        items.iter().map(|item| decode(item)).collect()
    }

    /// The queued proposals of a room, the oldest first.
    fn queue(&self, key: &[u8]) -> Result<Vec<Queued>, StorageError> {
        Ok(self.find(key)?.unwrap_or_default())
    }
}

/// A queued proposal with its reference, both encoded.
#[derive(Serialize, Deserialize)]
struct Queued {
    reference: Vec<u8>,
    proposal: Vec<u8>,
}

/// The key of one record of a room.
fn of_room(group: &impl Serialize, label: &str) -> Result<Vec<u8>, StorageError> {
    let mut key = scoped("room", group)?;
    key.push(b'/');
    key.extend_from_slice(label.as_bytes());
    Ok(key)
}

/// The key of the HPKE key pairs a leaf holds in one epoch of a room.
fn of_epoch(
    group: &impl Serialize,
    epoch: &impl Serialize,
    leaf: u32,
) -> Result<Vec<u8>, StorageError> {
    let mut key = of_room(group, "epoch_keys/")?;
    key.extend(postcard::to_stdvec(&(epoch, leaf)).map_err(codec)?);
    Ok(key)
}

/// One value per room: how it is written, read and deleted. The generics' order is the trait's.
macro_rules! of_room {
    ($label:literal: $write:ident, $read:ident, $delete:ident<$($generic:ident),+> = $Value:ident) => {
        of_room!($label: $write, $read <$($generic),+> = $Value);

        fn $delete<GroupId: traits::GroupId<CURRENT_VERSION>>(
            &self,
            group: &GroupId,
        ) -> Result<(), StorageError> {
            self.remove(of_room(group, $label)?);
            Ok(())
        }
    };
    ($label:literal: $write:ident, $read:ident<$($generic:ident),+> = $Value:ident) => {
        fn $write<$($generic: traits::$generic<CURRENT_VERSION>),+>(
            &self,
            group: &GroupId,
            value: &$Value,
        ) -> Result<(), StorageError> {
            self.put(of_room(group, $label)?, value)
        }

        fn $read<$($generic: traits::$generic<CURRENT_VERSION>),+>(
            &self,
            group: &GroupId,
        ) -> Result<Option<$Value>, StorageError> {
            self.find(&of_room(group, $label)?)
        }
    };
}

/// One value per key of its own. The reader's generics stand in the trait's order.
macro_rules! of_key {
    ($kind:literal: $write:ident, $read:ident<$($generic:ident),+>, $delete:ident, $Key:ident = $Value:ident) => {
        fn $write<$Key: traits::$Key<CURRENT_VERSION>, $Value: traits::$Value<CURRENT_VERSION>>(
            &self,
            id: &$Key,
            value: &$Value,
        ) -> Result<(), StorageError> {
            self.put(scoped($kind, id)?, value)
        }

        fn $read<$($generic: traits::$generic<CURRENT_VERSION>),+>(
            &self,
            id: &$Key,
        ) -> Result<Option<$Value>, StorageError> {
            self.find(&scoped($kind, id)?)
        }

        fn $delete<$Key: traits::$Key<CURRENT_VERSION>>(
            &self,
            id: &$Key,
        ) -> Result<(), StorageError> {
            self.remove(scoped($kind, id)?);
            Ok(())
        }
    };
}

impl<R: Records> StorageProvider<CURRENT_VERSION> for MemberStorage<'_, R> {
    type Error = StorageError;

    of_room!("tree": write_tree, tree, delete_tree<GroupId, TreeSync> = TreeSync);
    of_room!("context": write_context, group_context, delete_context<GroupId, GroupContext> = GroupContext);
    of_room!("interim_transcript_hash": write_interim_transcript_hash, interim_transcript_hash,
        delete_interim_transcript_hash<GroupId, InterimTranscriptHash> = InterimTranscriptHash);
    of_room!("confirmation_tag": write_confirmation_tag, confirmation_tag,
        delete_confirmation_tag<GroupId, ConfirmationTag> = ConfirmationTag);
    of_room!("state": write_group_state, group_state, delete_group_state<GroupState, GroupId> = GroupState);
    of_room!("message_secrets": write_message_secrets, message_secrets,
        delete_message_secrets<GroupId, MessageSecrets> = MessageSecrets);
    of_room!("resumption_psks": write_resumption_psk_store, resumption_psk_store,
        delete_all_resumption_psk_secrets<GroupId, ResumptionPskStore> = ResumptionPskStore);
    of_room!("own_leaf_index": write_own_leaf_index, own_leaf_index,
        delete_own_leaf_index<GroupId, LeafNodeIndex> = LeafNodeIndex);
    of_room!("epoch_secrets": write_group_epoch_secrets, group_epoch_secrets,
        delete_group_epoch_secrets<GroupId, GroupEpochSecrets> = GroupEpochSecrets);
    of_room!("export_tree": write_application_export_tree,
        application_export_tree<GroupId, ApplicationExportTree> = ApplicationExportTree);

    of_key!("signature": write_signature_key_pair, signature_key_pair<SignaturePublicKey, SignatureKeyPair>,
        delete_signature_key_pair, SignaturePublicKey = SignatureKeyPair);
    of_key!("hpke": write_encryption_key_pair, encryption_key_pair<HpkeKeyPair, EncryptionKey>,
        delete_encryption_key_pair, EncryptionKey = HpkeKeyPair);
    of_key!("key_package": write_key_package, key_package<HashReference, KeyPackage>,
        delete_key_package, HashReference = KeyPackage);
    of_key!("psk": write_psk, psk<PskBundle, PskId>, delete_psk, PskId = PskBundle);

    fn delete_application_export_tree<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ApplicationExportTree: traits::ApplicationExportTree<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
    ) -> Result<(), StorageError> {
        self.remove(of_room(group, "export_tree")?);
        Ok(())
    }

    fn write_mls_join_config<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        MlsGroupJoinConfig: traits::MlsGroupJoinConfig<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
        config: &MlsGroupJoinConfig,
    ) -> Result<(), StorageError> {
        self.put_encoded(of_room(group, "config")?, encode_self_describing(config)?);
        Ok(())
    }

    fn mls_group_join_config<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        MlsGroupJoinConfig: traits::MlsGroupJoinConfig<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
    ) -> Result<Option<MlsGroupJoinConfig>, StorageError> {
        self.find(&of_room(group, "config")?)
    }

    fn delete_group_config<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group: &GroupId,
    ) -> Result<(), StorageError> {
        self.remove(of_room(group, "config")?);
        Ok(())
    }

    fn append_own_leaf_node<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        LeafNode: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
        leaf: &LeafNode,
    ) -> Result<(), StorageError> {
        let key = of_room(group, "own_leaves")?;
        let mut items: Vec<Vec<u8>> = self.find(&key)?.unwrap_or_default();
        items.push(encode(leaf)?);
        self.put(key, &items)
    }

    fn own_leaf_nodes<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        LeafNode: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
    ) -> Result<Vec<LeafNode>, StorageError> {
        self.list(&of_room(group, "own_leaves")?)
    }

    fn delete_own_leaf_nodes<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group: &GroupId,
    ) -> Result<(), StorageError> {
        self.remove(of_room(group, "own_leaves")?);
        Ok(())
    }

    fn queue_proposal<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
        reference: &ProposalRef,
        proposal: &QueuedProposal,
    ) -> Result<(), StorageError> {
        let key = of_room(group, "proposals")?;
        let mut queue = self.queue(&key)?;
        queue.push(Queued {
            reference: encode(reference)?,
            proposal: encode(proposal)?,
        });
        self.put(key, &queue)
    }

    fn queued_proposal_refs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
    ) -> Result<Vec<ProposalRef>, StorageError> {
        let queue = self.queue(&of_room(group, "proposals")?)?;
        queue.iter().map(|one| decode(&one.reference)).collect()
    }

    fn queued_proposals<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
    ) -> Result<Vec<(ProposalRef, QueuedProposal)>, StorageError> {
        let queue = self.queue(&of_room(group, "proposals")?)?;
        queue
            .iter()
            .map(|one| Ok((decode(&one.reference)?, decode(&one.proposal)?)))
            .collect()
    }

    fn remove_proposal<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
        reference: &ProposalRef,
    ) -> Result<(), StorageError> {
        let key = of_room(group, "proposals")?;
        let unwanted = encode(reference)?;
        let mut queue = self.queue(&key)?;
        queue.retain(|one| one.reference != unwanted);
        self.put(key, &queue)
    }

    fn clear_proposal_queue<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
    ) -> Result<(), StorageError> {
        self.remove(of_room(group, "proposals")?);
        Ok(())
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
        epoch: &EpochKey,
        leaf: u32,
        key_pairs: &[HpkeKeyPair],
    ) -> Result<(), StorageError> {
        let items: Vec<Vec<u8>> = key_pairs.iter().map(encode).collect::<Result<_, _>>()?;
        self.put(of_epoch(group, epoch, leaf)?, &items)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
        epoch: &EpochKey,
        leaf: u32,
    ) -> Result<Vec<HpkeKeyPair>, StorageError> {
        self.list(&of_epoch(group, epoch, leaf)?)
    }

    fn delete_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        group: &GroupId,
        epoch: &EpochKey,
        leaf: u32,
    ) -> Result<(), StorageError> {
        self.remove(of_epoch(group, epoch, leaf)?);
        Ok(())
    }
}
