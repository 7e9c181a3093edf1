//! How much there is of everything, without reading all of it.

use super::run::{Unfulfilled, begin};
use super::{Amount, Reply, Statistics};
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::ByteSize;
use crate::db::TableRow;
use crate::{disk, telemetry};

/// Rows are counted up to here, estimated beyond.
const COUNTED: u32 = 10_000;
/// The oldest entry is looked for in so many rooms, the oldest ones.
const SEARCHED_ROOMS: i64 = 1_000;

/// The number of entries accepted, as the metrics have it.
const ACCEPTED: &str = "grove_accepted_total";

pub(super) async fn show(app: &App, started: Timestamp) -> Result<Reply, Unfulfilled> {
    let now = app.clock.now();
    let mut connection = app.db.connect().await?;
    let tx = begin(&mut connection).await?;
    let counts = tx.count_rows(now, COUNTED.into()).await?;
    let tables = tx.list_tables().await?;
    let database_bytes = tx.find_database_bytes().await?;
    let oldest = tx.find_oldest_entry(SEARCHED_ROOMS).await?;
    let amount = |counted: u64, table: &str| amount(counted, find(&tables, table));
    Ok(Reply::Statistics(Box::new(Statistics {
        software: concat!("groved ", env!("CARGO_PKG_VERSION")).to_owned(),
        domain: app.domain.domain().to_owned(),
        uptime_s: app.clock.steady().since(started).as_secs(),
        users: amount(counts.users, "users"),
        devices: amount(counts.devices, "devices"),
        sessions: amount(counts.sessions, "sessions"),
        sockets: u64::try_from(app.delivery.sockets()).unwrap_or(u64::MAX),
        rooms: amount(counts.rooms, "rooms"),
        log_entries: amount(counts.entries, "room_log"),
        log_bytes: find(&tables, "room_log").map_or(0, |table| table.bytes),
        oldest_entry_at: oldest.map(Timestamp::ms),
        accepted: sum(&telemetry::render_metrics(), ACCEPTED),
        database_bytes,
        disk_free_bytes: disk::free_space(&app.config.server.data_dir)
            .ok()
            .map(ByteSize::bytes),
    })))
}

fn find<'a>(tables: &'a [TableRow], name: &str) -> Option<&'a TableRow> {
    tables.iter().find(|table| table.name == name)
}

/// What was counted, or the planner's estimate where counting stopped.
fn amount(counted: u64, table: Option<&TableRow>) -> Amount {
    let exact = counted < u64::from(COUNTED);
    let estimate = table.map_or(0, |table| table.rows);
    Amount {
        value: if exact {
            counted
        } else {
            counted.max(estimate)
        },
        exact,
    }
}

/// The sum of a counter over its labels, in Prometheus' text format.
fn sum(metrics: &str, name: &str) -> u64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once("} ")?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.trim().parse::<u64>().ok()
    };
    metrics.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels_and_no_other_is() {
        let metrics = "# TYPE a_total counter\na_total 3\na_total{kind=\"x y\"} 4\na_total_more 9\nb_total 1\n";
        assert_eq!(sum(metrics, "a_total"), 7);
        assert_eq!(sum(metrics, "c_total"), 0);
    }

    #[test]
    fn beyond_the_bound_the_estimate_counts_unless_it_is_smaller() {
        let table = |rows| TableRow {
            name: "users".to_owned(),
            rows,
            bytes: 0,
        };
        let bound = u64::from(COUNTED);
        for (counted, rows, value, exact) in [
            (5, 70_000, 5, true),
            (bound, 70_000, 70_000, false),
            (bound, 0, bound, false),
        ] {
            assert_eq!(amount(counted, Some(&table(rows))), Amount { value, exact });
        }
    }
}
