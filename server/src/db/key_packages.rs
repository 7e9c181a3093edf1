//! Statements about KeyPackages and who was handed which.

use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// A KeyPackage to be added to a pool.
pub(crate) struct NewKeyPackage {
    pub(crate) reference: Vec<u8>,
    pub(crate) not_after: u64,
    pub(crate) key_package: Vec<u8>,
}

/// How many KeyPackages of a suite a device has left to be claimed.
#[derive(Debug)]
pub(crate) struct CountRow {
    pub(crate) suite: i32,
    pub(crate) available: u64,
}

/// A KeyPackage just claimed.
#[derive(Debug)]
pub(crate) struct ClaimedRow {
    pub(crate) client: String,
    pub(crate) device_id: i64,
    pub(crate) key_package: Vec<u8>,
    pub(crate) last_resort: bool,
    pub(crate) reference: Vec<u8>,
}

/// A claim of the past: which device a `KeyPackageRef` belongs to.
#[derive(Debug)]
pub(crate) struct ClaimRow {
    pub(crate) reference: Vec<u8>,
    pub(crate) device_id: i64,
    pub(crate) client: String,
}

impl Tx<'_> {
    /// Adds KeyPackages to the pool of a device and suite. Returns how many were new.
    pub(crate) async fn add_key_packages(
        &self,
        device_id: i64,
        suite: u16,
        new: &[NewKeyPackage],
        now: Timestamp,
    ) -> Result<u64, Error> {
        let references: Vec<&[u8]> = new.iter().map(|one| one.reference.as_slice()).collect();
        let not_after: Vec<i64> = new.iter().map(|one| to_bigint(one.not_after)).collect();
        let bytes: Vec<&[u8]> = new.iter().map(|one| one.key_package.as_slice()).collect();
        self.exec(
            "-- add_key_packages
             INSERT INTO key_packages (device_id, suite, last_resort, reference, not_after, key_package, uploaded_at)
             SELECT $1, $2, false, new.reference, new.not_after, new.key_package, $6
             FROM unnest($3::bytea[], $4::bigint[], $5::bytea[]) AS new (reference, not_after, key_package)
             ON CONFLICT DO NOTHING",
            &[&device_id, &i32::from(suite), &references, &not_after, &bytes, &to_bigint(now.ms())],
        )
        .await
    }

    /// Puts a last-resort KeyPackage in the place of the one before it.
    pub(crate) async fn replace_last_resort(
        &self,
        device_id: i64,
        suite: u16,
        new: &NewKeyPackage,
        now: Timestamp,
    ) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- replace_last_resort
                 INSERT INTO key_packages
                     (device_id, suite, last_resort, reference, not_after, key_package, uploaded_at)
                 VALUES ($1, $2, true, $3, $4, $5, $6)
                 ON CONFLICT (device_id, suite) WHERE last_resort DO UPDATE SET
                     reference = excluded.reference, not_after = excluded.not_after,
                     key_package = excluded.key_package, uploaded_at = excluded.uploaded_at",
                &[
                    &device_id,
                    &i32::from(suite),
                    &new.reference,
                    &to_bigint(new.not_after),
                    &new.key_package,
                    &to_bigint(now.ms()),
                ],
            )
            .await?;
        Ok(())
    }

    /// Locks a device's row until the transaction ends. False if it is revoked.
    pub(crate) async fn lock_device(&self, device_id: i64) -> Result<bool, Error> {
        let row = self
            .opt(
                "-- lock_device
                 SELECT device_id FROM devices WHERE device_id = $1 AND revoked_at IS NULL FOR UPDATE",
                &[&device_id],
            )
            .await?;
        Ok(row.is_some())
    }

    /// How many KeyPackages a device has left per suite, counting those good until after
    /// `usable_until`.
    pub(crate) async fn count_key_packages(
        &self,
        device_id: i64,
        usable_until: Timestamp,
    ) -> Result<Vec<CountRow>, Error> {
        let rows = self
            .all(
                "-- count_key_packages
                 SELECT suite, count(*) FILTER (WHERE NOT last_resort AND not_after > $2)
                 FROM key_packages
                 WHERE device_id = $1
                 GROUP BY suite
                 ORDER BY suite",
                &[&device_id, &to_bigint(usable_until.ms())],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(CountRow {
                    suite: row.try_get(0)?,
                    available: from_bigint(row.try_get(1)?)?,
                })
            })
            .collect()
    }

    /// Takes one KeyPackage of each active device of a user, except `asking` device, out of its
    /// pool. Of two claims at once each gets another one; a device whose pool is empty or locked is
    /// left out.
    pub(crate) async fn claim_key_packages(
        &self,
        name: &str,
        asking: i64,
        suite: u16,
        usable_until: Timestamp,
    ) -> Result<Vec<ClaimedRow>, Error> {
        let rows = self
            .all(
                "-- claim_key_packages
                 WITH picked AS (
                     SELECT k.key_package_id
                     FROM users u
                     JOIN devices d ON d.user_id = u.user_id
                     CROSS JOIN LATERAL (
                         SELECT p.key_package_id
                         FROM key_packages p
                         WHERE p.device_id = d.device_id AND p.suite = $3 AND NOT p.last_resort
                               AND p.not_after > $4
                         ORDER BY p.key_package_id
                         LIMIT 1
                         FOR UPDATE SKIP LOCKED
                     ) k
                     WHERE u.name = $1 AND u.disabled_at IS NULL
                           AND d.revoked_at IS NULL AND d.device_id <> $2
                 ), taken AS (
                     DELETE FROM key_packages USING picked
                     WHERE key_packages.key_package_id = picked.key_package_id
                     RETURNING key_packages.device_id, key_packages.key_package, key_packages.reference
                 )
                 SELECT d.client, d.device_id, taken.key_package, false, taken.reference
                 FROM taken
                 JOIN devices d ON d.device_id = taken.device_id
                 ORDER BY d.device_id",
                &[&name, &asking, &i32::from(suite), &to_bigint(usable_until.ms())],
            )
            .await?;
        rows.iter().map(claimed).collect()
    }

    /// The last-resort KeyPackages of a user's active devices, except those of `served` devices.
    /// They stay.
    pub(crate) async fn list_last_resorts(
        &self,
        name: &str,
        served: &[i64],
        suite: u16,
        usable_until: Timestamp,
    ) -> Result<Vec<ClaimedRow>, Error> {
        let rows = self
            .all(
                "-- list_last_resorts
                 SELECT d.client, d.device_id, k.key_package, true, k.reference
                 FROM users u
                 JOIN devices d ON d.user_id = u.user_id
                 JOIN key_packages k ON k.device_id = d.device_id
                 WHERE u.name = $1 AND u.disabled_at IS NULL AND d.revoked_at IS NULL
                       AND d.device_id <> ALL ($2::bigint[])
                       AND k.suite = $3 AND k.last_resort AND k.not_after > $4
                 ORDER BY d.device_id",
                &[
                    &name,
                    &served,
                    &i32::from(suite),
                    &to_bigint(usable_until.ms()),
                ],
            )
            .await?;
        rows.iter().map(claimed).collect()
    }

    /// The client URIs of a user's active devices, except those of `served` devices.
    pub(crate) async fn list_unserved_devices(
        &self,
        name: &str,
        served: &[i64],
    ) -> Result<Vec<String>, Error> {
        let rows = self
            .all(
                "-- list_unserved_devices
                 SELECT d.client
                 FROM users u
                 JOIN devices d ON d.user_id = u.user_id
                 WHERE u.name = $1 AND u.disabled_at IS NULL AND d.revoked_at IS NULL
                       AND d.device_id <> ALL ($2::bigint[])
                 ORDER BY d.device_id",
                &[&name, &served],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Remembers for which room KeyPackages were claimed.
    pub(crate) async fn add_claims(
        &self,
        room: &str,
        claimed: &[ClaimedRow],
        now: Timestamp,
    ) -> Result<(), Error> {
        let references: Vec<&[u8]> = claimed.iter().map(|one| one.reference.as_slice()).collect();
        let devices: Vec<i64> = claimed.iter().map(|one| one.device_id).collect();
        let last_resort: Vec<bool> = claimed.iter().map(|one| one.last_resort).collect();
        let _rows = self
            .exec(
                "-- add_claims
                 INSERT INTO key_package_claims (room, reference, device_id, last_resort, claimed_at)
                 SELECT $1, new.reference, new.device_id, new.last_resort, $5
                 FROM unnest($2::bytea[], $3::bigint[], $4::boolean[]) AS new (reference, device_id, last_resort)
                 ON CONFLICT (room, reference) DO UPDATE SET claimed_at = excluded.claimed_at",
                &[&room, &references, &devices, &last_resort, &to_bigint(now.ms())],
            )
            .await?;
        Ok(())
    }

    /// Which of these `KeyPackageRef`s were claimed for this room, and whose they are. A device
    /// that was revoked in the meantime is left out.
    pub(crate) async fn find_claims(
        &self,
        room: &str,
        references: &[Vec<u8>],
    ) -> Result<Vec<ClaimRow>, Error> {
        let rows = self
            .all(
                "-- find_claims
                 SELECT c.reference, d.device_id, d.client
                 FROM key_package_claims c
                 JOIN devices d ON d.device_id = c.device_id
                 WHERE c.room = $1 AND c.reference = ANY ($2::bytea[]) AND d.revoked_at IS NULL",
                &[&room, &references],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ClaimRow {
                    reference: row.try_get(0)?,
                    device_id: row.try_get(1)?,
                    client: row.try_get(2)?,
                })
            })
            .collect()
    }

    /// Forgets claims that a commit has used.
    pub(crate) async fn remove_claims(
        &self,
        room: &str,
        references: &[Vec<u8>],
    ) -> Result<u64, Error> {
        self.exec(
            "-- remove_claims
             DELETE FROM key_package_claims WHERE room = $1 AND reference = ANY ($2::bytea[])",
            &[&room, &references],
        )
        .await
    }

    /// Forgets claims made before `before`. Returns how many went.
    pub(crate) async fn remove_old_claims(&self, before: Timestamp) -> Result<u64, Error> {
        self.exec(
            "-- remove_old_claims
             DELETE FROM key_package_claims WHERE claimed_at < $1",
            &[&to_bigint(before.ms())],
        )
        .await
    }

    /// Removes all KeyPackages of a user's devices, whose rows are locked. Returns how many went.
    pub(crate) async fn discard_key_packages_of(&self, user_id: i64) -> Result<u64, Error> {
        self.exec(
            "-- discard_key_packages_of
             DELETE FROM key_packages USING devices d
             WHERE key_packages.device_id = d.device_id AND d.user_id = $1",
            &[&user_id],
        )
        .await
    }

    /// Removes KeyPackages nobody will be handed any more. Returns how many went.
    pub(crate) async fn remove_stale_key_packages(
        &self,
        usable_until: Timestamp,
    ) -> Result<u64, Error> {
        self.exec(
            "-- remove_stale_key_packages
             DELETE FROM key_packages WHERE not_after <= $1",
            &[&to_bigint(usable_until.ms())],
        )
        .await
    }
}

fn claimed(row: &tokio_postgres::Row) -> Result<ClaimedRow, Error> {
    Ok(ClaimedRow {
        client: row.try_get(0)?,
        device_id: row.try_get(1)?,
        key_package: row.try_get(2)?,
        last_resort: row.try_get(3)?,
        reference: row.try_get(4)?,
    })
}
