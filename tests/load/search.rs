//! The highest rate at which nothing piles up: doubled until something does, then halved in
//! between.

use serde::Serialize;

use crate::args::Args;
use crate::groved::Target;
use crate::report::Line;
use crate::round;
use crate::scene::Scene;

/// The first rate tried.
const FIRST: u32 = 250;
/// Lower rates are not looked for.
const LOWEST: u32 = 10;
/// Full-length rounds at rates found by short ones, each a tenth lower than the one before.
const ATTEMPTS: u32 = 5;

/// A rate that was tried.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) rate: u32,
    pub(crate) accepted_per_s: f64,
    pub(crate) delivery_p99_ms: f64,
    /// Nothing piled up.
    pub(crate) held: bool,
}

/// Searches, and plays a full round at what it found. Ends early, with that round, if something is
/// refused or lost.
pub(crate) async fn find(args: &Args, scene: &mut Scene, target: &Target) -> Line {
    let step = std::time::Duration::from_secs(args.step);
    let mut search = Vec::new();
    let (mut held, mut piled_up) = (0, None);
    let mut next = Some(FIRST.min(args.ceiling));
    while let Some(rate) = next {
        let round = round::play(scene, target, rate, step).await;
        let holds = round.holds(args.bound_ms);
        eprintln!("  {rate}/s {}", if holds { "holds" } else { "piles up" });
        if holds {
            held = rate;
        } else {
            piled_up = Some(rate);
        }
        next = next_rate(held, piled_up, args.ceiling);
        search.push(Step {
            rate,
            accepted_per_s: round.accepted_per_s,
            delivery_p99_ms: round.delivery.p99,
            held: holds,
        });
        if !round.is_clean() {
            return Line {
                scenario: scene.shape.to_string(),
                search,
                round,
            };
        }
    }
    let mut rate = held.max(LOWEST);
    let mut round = round::play(scene, target, rate, args.length()).await;
    for _ in 1..ATTEMPTS {
        if round.holds(args.bound_ms) || !round.is_clean() {
            break;
        }
        // What holds for a few seconds need not hold for long.
        rate = (rate * 9 / 10).max(LOWEST);
        round = round::play(scene, target, rate, args.length()).await;
    }
    Line {
        scenario: scene.shape.to_string(),
        search,
        round,
    }
}

/// The rate to try next, between the highest that held and the lowest that did not; none when they
/// are close.
fn next_rate(held: u32, piled_up: Option<u32>, ceiling: u32) -> Option<u32> {
    match piled_up {
        None if held >= ceiling => None,
        None => Some(held.saturating_mul(2).min(ceiling)),
        Some(piled_up) => {
            let close =
                piled_up <= LOWEST || piled_up.saturating_sub(held) <= (held / 10).max(LOWEST);
            (!close).then(|| held.midpoint(piled_up))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches on a server that takes `capacity`, and returns what held and how many steps it
    /// took.
    fn search(capacity: u32, ceiling: u32) -> (u32, u32) {
        let (mut held, mut piled_up, mut steps) = (0, None, 0);
        let mut next = Some(FIRST.min(ceiling));
        while let Some(rate) = next {
            steps += 1;
            if rate <= capacity {
                held = rate;
            } else {
                piled_up = Some(rate);
            }
            next = next_rate(held, piled_up, ceiling);
        }
        (held, steps)
    }

    #[test]
    fn the_search_ends_close_to_the_capacity() {
        for capacity in [15, 60, 249, 250, 999, 3_300, 19_000] {
            let (held, steps) = search(capacity, 20_000);
            assert!(
                held <= capacity && held + (held / 10).max(LOWEST) >= capacity,
                "{capacity}: {held}"
            );
            assert!(steps <= 12, "{capacity}: {steps} steps");
        }
        assert_eq!(search(u32::MAX, 20_000).0, 20_000);
        assert_eq!(search(0, 20_000).0, 0);
        assert_eq!(search(u32::MAX, 100).0, 100);
    }
}
