//! Invites as links: `https://a.example/invite#<token>`.
//!
//! The token stands in the fragment, which no browser sends to a server and no proxy writes into a
//! log. The link names the domain, so that a client knows at once when it is for another one; it is
//! not fetched by anybody.

use std::fmt;

use crate::limits::{MAX_TEXT_BYTES, MAX_URI_BYTES};
use crate::uri::{Provider, UriError};

const SCHEME: &str = "https://";
const PATH: &str = "/invite#";

/// An invite and the domain it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteLink {
    provider: Provider,
    token: String,
}

/// Why a text is not an invite link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InviteLinkError {
    /// The domain in it is none.
    #[error("the link names no domain: {0}")]
    Domain(#[from] UriError),
    /// Not of the form `https://<domain>/invite#<token>`.
    #[error("an invite link reads https://a.example/invite#...")]
    Shape,
    /// What stands behind the `#` cannot be a token: empty, too long, or with other characters than
    /// letters, digits, `-` and `_`.
    #[error("the link is cut short or damaged behind its #")]
    Token,
}

impl InviteLink {
    /// The link of a token.
    ///
    /// # Errors
    /// [`InviteLinkError::Token`].
    pub fn new(provider: Provider, token: String) -> Result<Self, InviteLinkError> {
        if is_token(&token) {
            Ok(Self { provider, token })
        } else {
            Err(InviteLinkError::Token)
        }
    }

    /// Whether a text means to be a link, and not a bare token.
    pub fn is_meant(text: &str) -> bool {
        text.contains(['/', ':', '#'])
    }

    /// Reads a link, with white space around it.
    ///
    /// # Errors
    /// What [`InviteLinkError`] lists.
    pub fn parse(text: &str) -> Result<Self, InviteLinkError> {
        let text = text.trim();
        if text.len() > MAX_URI_BYTES + MAX_TEXT_BYTES {
            return Err(InviteLinkError::Shape);
        }
        let (scheme, rest) = text
            .split_at_checked(SCHEME.len())
            .ok_or(InviteLinkError::Shape)?;
        let (domain, token) = rest.split_once(PATH).ok_or(InviteLinkError::Shape)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) || domain.contains(['/', ':']) {
            return Err(InviteLinkError::Shape);
        }
        Self::new(Provider::parse(domain)?, token.to_owned())
    }

    /// Whose server the invite is for.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The token, which is a secret.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The link, which is as secret as the token.
    pub fn to_text(&self) -> String {
        format!("{SCHEME}{}{PATH}{}", self.provider.domain(), self.token)
    }
}

impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InviteLink")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

fn is_token(text: &str) -> bool {
    (1..=MAX_TEXT_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_link_is_read_as_people_paste_it() {
        for text in [
            "https://a.example/invite#k7q2",
            " https://a.example/invite#k7q2\n",
            "HTTPS://A.Example./invite#k7q2",
        ] {
            let link = InviteLink::parse(text).unwrap();
            assert_eq!(
                (link.provider().domain(), link.token()),
                ("a.example", "k7q2")
            );
            assert_eq!(link.to_text(), "https://a.example/invite#k7q2");
        }
    }

    #[test]
    fn what_is_no_link_is_told_apart() {
        use InviteLinkError::{Domain, Shape, Token};
        for (text, expected) in [
            ("k7q2", Shape),
            ("https://", Shape),
            ("http://a.example/invite#k7q2", Shape),
            ("https://a.example/invite", Shape),
            ("https://a.example/other#k7q2", Shape),
            ("https://a.example:8448/invite#k7q2", Shape),
            ("https://a.example/invite#", Token),
            ("https://a.example/invite#k7q2?x=1", Token),
            ("https://a.example/invite#k7 q2", Token),
            ("https:///invite#k7q2", Domain(UriError::Domain)),
        ] {
            assert_eq!(InviteLink::parse(text), Err(expected), "{text}");
        }
        assert!(!InviteLink::is_meant("k7q2"));
        assert!(InviteLink::is_meant("https://a.example/invite"));
    }

    #[test]
    fn debug_shows_no_token() {
        let link = InviteLink::parse("https://a.example/invite#k7q2").unwrap();
        assert!(!format!("{link:?}").contains("k7q2"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_is_written_again(text in "\\PC{0,80}") {
            let linked = format!("https://a.example/invite#{text}");
            for text in [&text, &linked] {
                if let Ok(link) = InviteLink::parse(text) {
                    prop_assert_eq!(InviteLink::parse(&link.to_text()), Ok(link));
                }
            }
        }
    }
}
