//! KeyPackages: what a device leaves here so that others can add it to rooms while it sleeps.
//!
//! One pool per device and cipher suite. Each KeyPackage of a pool is handed out once, however many
//! ask at the same time; when a pool is empty the last-resort one is handed out instead, again and
//! again, to users of this server only. What was handed out is remembered with the room it is for,
//! so that the Welcome finds its device.

mod claim;

use grove_mls::identity::{Identity, PublicKey, SignedDeviceList};
use grove_mls::key_package::{
    KeyPackageError, LastResort, MIN_REMAINING_LIFETIME, ValidKeyPackage, validate,
};
use grove_wire::api::key_packages::{KeyPackageCount, KeyPackageCounts, UploadKeyPackages};
use grove_wire::limits::{MAX_KEY_PACKAGE_BYTES, MAX_KEY_PACKAGES_PER_UPLOAD};
use grove_wire::uri::ClientUri;

pub(crate) use self::claim::{ClaimError, claim};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{self, NewKeyPackage, Tx};
use crate::sessions::ClientAuth;
use crate::tasks::WorkLost;

/// Why an upload was refused. One bad KeyPackage refuses all of them, and `index` says which.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("KeyPackage {index}: {source}")]
    Invalid {
        index: usize,
        source: KeyPackageError,
    },
    #[error("the device list changed while the KeyPackages were looked at")]
    ListChanged,
    #[error("KeyPackage {index}: {reason}")]
    Misplaced { index: usize, reason: &'static str },
    #[error("the session's device is in no device list")]
    NotListed,
    #[error("the pool holds at most {limit} KeyPackages")]
    PoolFull { limit: u32 },
    #[error("KeyPackage {index} is larger than {MAX_KEY_PACKAGE_BYTES} bytes")]
    TooLarge { index: usize },
    #[error("an upload holds at most {MAX_KEY_PACKAGES_PER_UPLOAD} KeyPackages")]
    TooMany,
    #[error("the work was lost")]
    WorkLost(#[from] WorkLost),
}

/// Adds KeyPackages to the pool of the asking device, and puts a new last-resort one in the old
/// one's place. The same upload again changes nothing.
#[tracing::instrument(name = "key_packages.upload", skip_all)]
pub(crate) async fn upload(
    app: &App,
    auth: &ClientAuth,
    request: UploadKeyPackages,
) -> Result<KeyPackageCounts, UploadError> {
    let now = app.clock.now();
    let suite = request.cipher_suite;
    if request.key_packages.len() > MAX_KEY_PACKAGES_PER_UPLOAD {
        return Err(UploadError::TooMany);
    }
    let owner = owner(app, auth).await?;
    let believed = owner.clone();
    let checked = app
        .tasks
        .blocking(move || check_all(&believed, &request, now))
        .await??;

    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    // The lock makes two uploads of one device count one after the other, and an upload and a new
    // device list too.
    if !tx.lock_device(auth.device_id).await? {
        return Err(UploadError::NotListed);
    }
    if Owner::find(&tx, auth).await? != owner {
        return Err(UploadError::ListChanged);
    }
    tx.add_key_packages(auth.device_id, suite, &checked.pool, now)
        .await?;
    if let Some(last_resort) = &checked.last_resort {
        tx.replace_last_resort(auth.device_id, suite, last_resort, now)
            .await?;
    }
    let counts = counts(app, &tx, auth.device_id, now).await?;
    let limit = app.live.now().limits.key_package_pool;
    if counts
        .counts
        .iter()
        .any(|count| count.cipher_suite == suite && count.available > limit)
    {
        return Err(UploadError::PoolFull { limit });
    }
    tx.commit().await?;
    Ok(counts)
}

/// How many KeyPackages the asking device has left.
pub(crate) async fn count(app: &App, auth: &ClientAuth) -> Result<KeyPackageCounts, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    counts(app, &tx, auth.device_id, app.clock.now()).await
}

