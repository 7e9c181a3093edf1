//! Latencies and their percentiles: exact, of all samples, never of averages.

use serde::Serialize;

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p99_9: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// Of samples in microseconds, which it sorts.
    pub(crate) fn of(samples: &mut [u64]) -> Self {
        samples.sort_unstable();
        let at = |thousandths: usize| {
            // The smallest sample that so many in a thousand do not exceed.
            let rank = (samples.len() * thousandths).div_ceil(1000);
            samples
                .get(rank.saturating_sub(1))
                .map_or(0.0, |micros| *micros as f64 / 1000.0)
        };
        Self {
            p50: at(500),
            p99: at(990),
            p99_9: at(999),
            max: at(1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut samples: Vec<u64> = (1..=1000).rev().map(|n| n * 1000).collect();
        let latency = Latency::of(&mut samples);
        assert_eq!(
            latency,
            Latency {
                p50: 500.0,
                p99: 990.0,
                p99_9: 999.0,
                max: 1000.0
            }
        );
        let one = Latency::of(&mut [2500]);
        assert_eq!(
            one,
            Latency {
                p50: 2.5,
                p99: 2.5,
                p99_9: 2.5,
                max: 2.5
            }
        );
        assert_eq!(Latency::of(&mut []), Latency::default());
    }
}
