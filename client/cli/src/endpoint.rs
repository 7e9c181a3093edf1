//! Where a server answers: its base URL, checked once.
//!
//! Must not know what is said to it. Plain HTTP is accepted for this machine alone, since a token
//! and everybody's address travel over it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use grove_wire::uri::Provider;
use reqwest::Url;

/// `https://host[:port]`, or `http://` for a loopback host; without path, query or credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

impl ServerUrl {
    /// Where the server of a domain answers unless somebody says otherwise: `https://<domain>`.
    ///
    /// # Errors
    /// [`ServerUrlError::Malformed`] when the domain is none a URL can hold.
    pub fn of(provider: &Provider) -> Result<Self, ServerUrlError> {
        format!("https://{}", provider.domain()).parse()
    }

    /// The URL of `path`, which starts with a slash and may have a query.
    ///
    /// # Errors
    /// [`ServerUrlError::Malformed`] when that is no URL, or would lead to another host.
    pub fn join(&self, path: &str) -> Result<Url, ServerUrlError> {
        let url = self.0.join(path).map_err(malformed)?;
        if url.origin() == self.0.origin() {
            Ok(url)
        } else {
            Err(ServerUrlError::Extra("path"))
        }
    }

    /// The same for a WebSocket: `wss://`, or `ws://` for a loopback host.
    ///
    /// # Errors
    /// As [`ServerUrl::join`].
    pub fn join_websocket(&self, path: &str) -> Result<String, ServerUrlError> {
        let url = self.join(path)?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
        Ok(format!("{scheme}:{rest}"))
    }

    /// Whether this is a server on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Whether this is plain HTTP.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// `host[:port]`, as people call a server.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(ServerUrlError::Plain),
            other => return Err(ServerUrlError::Scheme(other.to_owned())),
        }
        if !url.has_host() {
            return Err(ServerUrlError::Extra("missing host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ServerUrlError::Extra("user name or password"));
        }
        if url.path() != "/" {
            return Err(ServerUrlError::Extra("path"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ServerUrlError::Extra("query or fragment"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Why a text is no server URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// Something that does not belong there, or is missing.
    #[error("a server URL is https://host or https://host:port, here with: {0}")]
    Extra(&'static str),
    /// No URL at all.
    #[error("not a URL: {0}")]
    Malformed(String),
    /// Plain HTTP to another machine.
    #[error("plain http is accepted for this machine only; use https")]
    Plain,
    /// Neither `https` nor `http`.
    #[error("{0} is not a scheme of a server; use https")]
    Scheme(String),
}

fn malformed(error: impl fmt::Display) -> ServerUrlError {
    ServerUrlError::Malformed(error.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::uri::Provider;

    use super::{ServerUrl, ServerUrlError};

    fn parse(text: &str) -> Result<ServerUrl, ServerUrlError> {
        text.parse()
    }

    #[test]
    fn https_anywhere_and_http_at_home() {
        for good in [
            "https://a.example",
            "https://a.example:8448",
            "http://localhost:8448",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:8448",
        ] {
            assert_eq!(parse(good).unwrap().to_string(), good);
        }
        assert_eq!(
            parse("https://a.example/").unwrap().to_string(),
            "https://a.example"
        );
        for plain in [
            "http://a.example",
            "http://10.0.0.1",
            "http://localhost.a.example",
        ] {
            assert_eq!(parse(plain), Err(ServerUrlError::Plain), "{plain}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://alice:secret@a.example",
            "https://a.example/grove",
            "https://a.example/?x=1",
            "https://a.example/#x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_stay_on_the_server() {
        let server = parse("https://a.example:8448").unwrap();
        let url = server.join("/v1/poll?wait_s=25").unwrap();
        assert_eq!(url.as_str(), "https://a.example:8448/v1/poll?wait_s=25");
        let of_room = server.join("/v1/update/room@a.example").unwrap();
        assert_eq!(of_room.path(), "/v1/update/room@a.example");
        assert!(server.join("//evil.example/v1").is_err());
        assert!(server.join("https://evil.example/v1").is_err());
        assert_eq!(
            server.join_websocket("/v1/events").unwrap(),
            "wss://a.example:8448/v1/events"
        );
        let home = parse("http://127.0.0.1:8448").unwrap();
        assert_eq!(
            home.join_websocket("/v1/events").unwrap(),
            "ws://127.0.0.1:8448/v1/events"
        );
        assert!(home.is_loopback() && !server.is_loopback());
    }

    #[test]
    fn the_default_is_the_domain() {
        let provider = Provider::parse("a.example").unwrap();
        assert_eq!(
            ServerUrl::of(&provider).unwrap().to_string(),
            "https://a.example"
        );
    }
}
