//! `grove whoami`, `grove status` and `grove trust`: what this device is, how it is doing, and whom
//! it believes.

use grove_core::{AcceptIdentityError, SafetyNumber};
use grove_wire::uri::UserUri;

use super::failures::failed;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{IdentityPage, Output, StatusPage, Trusted, WhoamiPage};
use crate::session::Session;

pub(crate) fn whoami(session: &Session, output: &mut Output<'_>) -> Result<(), Failure> {
    let me = session.client.whoami();
    output.print(&WhoamiPage {
        address: me.user.address(),
        user: me.user,
        client: me.client,
        profile: session.profile.name.to_string(),
        server: session.server.to_string(),
    })
}

/// Asks the server by catching up with it: that is what a person wants to know of it.
pub(crate) async fn status(session: &mut Session, output: &mut Output<'_>) -> Result<(), Failure> {
    let problem = session.catch_up().await.err();
    let status = session.client.status()?;
    output.print(&StatusPage {
        profile: session.profile.name.to_string(),
        database: session.profile.database().display().to_string(),
        server: session.server.to_string(),
        reachable: problem.is_none(),
        problem: problem.map(|failure| failure.message),
        status,
    })
}

/// Shows somebody's digits, or takes those that were compared.
pub(crate) async fn trust(
    session: &mut Session,
    user: Option<UserUri>,
    digits: &[String],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let user = user.unwrap_or_else(|| session.client.whoami().user);
    if digits.is_empty() {
        session.catch_up_if_possible(output).await?;
        let identity = session.client.identity_of(&user).await.map_err(failed)?;
        let own = identity.user == session.client.whoami().user;
        return output.print(&IdentityPage { identity, own });
    }
    let expected =
        SafetyNumber::parse(&digits.concat()).map_err(|error| Failure::new(Exit::Usage, error))?;
    session
        .client
        .accept_identity(&user, expected)
        .map_err(explain)?;
    session.catch_up_if_possible(output).await?;
    output.print(&Trusted {
        user,
        done: "trusted",
    })
}

fn explain(error: AcceptIdentityError) -> Failure {
    match error {
        AcceptIdentityError::Differ(_) => failed(error).advise(
            "have the whole number read to you once more, by another way than this one; if it \
             still differs, somebody may stand between you",
        ),
        other => failed(other),
    }
}