async fn counts(
    app: &App,
    tx: &Tx<'_>,
    device_id: i64,
    now: Timestamp,
) -> Result<KeyPackageCounts, db::Error> {
    let rows = tx
        .count_key_packages(device_id, now.plus(MIN_REMAINING_LIFETIME))
        .await?;
    let count = |row: db::CountRow| {
        let available = u32::try_from(row.available).unwrap_or(u32::MAX);
        Ok(KeyPackageCount {
            cipher_suite: u16::try_from(row.suite).map_err(|_large| db::Error::corrupt("suite"))?,
            available,
            low: available < app.live.now().limits.key_package_low,
        })
    };
    Ok(KeyPackageCounts {
        counts: rows
            .into_iter()
            .map(count)
            .collect::<Result<_, db::Error>>()?,
        time: now.ms(),
    })
}

async fn owner(app: &App, auth: &ClientAuth) -> Result<Owner, UploadError> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    Owner::find(&tx, auth).await
}

/// Whose KeyPackages an upload may hold.
#[derive(Clone, PartialEq, Eq)]
struct Owner {
    client: ClientUri,
    key: PublicKey,
    identity: Identity,
}

impl Owner {
    /// The asking device as the user's newest list names it.
    async fn find(tx: &Tx<'_>, auth: &ClientAuth) -> Result<Self, UploadError> {
        let list = tx
            .find_device_list(auth.user.localpart())
            .await?
            .ok_or(UploadError::NotListed)?;
        let list = SignedDeviceList::decode(&list)
            .map_err(|_invalid| db::Error::corrupt("device list"))?;
        let device = list.active().find(|device| device.client == auth.client);
        let key = device.ok_or(UploadError::NotListed)?.signature_key;
        Ok(Self {
            client: auth.client.clone(),
            key,
            identity: list.list().identity.clone(),
        })
    }
}

/// KeyPackages that passed.
struct Checked {
    pool: Vec<NewKeyPackage>,
    last_resort: Option<NewKeyPackage>,
}

fn check_all(
    owner: &Owner,
    request: &UploadKeyPackages,
    now: Timestamp,
) -> Result<Checked, UploadError> {
    let check = |index: usize, bytes: &[u8], last_resort: LastResort| {
        check_one(owner, request.cipher_suite, index, bytes, last_resort, now)
    };
    let pool = request
        .key_packages
        .iter()
        .enumerate()
        .map(|(index, bytes)| check(index, bytes.as_bytes(), LastResort::No))
        .collect::<Result<Vec<_>, _>>()?;
    let last_resort = request
        .last_resort
        .as_ref()
        .map(|bytes| {
            check(
                request.key_packages.len(),
                bytes.as_bytes(),
                LastResort::Yes,
            )
        })
        .transpose()?;
    Ok(Checked { pool, last_resort })
}

fn check_one(
    owner: &Owner,
    suite: u16,
    index: usize,
    bytes: &[u8],
    last_resort: LastResort,
    now: Timestamp,
) -> Result<NewKeyPackage, UploadError> {
    if bytes.len() > MAX_KEY_PACKAGE_BYTES {
        return Err(UploadError::TooLarge { index });
    }
    let invalid = |source| UploadError::Invalid { index, source };
    let valid = validate(bytes, now.ms()).map_err(invalid)?;
    misplaced(owner, suite, &valid, last_resort).map_or(Ok(()), |reason| {
        Err(UploadError::Misplaced { index, reason })
    })?;
    let bare = valid.to_wire().map_err(|error| invalid(error.into()))?;
    Ok(NewKeyPackage {
        reference: valid.reference,
        not_after: valid.not_after.saturating_mul(1000),
        key_package: bare.into_bytes(),
    })
}

/// Why a KeyPackage that is valid in itself does not belong where it was put.
fn misplaced(
    owner: &Owner,
    suite: u16,
    valid: &ValidKeyPackage,
    last_resort: LastResort,
) -> Option<&'static str> {
    if valid.suite.code() != suite {
        Some("its cipher suite is not the upload's")
    } else if valid.leaf.client != owner.client {
        Some("it is another device's")
    } else if valid.leaf.key != owner.key {
        Some("its key is not the one in the device list")
    } else if !valid.leaf.identity.is_same(&owner.identity) {
        Some("its identity is not the one in the device list")
    } else if valid.last_resort != last_resort {
        Some("a last-resort KeyPackage belongs into last_resort, and no other does")
    } else {
        None
    }
}
