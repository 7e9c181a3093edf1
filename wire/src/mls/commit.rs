//! The update path in a commit (RFC 9420, sections 7.6 and 12.4).

use super::cursor::Cursor;

/// The public keys of the path's nodes, from the leaf upwards. The cursor is where the commit
/// begins.
pub(super) fn update_path_keys<'a>(cursor: &mut Cursor<'a>) -> Vec<&'a [u8]> {
    cursor.opaque(); // proposals
    if cursor.u8() == 0 {
        return Vec::new();
    }
    pass_leaf_node(cursor);
    let mut nodes = Cursor::new(cursor.opaque());
    let mut keys = Vec::new();
    while !nodes.is_at_end() {
        keys.push(nodes.opaque());
        nodes.opaque(); // encrypted_path_secret
    }
    keys
}

/// Reads over a `LeafNode` (section 7.2).
fn pass_leaf_node(cursor: &mut Cursor<'_>) {
    cursor.opaque(); // encryption_key
    cursor.opaque(); // signature_key
    cursor.u16(); // credential type
    cursor.opaque(); // the identity, or the certificates
    for _capability in 0..5 {
        cursor.opaque();
    }
    match cursor.u8() {
        1 => {
            cursor.u64(); // not_before
            cursor.u64(); // not_after
        }
        3 => {
            cursor.opaque(); // parent_hash
        }
        _ => {}
    }
    cursor.opaque(); // extensions
    cursor.opaque(); // signature
}
