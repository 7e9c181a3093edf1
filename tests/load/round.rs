//! One rate for some time: what was offered, what came of it, what it cost.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, interval_at, sleep, timeout_at};

use crate::groved::Target;
use crate::latency::Latency;
use crate::metrics::Counted;
use crate::processes::{self, Usage};
use crate::scene::Scene;
use crate::sockets::Arrival;
use crate::submit::{Accepted, Order, Outcome, Submission};

/// From the last look at what was used to the first message.
const LEAD: Duration = Duration::from_millis(100);
/// How long after the end what was due earlier is still sent.
const GRACE: Duration = Duration::from_secs(1);
/// How long answers and deliveries are waited for after that.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often deliveries are counted while they are waited for.
const COUNT_EVERY: Duration = Duration::from_millis(5);
/// The warm-up: statements are prepared, caches are filled.
const WARM_UP: (u32, Duration) = (100, Duration::from_secs(1));

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    /// Messages per second, as a rate of a Poisson process.
    pub(crate) rate: u32,
    pub(crate) seconds: f64,
    pub(crate) offered: usize,
    pub(crate) accepted: usize,
    /// Accepted within the time, per second of it.
    pub(crate) accepted_per_s: f64,
    /// Come to a member within the time, per second of it; one message comes to every member.
    pub(crate) delivered_per_s: f64,
    /// From the due time to the answer, in milliseconds.
    pub(crate) acceptance: Latency,
    /// From the due time to a member, in milliseconds; over all members.
    pub(crate) delivery: Latency,
    /// Not sent before the time was up: more was offered than was taken.
    pub(crate) unsent: u64,
    /// Refused, or without an answer.
    pub(crate) failed: u64,
    /// Accepted, but not come to a member.
    pub(crate) missing: u64,
    /// Sockets that broke or left something out.
    pub(crate) failed_sockets: usize,
    /// Bytes of an HTTP request, on average.
    pub(crate) request_bytes: usize,
    pub(crate) statements_per_message: Option<f64>,
    /// Messages per batch of the append task.
    pub(crate) messages_per_batch: Option<f64>,
    /// CPU of the round and memory after it.
    pub(crate) groved: Option<Usage>,
    pub(crate) postgres: Option<Usage>,
    /// Of this program.
    pub(crate) load: Option<Usage>,
}

impl Round {
    /// Nothing was refused or lost.
    pub(crate) fn is_clean(&self) -> bool {
        self.failed == 0 && self.missing == 0 && self.failed_sockets == 0
    }

    /// Nothing piled up either.
    pub(crate) fn holds(&self, bound_ms: u32) -> bool {
        self.is_clean() && self.unsent == 0 && self.delivery.p99 <= f64::from(bound_ms)
    }
}

/// A short round nobody looks at.
pub(crate) async fn warm_up(scene: &mut Scene, target: &Target) {
    let (rate, length) = WARM_UP;
    let _round = play(scene, target, rate, length).await;
}

/// Offers messages at a rate for some time.
pub(crate) async fn play(scene: &mut Scene, target: &Target, rate: u32, length: Duration) -> Round {
    let dues = arrivals(rate, length);
    eprintln!(
        "{} at {rate}/s: sealing {} messages",
        scene.shape,
        dues.len()
    );
    let sealed = scene.seal(dues.len());
    let request_bytes =
        sealed.iter().map(|one| one.request.len()).sum::<usize>() / sealed.len().max(1);
    drop(scene.sockets.take_arrivals());
    let before = Look::at(target).await;
    let start = micros(scene.epoch.elapsed() + LEAD);
    let end = start + micros(length);
    let orders = sealed
        .into_iter()
        .zip(&dues)
        .map(|(sealed, due)| Order {
            sealed,
            due: start + due,
        })
        .collect();
    let outcome = submit(scene, orders, end).await;
    let used = Look::at(target).await.since(&before);
    let arrivals = scene.sockets.take_arrivals();

    let seconds = length.as_secs_f64();
    let mut acceptance: Vec<u64> = outcome
        .accepted
        .iter()
        .map(|one| one.answered - one.due)
        .collect();
    let in_time = outcome
        .accepted
        .iter()
        .filter(|one| one.answered <= end)
        .count();
    let mut delivered = Delivered::of(scene, &outcome.accepted, &arrivals, end);
    let accepted = outcome.accepted.len();
    let expected = (accepted * scene.shape.members) as u64;
    if !outcome.refused.is_empty() {
        eprintln!("  refused, by status: {:?}", outcome.refused);
    }
    if let Some(complaint) = &outcome.complaint {
        eprintln!("  without an answer: {complaint}");
    }
    Round {
        rate,
        seconds,
        offered: dues.len(),
        accepted,
        accepted_per_s: in_time as f64 / seconds,
        delivered_per_s: delivered.in_time as f64 / seconds,
        acceptance: Latency::of(&mut acceptance),
        delivery: Latency::of(&mut delivered.latencies),
        unsent: outcome.unsent,
        failed: dues.len() as u64 - accepted as u64 - outcome.unsent,
        missing: expected - delivered.latencies.len() as u64,
        failed_sockets: scene.sockets.failed(),
        request_bytes,
        statements_per_message: used
            .counted
            .map(|counted| counted.statements / accepted.max(1) as f64),
        messages_per_batch: used
            .counted
            .map(|counted| counted.batched / counted.batches.max(1.0)),
        groved: used.groved,
        postgres: used.postgres,
        load: used.load,
    }
}

