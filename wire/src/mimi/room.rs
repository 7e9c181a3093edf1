//! Components of the group context that MIMI's providers read: participants, roles, metadata, base
//! policy (draft-ietf-mimi-protocol-06, section 8; draft-ietf-mimi-room-policy-03).
//!
//! Structs only; what an update does to a list and who may make it stands with the policy.
//!
//! The surprise: a component's update is not always a whole new value. [`ParticipantListUpdate`]
//! changes roles and removes by index into the current list, in that order, and then appends.

use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::{Bounded, Opaque, Text, flag};
use crate::limits::{
    MAX_CODE_POINTS_BYTES, MAX_COMPONENT_BYTES, MAX_PARTICIPANT_LIST_BYTES, MAX_TEXT_BYTES,
    MAX_URI_BYTES,
};
use crate::uri::{IdentifierUri, RoomUri, UserUri};

/// Component ids.
pub mod component {
    /// Which components a group or client knows (mls-extensions).
    pub const APP_COMPONENTS: u16 = 0x0001;
    /// That authenticated data is a list of components (mls-extensions).
    pub const SAFE_AAD: u16 = 0x0002;
    /// Marks a last-resort `KeyPackage` (mls-extensions).
    pub const LAST_RESORT_KEY_PACKAGE: u16 = 0x0004;
    /// The sender's franking tag, in the Safe AAD.
    pub const FRANK_AAD: u16 = 0x0020;
    /// Who franks.
    pub const FRANKING_AGENT: u16 = 0x0021;
    /// Who is in the room.
    pub const PARTICIPANT_LIST: u16 = 0x0022;
    /// The room's URI; its name is content.
    pub const ROOM_METADATA: u16 = 0x0023;
    /// Limits of MLS use in the room.
    pub const MLS_OPERATIONAL_POLICY: u16 = 0x0024;
    /// What each role may do.
    pub const ROLES_LIST: u16 = 0x0025;
    /// Who may join without being added.
    pub const PREAUTH_LIST: u16 = 0x0026;
    /// What kind of room it is.
    pub const BASE_ROOM_POLICY: u16 = 0x0027;
    /// Grove's own: the signed record of the room's creation, immutable.
    pub const CREATION_RECORD: u16 = 0x8001;
}

/// Code points of what a role may do (room-policy, capability registry). Reserved ones are left
/// out.
pub mod capability {
    macro_rules! capabilities {
        ($($name:ident = $value:literal: $doc:literal),+ $(,)?) => { $(
            #[doc = $doc]
            pub const $name: u16 = $value;
        )+ };
    }
    capabilities! {
        CAN_ADD_PARTICIPANT = 0x0000: "`canAddParticipant`",
        CAN_REMOVE_PARTICIPANT = 0x0001: "`canRemoveParticipant`",
        CAN_ADD_OWN_CLIENT = 0x0002: "`canAddOwnClient`",
        CAN_REMOVE_OWN_CLIENT = 0x0003: "`canRemoveOwnClient`",
        CAN_OPEN_JOIN = 0x0004: "`canOpenJoin`",
        CAN_JOIN_IF_PREAUTHORIZED = 0x0005: "`canJoinIfPreauthorized`",
        CAN_REMOVE_SELF = 0x0006: "`canRemoveSelf`",
        CAN_USE_JOIN_CODE = 0x0009: "`canUseJoinCode`",
        CAN_BAN = 0x000a: "`canBan`",
        CAN_UN_BAN = 0x000b: "`canUnBan`",
        CAN_KICK = 0x000c: "`canKick`",
        CAN_CHANGE_USER_ROLE = 0x000f: "`canChangeUserRole`",
        CAN_CHANGE_OWN_ROLE = 0x0010: "`canChangeOwnRole`",
        CAN_SEND_MESSAGE = 0x0100: "`canSendMessage`",
        CAN_RECEIVE_MESSAGE = 0x0101: "`canReceiveMessage`",
        CAN_COPY_MESSAGE = 0x0102: "`canCopyMessage`",
        CAN_REPORT_ABUSE = 0x0103: "`canReportAbuse`",
        CAN_REPLY_TO_MESSAGE = 0x0104: "`canReplyToMessage`",
        CAN_REACT_TO_MESSAGE = 0x0105: "`canReactToMessage`",
        CAN_EDIT_REACTION = 0x0106: "`canEditReaction`",
        CAN_DELETE_OWN_REACTION = 0x0107: "`canDeleteOwnReaction`",
        CAN_DELETE_OTHER_REACTION = 0x0108: "`canDeleteOtherReaction`",
        CAN_EDIT_OWN_MESSAGE = 0x0109: "`canEditOwnMessage`",
        CAN_DELETE_OWN_MESSAGE = 0x010a: "`canDeleteOwnMessage`",
        CAN_DELETE_OTHER_MESSAGE = 0x010b: "`canDeleteOtherMessage`",
        CAN_START_TOPIC = 0x010c: "`canStartTopic`",
        CAN_REPLY_IN_TOPIC = 0x010d: "`canReplyInTopic`",
        CAN_EDIT_OWN_TOPIC = 0x010e: "`canEditOwnTopic`",
        CAN_EDIT_OTHER_TOPIC = 0x010f: "`canEditOtherTopic`",
        CAN_CHANGE_ROOM_NAME = 0x0300: "`canChangeRoomName`",
        CAN_CHANGE_ROOM_DESCRIPTION = 0x0301: "`canChangeRoomDescription`",
        CAN_CHANGE_ROOM_AVATAR = 0x0302: "`canChangeRoomAvatar`",
        CAN_CHANGE_ROOM_SUBJECT = 0x0303: "`canChangeRoomSubject`",
        CAN_CHANGE_ROOM_MOOD = 0x0304: "`canChangeRoomMood`",
        CAN_DESTROY_ROOM = 0x0501: "`canDestroyRoom`",
        CAN_CHANGE_ROOM_MEMBERSHIP_STYLE = 0x0502: "`canChangeRoomMembershipStyle`",
        CAN_CHANGE_ROLE_DEFINITIONS = 0x0503: "`canChangeRoleDefinitions`",
        CAN_CHANGE_PREAUTHORIZED_USER_LIST = 0x0504: "`canChangePreauthorizedUserList`",
        CAN_SEND_MLS_REINIT_PROPOSAL = 0x0601: "`canSendMLSReinitProposal`",
    }
}

