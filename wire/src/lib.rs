//! What is said: the bodies of MIMI and of the client API, their URIs, limits and problem types.
//!
//! This crate knows bytes and bounds. It must not know I/O, time, randomness, SQL or how MLS works
//! inside: an MLS message is walked from the outside, so that its exact bytes are kept, and never
//! opened.
//!
//! The fact that surprises: MIMI puts MLS messages into its bodies without a length in front. Where
//! one ends is found by walking its structure ([`mls`]), and everything that is hashed, signed or
//! relayed is the walked bytes, never a re-encoding.
//!
//! Sources: RFC 9420 (MLS), draft-ietf-mimi-protocol-06, draft-ietf-mimi-room-policy-03,
//! draft-ietf-mls-ratchet-tree-options-00, RFC 9457 (problem documents).

pub mod api;
pub mod codec;
mod everything;
pub mod invite;
pub mod limits;
pub mod mimi;
pub mod mls;
pub mod problem;
#[cfg(test)]
mod samples;
#[cfg(feature = "openapi")]
mod schema;
pub mod uri;

pub use everything::decode_everything;
