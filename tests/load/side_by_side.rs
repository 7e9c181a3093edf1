//! Doing the same to many things at once, in bounds.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

/// As many are under way at once: enough that the server is never waited for in vain.
const AT_ONCE: usize = 16;

/// Does `work` to all items and returns what came of each, in their order. A panic in one is a
/// panic here.
pub(crate) async fn side_by_side<T, R, F>(items: Vec<T>, work: impl Fn(T) -> F) -> Vec<R>
where
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (index, item) in items.into_iter().enumerate() {
        let (places, work) = (Arc::clone(&places), work(item));
        tasks.spawn(async move {
            let _place = places.acquire_owned().await.expect("it is never closed");
            (index, work.await)
        });
    }
    let mut done: Vec<(usize, R)> = Vec::with_capacity(tasks.len());
    while let Some(one) = tasks.join_next().await {
        done.push(one.unwrap_or_else(rethrow));
    }
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, one)| one).collect()
}

fn rethrow<T>(error: JoinError) -> T {
    std::panic::resume_unwind(error.into_panic())
}