/// Who is in the room, with one role each (component 0x0022).
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct ParticipantListData {
    /// Participants; updates refer to them by index.
    #[tls_codec(with = "Bounded::<MAX_PARTICIPANT_LIST_BYTES>")]
    pub participants: Vec<UserRolePair>,
}

/// A participant.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct UserRolePair {
    /// The user.
    pub user: UserUri,
    /// The `role_index` of its role.
    pub role_index: u32,
}

/// A change of the participant list.
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct ParticipantListUpdate {
    /// First: new roles, by index.
    #[tls_codec(with = "Bounded::<MAX_PARTICIPANT_LIST_BYTES>")]
    pub changed_role_participants: Vec<UserIndexRolePair>,
    /// Second: removals, by index into the list as it was.
    #[tls_codec(with = "Bounded::<MAX_PARTICIPANT_LIST_BYTES>")]
    pub removed_indices: Vec<u32>,
    /// Third: additions, appended.
    #[tls_codec(with = "Bounded::<MAX_PARTICIPANT_LIST_BYTES>")]
    pub added_participants: Vec<UserRolePair>,
}

/// A new role for the participant at an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct UserIndexRolePair {
    /// Index into the participant list.
    pub user_index: u32,
    /// The `role_index` of the new role.
    pub role_index: u32,
}

/// What is told of a room in clear (component 0x0023).
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct RoomMetaData {
    /// The room.
    pub room_uri: IdentifierUri,
    /// Empty in Grove's rooms.
    #[tls_codec(with = "Text::<MAX_TEXT_BYTES>")]
    pub room_name: String,
    /// Empty in Grove's rooms.
    #[tls_codec(with = "Bounded::<MAX_COMPONENT_BYTES>")]
    pub room_descriptions: Vec<RichDescription>,
    /// Empty in Grove's rooms.
    pub room_avatar: Opaque<MAX_TEXT_BYTES>,
    /// Empty in Grove's rooms.
    #[tls_codec(with = "Text::<MAX_TEXT_BYTES>")]
    pub room_subject: String,
    /// Empty in Grove's rooms.
    #[tls_codec(with = "Text::<MAX_TEXT_BYTES>")]
    pub room_mood: String,
}

