//! Where servers listen: each on a loopback address of its own.
//!
//! A server that is started again must find its port as it left it, and ports of 127.0.0.1 are
//! everybody's: the kernel gives one that is free to the next test's server or connection. The
//! surprise: all of 127.0.0.0/8 is this machine, and connections to any of it come from 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The least last octet that is given out; 127.0.0.1 is everybody's.
const FIRST_HOST: u32 = 2;
/// How many last octets are given out: all but 0 and 255, which some take for the network's own.
const HOSTS: u32 = 253;
/// Process ids that differ by so much differ in the second octet.
const SECOND_OCTET: u32 = 256;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An address where nobody else listens, at a port that is still to be found.
///
/// Processes differ in the second or third octet. One that has given out all of the fourth goes on
/// where a process is whose id is that much greater, which hardly runs at the same time.
pub fn own() -> SocketAddr {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let network = process::id() + number / HOSTS * SECOND_OCTET;
    let [_, _, second, third] = network.to_be_bytes();
    let fourth = u8::try_from(FIRST_HOST + number % HOSTS).expect("an octet");
    SocketAddr::from((Ipv4Addr::new(127, second, third, fourth), 0))
}

/// What `localhost` means, which is all that a certificate for that name is good for. Its ports are
/// everybody's.
pub(crate) fn localhost() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
