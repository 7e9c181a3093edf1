//! Invites, for the operator.

use std::time::Duration;

use grove_wire::invite::InviteLink;
use tracing::error;

use super::run::{Unfulfilled, done_if, listed};
use super::{Invite, Reply};
use crate::app::App;
use crate::db::InviteRow;
use crate::invites::{self, CreateInviteError};

pub(super) async fn create(app: &App, uses: u32, expires_in_s: u64) -> Result<Reply, Unfulfilled> {
    let validity = Duration::from_secs(expires_in_s);
    let failed = |error: &dyn std::error::Error| {
        error!(%error, "an invite could not be made");
        Reply::Failed {
            reason: "the server failed; its log says why".to_owned(),
        }
    };
    let created = match invites::create(app, uses, validity).await {
        Ok(created) => created,
        Err(CreateInviteError::Database(error)) => return Err(error.into()),
        Err(error @ CreateInviteError::Random(_)) => return Ok(failed(&error)),
        Err(error @ (CreateInviteError::Uses | CreateInviteError::Validity)) => {
            return Err(Unfulfilled::refused(error));
        }
    };
    match InviteLink::new(app.domain.clone(), created.token.clone()) {
        Ok(link) => Ok(Reply::InviteCreated {
            invite: created.invite_id,
            token: created.token,
            link: link.to_text(),
            expires_at: created.expires_at.ms(),
        }),
        Err(error) => Ok(failed(&error)),
    }
}

pub(super) async fn list(app: &App, before: Option<i64>, limit: u32) -> Result<Reply, Unfulfilled> {
    let limit = listed(limit);
    let rows = invites::list(app, before, limit).await?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let last = rows.last().filter(|_| is_full);
    Ok(Reply::Invites {
        next: last.map(|row| row.invite_id),
        invites: rows.iter().map(invite).collect(),
    })
}

pub(super) async fn revoke(app: &App, invite: i64) -> Result<Reply, Unfulfilled> {
    done_if(invites::revoke(app, invite).await?, "no such invite")
}

fn invite(row: &InviteRow) -> Invite {
    Invite {
        invite: row.invite_id,
        uses: row.uses,
        uses_left: row.uses_left,
        created_at: row.created_at.ms(),
        expires_at: row.expires_at.ms(),
        revoked: row.revoked,
    }
}
