//! What is proven: MLS behind Grove's words, and everything a client or a hub must check without
//! asking anybody.
//!
//! Bytes in, bytes out. This crate must not know I/O, SQL, HTTP, clocks or tokio; time and
//! randomness are passed in, so that it runs in a browser as it does on a server.
//!
//! The fact that surprises: MLS does not check whom a credential belongs to. A leaf that says
//! «alice» merges without complaint. Who is who is decided in [`identity`] and
//! [`room::validation`], who may do what in [`room::policy`], and both the members ([`member`]) and
//! the hub ([`public`]) ask those two before they merge anything.
//!
//! Sources: RFC 9420 (MLS), draft-ietf-mls-extensions-10, draft-ietf-mimi-protocol-06,
//! draft-ietf-mimi-content-09, draft-ietf-mimi-room-policy-03.

pub mod content;
pub mod form;
pub mod franking;
pub mod identity;
pub mod key_package;
pub mod leaf;
pub mod linking;
pub mod member;
pub mod outside;
pub mod public;
pub mod room;
pub mod storage;
pub mod suite;
