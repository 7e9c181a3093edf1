//! The invite as people get it: a token, or a link that holds one.
//!
//! A link names the domain it is for, so a mistaken one is noticed before anything is made.

use grove_wire::invite::InviteLink;
use grove_wire::uri::Provider;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Failure;

/// The token of an invite for this provider.
///
/// # Errors
/// When it is a link that is damaged or for another provider.
pub(crate) fn token(
    invite: Zeroizing<String>,
    provider: &Provider,
) -> Result<Zeroizing<String>, Failure> {
    if !InviteLink::is_meant(&invite) {
        return Ok(invite);
    }
    let link = InviteLink::parse(&invite).map_err(|error| {
        Failure::caused(Exit::Usage, &error).advise("copy the whole link, or only the token")
    })?;
    if link.provider() != provider {
        let (invited, wanted) = (link.provider().domain(), provider.domain());
        return Err(Failure::new(
            Exit::Usage,
            format!("the invite is for {invited}, the address is at {wanted}"),
        )
        .advise(format!("take an address that ends in @{invited}")));
    }
    Ok(Zeroizing::new(link.token().to_owned()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::uri::Provider;
    use zeroize::Zeroizing;

    use super::token;
    use crate::exit::Exit;

    #[test]
    fn a_token_is_taken_bare_or_out_of_a_link_of_the_same_domain() {
        let provider = Provider::parse("a.example").unwrap();
        let of = |text: &str| token(Zeroizing::new(text.to_owned()), &provider);
        for text in ["k7q2", "https://a.example/invite#k7q2"] {
            assert_eq!(of(text).unwrap().as_str(), "k7q2");
        }
        for text in ["https://b.example/invite#k7q2", "https://a.example/invite#"] {
            let refused = of(text).unwrap_err();
            assert_eq!(refused.exit, Exit::Usage);
            assert!(!refused.message.contains("k7q2"), "{}", refused.message);
        }
    }
}
