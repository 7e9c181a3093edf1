//! Waiting for what must come, and finishing what must end.

use std::future::Future;
use std::thread;
use std::time::Duration;

/// How long anything may take before a test gives up: far longer than it ever takes, even on a
/// machine that is busy with other work, so that only a fault reaches it. What takes longest is a
/// cluster that is made or recovers on a slow disk.
pub const PATIENCE: Duration = Duration::from_mins(5);
/// How often a condition that cannot be waited for is asked again.
pub(crate) const ASK_EVERY: Duration = Duration::from_millis(10);

/// Waits for `future`, which must end.
///
/// # Panics
/// When it does not within [`PATIENCE`].
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("not within {PATIENCE:?}: {what}"),
    }
}

/// Asks until the answer is some.
///
/// # Panics
/// When it is none for [`PATIENCE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    soon(what, asking).await
}

/// Runs `future` to its end from code that cannot await, such as a destructor. The runtime of the
/// test goes on meanwhile.
pub fn finish<T: Send>(future: impl Future<Output = T> + Send) -> T {
    run_apart(future).expect("what had to be finished did not panic")
}

/// As [`finish`], in a destructor, which may run because the test has failed already: a second
/// panic would abort the process, and all other tests with it.
pub(crate) fn finish_in_drop(future: impl Future<Output = ()> + Send) {
    let finished = run_apart(future);
    assert!(
        finished.is_ok() || thread::panicking(),
        "what had to be finished panicked"
    );
}

fn run_apart<T: Send>(future: impl Future<Output = T> + Send) -> thread::Result<T> {
    thread::scope(|scope| {
        let runner = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(future)
        });
        runner.join()
    })
}
