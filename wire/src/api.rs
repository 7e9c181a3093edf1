//! The bodies of the client API, for what MIMI leaves to each provider.
//!
//! JSON for accounts, sessions, devices, `KeyPackage`s and lists; TLS presentation where bytes are
//! large or signed. Bytes that are signed stand in JSON as [`Base64Url`] and are never re-encoded.
//! Requests refuse unknown fields, so that a client learns of its mistake; responses may grow.

pub mod accounts;
mod base64url;
pub mod devices;
pub mod events;
pub mod key_packages;
pub mod links;
pub mod recoveries;
pub mod rooms;
pub mod server;
pub mod sessions;

pub use base64url::Base64Url;

/// The media type of JSON bodies.
pub const JSON_CONTENT_TYPE: &str = "application/json";

#[cfg(test)]
mod tests;
