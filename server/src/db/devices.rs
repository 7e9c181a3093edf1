//! Statements about devices.

use std::time::Duration;

use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// A device to be added.
pub(crate) struct NewDevice<'a> {
    pub(crate) client: &'a str,
    pub(crate) signature_key: &'a [u8],
}

/// An active device of a user who is not disabled.
#[derive(Debug)]
pub(crate) struct DeviceRow {
    pub(crate) device_id: i64,
    pub(crate) signature_key: [u8; 32],
}

/// A device that is not revoked, as its user is shown it.
#[derive(Debug)]
pub(crate) struct ActivityRow {
    pub(crate) device_id: i64,
    pub(crate) client: String,
    pub(crate) added_at: Timestamp,
    pub(crate) last_seen_at: Option<Timestamp>,
}

impl Tx<'_> {
    /// The active device with this client URI, if its user is not disabled.
    pub(crate) async fn find_device(&self, client: &str) -> Result<Option<DeviceRow>, Error> {
        let row = self
            .opt(
                "-- find_device
                 SELECT d.device_id, d.signature_key
                 FROM devices d
                 JOIN users u ON u.user_id = d.user_id
                 WHERE d.client = $1 AND d.revoked_at IS NULL AND u.disabled_at IS NULL",
                &[&client],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let key: &[u8] = row.try_get(1)?;
        let signature_key = key
            .try_into()
            .map_err(|_length| Error::corrupt("device key"))?;
        Ok(Some(DeviceRow {
            device_id: row.try_get(0)?,
            signature_key,
        }))
    }

    /// Adds devices of a user. Returns how many were new: a client URI or key that exists already
    /// is left alone.
    pub(crate) async fn add_devices(
        &self,
        user_id: i64,
        devices: &[NewDevice<'_>],
        now: Timestamp,
    ) -> Result<u64, Error> {
        let clients: Vec<&str> = devices.iter().map(|device| device.client).collect();
        let keys: Vec<&[u8]> = devices.iter().map(|device| device.signature_key).collect();
        self.exec(
            "-- add_devices
             INSERT INTO devices (user_id, client, signature_key, added_at)
             SELECT $1, new.client, new.signature_key, $4
             FROM unnest($2::text[], $3::bytea[]) AS new (client, signature_key)
             ON CONFLICT DO NOTHING",
            &[&user_id, &clients, &keys, &to_bigint(now.ms())],
        )
        .await
    }

    /// The client URIs of all devices a user ever had.
    pub(crate) async fn list_device_clients(&self, user_id: i64) -> Result<Vec<String>, Error> {
        let rows = self
            .all(
                "-- list_device_clients
                 SELECT client FROM devices WHERE user_id = $1 ORDER BY device_id",
                &[&user_id],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Locks all devices of a user until the transaction ends.
    pub(crate) async fn lock_devices_of(&self, user_id: i64) -> Result<(), Error> {
        let _rows = self
            .all(
                "-- lock_devices_of
                 SELECT device_id FROM devices WHERE user_id = $1 ORDER BY device_id FOR NO KEY UPDATE",
                &[&user_id],
            )
            .await?;
        Ok(())
    }

    /// Marks devices of a user revoked and removes their sessions and KeyPackages. Returns those
    /// that were active.
    pub(crate) async fn revoke_devices(
        &self,
        user_id: i64,
        clients: &[&str],
        now: Timestamp,
    ) -> Result<Vec<i64>, Error> {
        let rows = self
            .all(
                "-- revoke_devices
                 WITH revoked AS (
                     UPDATE devices SET revoked_at = $3
                     WHERE user_id = $1 AND client = ANY ($2::text[]) AND revoked_at IS NULL
                     RETURNING device_id
                 ), ended AS (
                     DELETE FROM sessions USING revoked WHERE sessions.device_id = revoked.device_id
                 ), discarded AS (
                     DELETE FROM key_packages USING revoked WHERE key_packages.device_id = revoked.device_id
                 )
                 SELECT device_id FROM revoked",
                &[&user_id, &clients, &to_bigint(now.ms())],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The devices of a user that are not revoked, oldest first.
    pub(crate) async fn list_active_devices(
        &self,
        user_id: i64,
    ) -> Result<Vec<ActivityRow>, Error> {
        let rows = self
            .all(
                "-- list_active_devices
                 SELECT device_id, client, added_at, last_seen_at
                 FROM devices
                 WHERE user_id = $1 AND revoked_at IS NULL
                 ORDER BY device_id",
                &[&user_id],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ActivityRow {
                    device_id: row.try_get(0)?,
                    client: row.try_get(1)?,
                    added_at: Timestamp::from_ms(from_bigint(row.try_get(2)?)?),
                    last_seen_at: timestamp(row.try_get(3)?)?,
                })
            })
            .collect()
    }

    /// Writes when devices were last seen: `(device, when)`, for those last seen at least `after`
    /// before.
    pub(crate) async fn write_last_seen(
        &self,
        seen: &[(i64, Timestamp)],
        after: Duration,
    ) -> Result<(), Error> {
        let devices: Vec<i64> = seen.iter().map(|(device_id, _at)| *device_id).collect();
        let times: Vec<i64> = seen
            .iter()
            .map(|(_device_id, at)| to_bigint(at.ms()))
            .collect();
        let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let _rows = self
            .exec(
                "-- write_last_seen
                 WITH seen AS (
                     SELECT d.device_id, n.at
                     FROM unnest($1::bigint[], $2::bigint[]) AS n (device_id, at)
                     JOIN devices d ON d.device_id = n.device_id
                     WHERE d.last_seen_at IS NULL OR d.last_seen_at <= n.at - $3 OR d.last_seen_at >= n.at + $3
                     ORDER BY d.device_id
                     FOR NO KEY UPDATE OF d
                 )
                 UPDATE devices d SET last_seen_at = seen.at FROM seen WHERE d.device_id = seen.device_id",
                &[&devices, &times, &after],
            )
            .await?;
        Ok(())
    }
}

pub(super) fn timestamp(at: Option<i64>) -> Result<Option<Timestamp>, Error> {
    at.map(|at| from_bigint(at).map(Timestamp::from_ms))
        .transpose()
}
