//! The problem of those who ask too much.

use std::time::Duration;

use grove_wire::problem::ProblemType;

use super::Problem;
use crate::rate_limits::Limited;

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        // In whole seconds, and not a moment too early.
        let seconds = limited.wait.as_millis().div_ceil(1000);
        let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
        Self::new(ProblemType::RateLimited)
            .detail(format_args!("limit {}", limited.limit))
            .retry_after(wait)
    }
}
