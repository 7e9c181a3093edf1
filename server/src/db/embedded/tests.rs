//! Tests on a real PostgreSQL, which must be installed.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::*;

fn throwaway() -> Options {
    Options {
        durability: Durability::Throwaway,
        ..Options::default()
    }
}

async fn ask(config: &Config, sql: &str) -> i32 {
    let (session, connection) = config.connect(NoTls).await.unwrap();
    let asking = async move {
        let row = session.query_one(sql, &[]).await.unwrap();
        row.get(0)
    };
    futures_util::join!(asking, connection).0
}

fn postmaster_pid(data_dir: &Path) -> Pid {
    let text = std::fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

/// A killed groved closes its lock file and leaves PostgreSQL running: as if this value had never
/// been.
fn as_if_killed(embedded: Embedded) {
    let Embedded {
        postmaster,
        _lock: lock,
        ..
    } = embedded;
    std::mem::forget(postmaster);
    drop(lock);
}

#[tokio::test]
async fn a_start_finds_what_the_last_one_stored_and_keeps_a_second_groved_out() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::start_with(directory.path(), throwaway())
        .await
        .unwrap();
    ask(
        &embedded.config(),
        "SELECT 1 FROM (SELECT pg_sleep(0)) AS s",
    )
    .await;
    let (session, connection) = embedded.config().connect(NoTls).await.unwrap();
    let creating = async move {
        session
            .batch_execute("CREATE TABLE t AS SELECT 42 AS n")
            .await
    };
    futures_util::join!(creating, connection).0.unwrap();

    let second = Embedded::start_with(directory.path(), throwaway()).await;
    assert!(
        matches!(second, Err(EmbeddedError::Locked(_))),
        "{second:?}"
    );
    embedded.stop().await;

    let again = Embedded::start_with(directory.path(), throwaway())
        .await
        .unwrap();
    assert_eq!(ask(&again.config(), "SELECT n FROM t").await, 42);
    let from_text: Config = again.url().parse().unwrap();
    assert_eq!(ask(&from_text, "SELECT n FROM t").await, 42);
    again.stop().await;
}

#[tokio::test]
async fn a_postgresql_left_behind_by_a_kill_is_stopped_by_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::start_with(directory.path(), throwaway())
        .await
        .unwrap();
    let left_behind = postmaster_pid(directory.path());
    as_if_killed(embedded);
    assert!(test_kill_process(left_behind).is_ok(), "it still runs");

    let next = Embedded::start_with(directory.path(), throwaway())
        .await
        .unwrap();
    assert_ne!(postmaster_pid(directory.path()), left_behind);
    assert_eq!(ask(&next.config(), "SELECT 1").await, 1);
    next.stop().await;
}

#[tokio::test]
async fn a_lock_file_of_a_process_that_is_no_longer_postgresql_is_stale() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::start_with(directory.path(), throwaway())
        .await
        .unwrap();
    let cluster = directory.path().join("postgres");
    let lock_file = std::fs::read_to_string(cluster.join("postmaster.pid")).unwrap();
    let old = postmaster_pid(directory.path());
    kill_process(old, Signal::KILL).unwrap();
    embedded.ended().await;
    as_if_killed(embedded);

    // The process id has come to belong to somebody else, who must be left alone.
    let stranger = Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stranger = Stranger(stranger);
    let rest = lock_file.split_once('\n').unwrap().1;
    std::fs::write(
        cluster.join("postmaster.pid"),
        format!("{}\n{rest}", stranger.0.id()),
    )
    .unwrap();
    let next = Embedded::start_with(directory.path(), throwaway())
        .await
        .unwrap();
    assert_eq!(ask(&next.config(), "SELECT 1").await, 1);
    next.stop().await;
    let ended = stranger.0.try_wait().unwrap();
    assert!(ended.is_none(), "the stranger lives");
}

/// A process that ends with its test, however that ends.
struct Stranger(Child);

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn a_data_directory_with_a_long_name_works() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("x".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let embedded = Embedded::start_with(&long, throwaway()).await.unwrap();
    assert!(embedded.socket_directory.starts_with("/tmp"));
    assert_eq!(ask(&embedded.config(), "SELECT 1").await, 1);
    let socket_directory = embedded.socket_directory.clone();
    embedded.stop().await;
    std::fs::remove_dir_all(socket_directory).unwrap();
}

/// With groved as root PostgreSQL runs as somebody else, who must be able to pass the directories
/// above; groved opens its own data directory, but no other.
#[tokio::test]
async fn a_data_directory_below_a_closed_one_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("data");
    let mode = |mode| <std::fs::Permissions as PermissionsExt>::from_mode(mode);
    std::fs::set_permissions(directory.path(), mode(0o700)).unwrap();
    let started = Embedded::start_with(&below, throwaway()).await;
    if !rustix::process::geteuid().is_root() {
        return started.unwrap().stop().await;
    }
    match started {
        Err(EmbeddedError::NotTraversable {
            directory: closed, ..
        }) => {
            assert_eq!(closed, directory.path().canonicalize().unwrap());
        }
        other => panic!("{other:?}"),
    }
    std::fs::set_permissions(directory.path(), mode(0o711)).unwrap();
    let started = Embedded::start_with(&below, throwaway()).await.unwrap();
    started.stop().await;
}
