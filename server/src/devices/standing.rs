//! Whether leaves that are about to enter a group belong to devices their users have.
//!
//! A leaf proves that an identity of its user signed it; that this is the newest, and the device
//! not revoked, only the newest device list says, and of users of this server that is known here.
//! Leaves already in a group stay: taking them out is their user's business. Users of other servers
//! are judged by their own.

use std::collections::{BTreeMap, BTreeSet};

use grove_mls::identity::SignedDeviceList;
use grove_mls::public::NewLeaf;
use grove_wire::uri::{ClientUri, UserUri};

use crate::app::App;
use crate::db::{self, Tx};

/// Why a leaf may not enter a group.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewLeafError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("its user has revoked the device {0}")]
    Revoked(ClientUri),
    #[error("the leaf of {0} is not of its user's newest identity")]
    IdentityOutdated(ClientUri),
    #[error("the device {0} does not stand in its user's newest device list")]
    Unlisted(ClientUri),
}

/// Checks each leaf of a user of this server against the newest device list, which stays the newest
/// until the transaction ends. A few statements, however many leaves.
pub(crate) async fn check_new_leaves(
    app: &App,
    tx: &Tx<'_>,
    leaves: &[NewLeaf],
) -> Result<(), NewLeafError> {
    let ours: Vec<(UserUri, &NewLeaf)> = leaves
        .iter()
        .map(|leaf| (leaf.client.user(), leaf))
        .filter(|(user, _leaf)| user.provider() == app.domain)
        .collect();
    if ours.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&str> = ours.iter().map(|(user, _leaf)| user.localpart()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    // Two statements: one that waited for a lock would still read the list from before.
    tx.share_accounts(&names).await?;
    let lists = tx.list_device_lists(&names).await?;
    let lists: BTreeMap<UserUri, SignedDeviceList> = lists
        .iter()
        .map(|list| {
            let list = SignedDeviceList::decode(list)
                .map_err(|_invalid| db::Error::corrupt("device list"))?;
            Ok((list.list().user.clone(), list))
        })
        .collect::<Result<_, db::Error>>()?;
    ours.into_iter()
        .try_for_each(|(user, leaf)| check(leaf, lists.get(&user)))
}

fn check(leaf: &NewLeaf, list: Option<&SignedDeviceList>) -> Result<(), NewLeafError> {
    let client = || leaf.client.clone();
    let list = list.ok_or_else(|| NewLeafError::Unlisted(client()))?.list();
    let device = list
        .find(&leaf.client)
        .filter(|device| device.signature_key == leaf.key)
        .ok_or_else(|| NewLeafError::Unlisted(client()))?;
    if device.revoked.is_some() {
        Err(NewLeafError::Revoked(client()))
    } else if !list.identity.is_same(&leaf.identity) {
        Err(NewLeafError::IdentityOutdated(client()))
    } else {
        Ok(())
    }
}
