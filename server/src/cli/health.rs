//! `groved health`: whether the running server is ready, as container engines want to hear it.

use super::{Failure, Place, say};
use crate::ask;

/// Every failure is exit code 1, that of a configuration included: engines know 0 and 1.
pub(super) fn run(place: &Place) -> Result<(), Failure> {
    let config = place
        .load()
        .map_err(|errors| Failure::Failed(errors.to_string()))?;
    let (status, text) = ask::get(config.ops.listen, "/ready").map_err(|error| {
        Failure::Failed(format!(
            "no groved answers on {}: {error}",
            config.ops.listen
        ))
    })?;
    if status == 200 {
        Ok(say(text.trim_end())?)
    } else {
        Err(Failure::Failed(format!("not ready: {}", text.trim_end())))
    }
}