/// Hands all in, says every second how far it is, and waits until what was accepted has come to
/// everybody.
async fn submit(scene: &Scene, orders: Vec<Order>, end: u64) -> Outcome {
    let Scene {
        authority,
        connections,
        epoch,
        sockets,
        shape,
        ..
    } = scene;
    let (already, cutoff) = (sockets.delivered(), end + micros(GRACE));
    let (submission, mut tasks) =
        Submission::start(authority, *epoch, *connections, orders, cutoff).await;
    let deadline = Instant::from_std(*epoch + Duration::from_micros(cutoff) + PATIENCE);
    let members = shape.members as u64;
    let submitting = async {
        let second = Duration::from_secs(1);
        let mut second = interval_at(Instant::now() + second, second);
        loop {
            tokio::select! {
                ended = tasks.join_next() => if ended.is_none() { break },
                _ = second.tick() => {
                    let delivered = sockets.delivered() - already;
                    eprintln!("  accepted {:>8}  delivered {delivered:>10}", submission.accepted());
                }
            }
        }
        while sockets.delivered() - already < submission.accepted() * members {
            sleep(COUNT_EVERY).await;
        }
    };
    if timeout_at(deadline, submitting).await.is_err() {
        eprintln!(
            "  given up after {} s: not everything has come",
            PATIENCE.as_secs()
        );
    }
    submission.take_outcome()
}

/// Due times in microseconds from the start: a Poisson process, the same one every time.
fn arrivals(rate: u32, length: Duration) -> Vec<u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut dues = Vec::new();
    let mut due = 0.0;
    loop {
        due -= (1.0 - uniform()).ln() / f64::from(rate);
        if due >= length.as_secs_f64() {
            return dues;
        }
        dues.push((due * 1e6) as u64);
    }
}

/// Deliveries of messages that were accepted.
struct Delivered {
    /// In microseconds from the due time.
    latencies: Vec<u64>,
    in_time: usize,
}

impl Delivered {
    fn of(scene: &Scene, accepted: &[Accepted], arrivals: &[Vec<Arrival>], end: u64) -> Self {
        let mut due: Vec<HashMap<u64, u64>> = vec![HashMap::new(); scene.shape.rooms];
        for one in accepted {
            due[one.room].insert(one.seq, one.due);
        }
        let mut delivered = Self {
            latencies: Vec::with_capacity(accepted.len() * scene.shape.members),
            in_time: 0,
        };
        for (device, arrivals) in arrivals.iter().enumerate() {
            let due = &due[device / scene.shape.members];
            for arrival in arrivals {
                // What was not accepted in this round, as far as is known, does not count.
                let Some(due) = due.get(&arrival.seq) else {
                    continue;
                };
                delivered.latencies.push(arrival.at.saturating_sub(*due));
                delivered.in_time += usize::from(arrival.at <= end);
            }
        }
        delivered
    }
}

/// What was used and counted so far.
struct Look {
    counted: Option<Counted>,
    groved: Option<Usage>,
    postgres: Option<Usage>,
    load: Option<Usage>,
}

impl Look {
    async fn at(target: &Target) -> Self {
        Self {
            counted: Counted::at(target.ops_url.as_deref()).await,
            groved: target.groved_usage(),
            postgres: target.postgres_usage(),
            load: processes::of_self(),
        }
    }

    fn since(self, earlier: &Self) -> Self {
        let usage = |now: Option<Usage>, then: Option<Usage>| Some(now?.since(then?));
        Self {
            counted: self
                .counted
                .zip(earlier.counted)
                .map(|(now, then)| now.since(then)),
            groved: usage(self.groved, earlier.groved),
            postgres: usage(self.postgres, earlier.postgres),
            load: usage(self.load, earlier.load),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("not so long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_have_their_rate_and_their_scatter() {
        let dues = arrivals(1000, Duration::from_secs(10));
        assert!((9_600..10_400).contains(&dues.len()), "{}", dues.len());
        assert!(dues.is_sorted() && dues.last().is_some_and(|due| *due < 10_000_000));
        // Of a Poisson process 37 in 100 gaps are longer than the mean; of a clock none are.
        let long = dues
            .windows(2)
            .filter(|pair| pair[1] - pair[0] > 1000)
            .count();
        let share = long as f64 / dues.len() as f64;
        assert!((0.34..0.40).contains(&share), "{share}");
    }
}
