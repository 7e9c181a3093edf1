//! One question to a door of a running groved, for commands that want to know how it is. Blocks;
//! plain HTTP only.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long connecting and each step of the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Lines of a head at most, and bytes of an answer.
const MAX_LINES: usize = 100;
const MAX_BYTES: u64 = 64 * 1024;

/// Status and text of the answer to `GET path`. An address that stands for all of the machine is
/// asked on loopback.
///
/// # Errors
/// When nobody listens there, or what answers does not speak HTTP.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let address = near(address);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = BufReader::new(stream.take(MAX_BYTES));
    let mut first = String::new();
    let _length = answer.read_line(&mut first)?;
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| io::Error::other("what answers does not speak HTTP"))?;
    for _ in 0..MAX_LINES {
        let mut line = String::new();
        if answer.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
    }
    let mut body = Vec::new();
    let _length = answer.read_to_end(&mut body)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Where an address can be reached from this machine.
pub(crate) fn near(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
