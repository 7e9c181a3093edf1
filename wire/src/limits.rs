//! Every bound of what is said, in one place.
//!
//! A decoder refuses what exceeds its bound before it allocates. The drafts name no maximum sizes,
//! so these figures are ours: large enough for ten thousand members and post-quantum keys, small
//! enough that one request cannot exhaust a server. Bounds of policy (rates, quotas) are
//! configuration and stand with the server.

/// One KiB, to keep the figures below readable.
const KIB: usize = 1024;
/// One MiB.
const MIB: usize = 1024 * KIB;

/// An application `MLSMessage`, sealed.
pub const MAX_MESSAGE_BYTES: usize = 64 * KIB;
/// An `MLSMessage` that carries a commit or a proposal: a commit in a room of ten thousand holds
/// about one ciphertext per member in the worst case.
pub const MAX_HANDSHAKE_BYTES: usize = 4 * MIB;
/// A Welcome: one entry per added client.
pub const MAX_WELCOME_BYTES: usize = 4 * MIB;
/// A `GroupInfo` without its tree; the participant list stands in it.
pub const MAX_GROUP_INFO_BYTES: usize = MIB;
/// A ratchet tree, with its length prefix.
pub const MAX_TREE_BYTES: usize = 16 * MIB;
/// One `KeyPackage`.
pub const MAX_KEY_PACKAGE_BYTES: usize = 32 * KIB;
/// Extensions beside a commit (`PartialGroupInfo`).
pub const MAX_EXTENSIONS_BYTES: usize = MIB;

/// Body of a `submitMessage` request: a message, its sender's URI and a few fixed bytes.
pub const MAX_SUBMIT_BODY_BYTES: usize = MAX_MESSAGE_BYTES + KIB;
/// Body of an `update` request: a handshake with its Welcome and `GroupInfo`. Large trees travel by
/// `distributionService`, where the hub derives them itself.
pub const MAX_UPDATE_BODY_BYTES: usize = 8 * MIB;
/// Body of a room's creation, and of answers that carry a whole tree.
pub const MAX_ROOM_BODY_BYTES: usize = 24 * MIB;
/// Body of a `keyMaterial` or `groupInfo` request, and of other small binary requests.
pub const MAX_REQUEST_BODY_BYTES: usize = 64 * KIB;
/// A JSON body of the client API.
pub const MAX_JSON_BODY_BYTES: usize = MIB;
/// Clients of one user in a `keyMaterial` response.
pub const MAX_KEY_MATERIAL_BYTES: usize = 2 * MIB;
/// The ciphertext of a `groupInfo` response: `GroupInfo`, tree and pending proposals.
pub const MAX_SEALED_GROUP_INFO_BYTES: usize = MAX_ROOM_BODY_BYTES;

/// Proposals that travel together with a first one, or stapled to a commit.
pub const MAX_MORE_PROPOSALS: usize = 128;
/// The same in bytes.
pub const MAX_MORE_PROPOSALS_BYTES: usize = MIB;
/// `KeyPackage`s in one upload.
pub const MAX_KEY_PACKAGES_PER_UPLOAD: usize = 100;
/// Devices of one user, revoked ones not counted.
pub const MAX_DEVICES_PER_USER: usize = 32;
/// A signed device list.
pub const MAX_DEVICE_LIST_BYTES: usize = 64 * KIB;
/// A signed creation record.
pub const MAX_RECORD_BYTES: usize = 16 * KIB;
/// A signed receipt.
pub const MAX_RECEIPT_BYTES: usize = 4 * KIB;
/// A confirmation tag of an epoch: a MAC, as long as the suite's hash.
pub const MAX_CONFIRMATION_TAG_BYTES: usize = 64;
/// Participants that stand inline in the `GroupContext`.
pub const MAX_PARTICIPANTS_INLINE: usize = 1000;
/// The participant list, and an update of it, in bytes.
pub const MAX_PARTICIPANT_LIST_BYTES: usize = MIB;
/// The value of one component in the `GroupContext`.
pub const MAX_COMPONENT_BYTES: usize = MIB;
/// The additional authenticated data of one message.
pub const MAX_AUTHENTICATED_DATA_BYTES: usize = 16 * KIB;

/// A URI as text.
pub const MAX_URI_BYTES: usize = 512;
/// A signature; post-quantum ones are a few KiB.
pub const MAX_SIGNATURE_BYTES: usize = 8 * KIB;
/// A public key; post-quantum ones are a few KiB.
pub const MAX_PUBLIC_KEY_BYTES: usize = 8 * KIB;
/// The identity in a credential.
pub const MAX_CREDENTIAL_BYTES: usize = 4 * KIB;
/// A list of code points (suites, extensions, proposals, capabilities).
pub const MAX_CODE_POINTS_BYTES: usize = 2 * KIB;
/// A short text: an error description, a role's name, a media type.
pub const MAX_TEXT_BYTES: usize = 4 * KIB;
/// A joining code.
pub const MAX_JOINING_CODE_BYTES: usize = KIB;
/// A hash reference to a proposal or `KeyPackage`.
pub const MAX_REFERENCE_BYTES: usize = 64;
/// References to proposals in one answer.
pub const MAX_REFERENCES_BYTES: usize = 16 * KIB;

/// The id of a link between a new device and an old one.
pub const MAX_LINK_ID_BYTES: usize = 16;
/// An answer, a reveal or a sealed package on such a link: a device list and a few keys.
pub const MAX_LINK_BYTES: usize = 128 * KIB;
/// What one note between a user's own devices holds.
pub const MAX_ACCOUNT_NOTE_BYTES: usize = 40 * KIB;
/// A device's name, and a draft's text, are bounded by the note; a name also by this.
pub const MAX_DEVICE_NAME_BYTES: usize = 64;
/// Rooms in one page of a user's rooms.
pub const MAX_USER_ROOMS: usize = 1000;

/// One log entry: a `FanoutMessage` with what is stapled to it.
pub const MAX_ENTRY_BYTES: usize = MAX_HANDSHAKE_BYTES + MAX_MORE_PROPOSALS_BYTES + KIB;
/// The size at which a writer starts another frame. Soft: a frame holds at least one entry, however
/// large.
pub const MAX_FRAME_BYTES: usize = MIB;
/// What a reader of frames accepts for the entries of one frame.
pub const MAX_FRAME_ENTRIES_BYTES: usize = MAX_ENTRY_BYTES + MAX_FRAME_BYTES + KIB;
/// Positions in one acknowledgement, in bytes.
pub const MAX_POSITIONS_BYTES: usize = MIB;
