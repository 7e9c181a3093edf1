//! The doors: free, or held by a running groved, and by which.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::Finding;
use crate::ask;
use crate::config::Config;

/// This program, as a running one answers `/version`.
const THIS: &str = concat!("groved ", env!("CARGO_PKG_VERSION"));
/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Name and version of the groved that answers at the operators' door, if one does.
pub(super) fn running(config: &Config) -> Option<String> {
    let (status, text) = ask::get(config.ops.listen, "/version").ok()?;
    let name = text.trim_end();
    (status == 200 && name.starts_with("groved ")).then(|| name.to_owned())
}

pub(super) fn examine(config: &Config, server: Option<&str>) -> Vec<Finding> {
    vec![
        version(server),
        door("client door", config.http.listen, server),
        door("ops door", config.ops.listen, server),
    ]
}

fn version(server: Option<&str>) -> Finding {
    const CHECK: &str = "server";
    match server {
        None => Finding::ok(CHECK, format!("none is running; this is {THIS}")),
        Some(THIS) => Finding::ok(CHECK, format!("{THIS} is running, the same as this")),
        Some(other) => {
            let found = format!("{other} is running, and this is {THIS}");
            Finding::warn(CHECK, found, "restart it to run this version")
        }
    }
}

/// Looks by opening it for a moment.
fn door(check: &'static str, address: SocketAddr, server: Option<&str>) -> Finding {
    if address.port() == 0 {
        return Finding::ok(check, format!("{address}: any free port"));
    }
    let opened = TcpListener::bind(address).map(drop);
    match (opened, server) {
        (Ok(()), None) => Finding::ok(check, format!("{address} is free")),
        (Ok(()), Some(_)) => Finding::warn(
            check,
            format!("{address} is free, though groved runs"),
            "the running groved was started with another address: restart it, or look where it listens",
        ),
        (Err(error), server) => match (error.kind(), server) {
            (io::ErrorKind::AddrInUse, Some(_)) => {
                match TcpStream::connect_timeout(&ask::near(address), PATIENCE) {
                    Ok(_connection) => Finding::ok(check, format!("{address} answers")),
                    Err(error) => Finding::fail(
                        check,
                        format!("{address} is in use and does not answer: {error}"),
                        "look who holds it: ss -ltnp",
                    ),
                }
            }
            (io::ErrorKind::AddrInUse, None) => Finding::warn(
                check,
                format!("{address} is in use, and no groved answers"),
                "right if systemd holds it (groved.socket); otherwise look who does: ss -ltnp",
            ),
            (io::ErrorKind::AddrNotAvailable, _) => Finding::fail(
                check,
                format!("{address} is no address of this machine"),
                "set http.listen or ops.listen to one that `ip addr` shows, or to 0.0.0.0 or [::]",
            ),
            (io::ErrorKind::PermissionDenied, _) => Finding::warn(
                check,
                format!("{address} needs a privilege that this user does not have"),
                "let systemd open it (groved.socket), or put a proxy before a higher port",
            ),
            _ => Finding::fail(check, format!("{address}: {error}"), "set another address"),
        },
    }
}
