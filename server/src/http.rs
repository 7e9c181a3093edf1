//! The doors: the only room that knows actix.
//!
//! A handler translates: extractors parse, authenticate and bound, the body is one call of a
//! service. What may happen is decided by the services; SQL and openmls are unknown here. Two
//! doors, two listeners, two route tables: [`client`] for people's devices and [`ops`] for
//! operators.

mod auth;
mod body;
mod client;
mod listen;
pub(crate) mod openapi;
mod ops;
mod problem;
mod rate_limit;
mod span;
mod tls;

pub(crate) use self::auth::ClientAuth;
pub(crate) use self::body::{Json, Octets};
pub(crate) use self::listen::{Doors, open};
pub(crate) use self::problem::Problem;
pub(crate) use self::tls::read as read_certificate;