/// A room's description in one format and language.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct RichDescription {
    /// Empty for plain text.
    pub media_type: Opaque<MAX_TEXT_BYTES>,
    /// RFC 5646.
    pub language_tag: Opaque<MAX_TEXT_BYTES>,
    /// The text.
    pub description_content: Opaque<MAX_COMPONENT_BYTES>,
}

/// The room's roles (component 0x0025).
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct RoleData {
    /// Roles; indexes may have gaps.
    #[tls_codec(with = "Bounded::<MAX_COMPONENT_BYTES>")]
    pub roles: Vec<Role>,
}

/// One role.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct Role {
    /// Its number; 0 means not in the list, 1 is banned.
    pub role_index: u32,
    /// Its name.
    #[tls_codec(with = "Text::<MAX_TEXT_BYTES>")]
    pub role_name: String,
    /// For people.
    #[tls_codec(with = "Text::<MAX_TEXT_BYTES>")]
    pub role_description: String,
    /// What it may do: values of [`capability`].
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub role_capabilities: Vec<u16>,
    /// Fewest participants with this role.
    pub minimum_participants_constraint: u32,
    /// Most participants with this role.
    pub maximum_participants_constraint: Option<u32>,
    /// Fewest of them with a client in the group.
    pub minimum_active_participants_constraint: u32,
    /// Most of them with a client in the group; 0 means that users of this role have no client.
    pub maximum_active_participants_constraint: Option<u32>,
    /// Role changes its holders may make to others.
    #[tls_codec(with = "Bounded::<MAX_COMPONENT_BYTES>")]
    pub authorized_role_changes: Vec<SingleSourceRoleChangeTargets>,
}

/// The roles into which a role may be changed.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct SingleSourceRoleChangeTargets {
    /// The role before; 0 for somebody not in the list.
    pub from_role_index: u32,
    /// Roles after; 0 for removal.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub target_role_indexes: Vec<u32>,
}

/// What kind of room it is (component 0x0027).
#[expect(clippy::struct_excessive_bools, reason = "the draft's struct")]
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct BaseRoomPolicy {
    /// Nobody is added or leaves; clients may come and go.
    #[tls_codec(with = "flag")]
    pub fixed_membership: bool,
    /// Members must be members of the parent room (the draft's spelling).
    #[tls_codec(with = "flag")]
    pub parent_dependant: bool,
    /// The parent room, or empty.
    pub parent_room: Opaque<MAX_URI_BYTES>,
    /// Users may have several clients.
    #[tls_codec(with = "flag")]
    pub multi_device: bool,
    /// Most clients in the room.
    pub max_clients: Option<u32>,
    /// Most users in the room.
    pub max_users: Option<u32>,
    /// Pseudonyms may join.
    #[tls_codec(with = "flag")]
    pub pseudonyms_allowed: bool,
    /// The room survives its MLS group.
    #[tls_codec(with = "flag")]
    pub persistent_room: bool,
    /// The room can be found.
    #[tls_codec(with = "flag")]
    pub discoverable: bool,
    /// Further policy components in the group context.
    #[tls_codec(with = "Bounded::<MAX_CODE_POINTS_BYTES>")]
    pub policy_component_ids: Vec<u16>,
}

/// The `AppDataUpdate` proposal (draft-ietf-mls-extensions-10, section 4.7), without its proposal
/// type.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct AppDataUpdate {
    /// Which component.
    pub component_id: u16,
    /// What happens to it.
    pub operation: AppDataUpdateOperation,
}

/// What an [`AppDataUpdate`] does.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum AppDataUpdateOperation {
    /// Changes the component, in the component's own form.
    #[tls_codec(discriminant = 1)]
    Update(Opaque<MAX_COMPONENT_BYTES>),
    /// Takes it away.
    #[tls_codec(discriminant = 2)]
    Remove,
}

impl AppDataUpdate {
    /// The proposal type (mls-extensions).
    pub const PROPOSAL_TYPE: u16 = 8;
}

impl RoomMetaData {
    /// The metadata of every Grove room: its URI, fixed at creation, and nothing else.
    pub fn uri_only(room: &RoomUri) -> Self {
        Self {
            room_uri: room.into(),
            room_name: String::new(),
            room_descriptions: Vec::new(),
            room_avatar: Opaque::default(),
            room_subject: String::new(),
            room_mood: String::new(),
        }
    }
}
