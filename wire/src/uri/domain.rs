//! Domain names: made canonical, never resolved.
//!
//! Canonical means lower case, A-labels, no dot at the end. A single label is a domain here
//! (private networks have them); an IP address is not, in any of the spellings that URL parsers
//! take for one.

use super::UriError;

/// Longest domain name in its text form (RFC 1035, section 2.3.4).
const MAX_DOMAIN_BYTES: usize = 253;

/// The canonical form of a domain name.
pub(super) fn canonical(text: &str) -> Result<String, UriError> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let domain = if is_plain(text) {
        text.to_owned()
    } else {
        idna::domain_to_ascii_strict(text).map_err(|_not_idna| UriError::Domain)?
    };
    if is_host_name(&domain) && !ends_in_number(&domain) {
        Ok(domain)
    } else {
        Err(UriError::Domain)
    }
}

/// Whether IDNA has nothing to do: the way of nearly every name that arrives on the wire.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
    }) && !text.contains("--")
}

fn is_host_name(domain: &str) -> bool {
    domain.len() <= MAX_DOMAIN_BYTES
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
}

/// Whether a URL parser would read the name as an IPv4 address (WHATWG URL, «ends in a number»).
fn ends_in_number(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    let hex = last
        .strip_prefix("0x")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || last.bytes().all(|byte| byte.is_ascii_digit())
}
