//! `[http]` and `[ops]`: the doors.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// `[http]`, checked: the door for clients.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How bytes are protected.
    pub transport: Transport,
    /// Who is believed when it says for whom it asks (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpAddr>,
    /// Threads that serve requests.
    pub workers: usize,
}

/// How the bytes of the client door are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Not at all: on loopback only, for a proxy on the same machine and for trying out.
    Plain,
    /// TLS 1.3 with this certificate.
    Tls {
        /// PEM file with the certificate chain.
        certificate: PathBuf,
        /// PEM file with the private key.
        key: PathBuf,
    },
}

/// `[ops]`, checked: the door for operators.
#[derive(Clone, Debug)]
pub struct OpsConfig {
    /// Where it listens, in plain HTTP.
    pub listen: SocketAddr,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHttp {
    listen: String,
    plain_http: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_key: Option<PathBuf>,
    trusted_proxies: Vec<String>,
    workers: usize,
}

impl Default for RawHttp {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8448".to_owned(),
            plain_http: false,
            tls_certificate: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            workers: 2,
        }
    }
}

impl RawHttp {
    pub(super) fn validate(&self) -> Result<HttpConfig, ConfigError> {
        let listen = address("http.listen", &self.listen)?;
        if !(1..=1024).contains(&self.workers) {
            return Err(ConfigError::value(
                "http.workers",
                "must be between 1 and 1024",
            ));
        }
        Ok(HttpConfig {
            listen,
            transport: self.transport(listen)?,
            trusted_proxies: self.trusted_proxies()?,
            workers: self.workers,
        })
    }

    fn trusted_proxies(&self) -> Result<Vec<IpAddr>, ConfigError> {
        let parse = |text: &String| {
            let parsed = text.parse().map(|address: IpAddr| address.to_canonical());
            parsed.map_err(|_invalid| {
                ConfigError::value(
                    "http.trusted_proxies",
                    format_args!("{text:?} is not an IP address, such as 192.0.2.7"),
                )
            })
        };
        self.trusted_proxies.iter().map(parse).collect()
    }

    fn transport(&self, listen: SocketAddr) -> Result<Transport, ConfigError> {
        match (self.plain_http, &self.tls_certificate, &self.tls_key) {
            (false, Some(certificate), Some(key)) => Ok(Transport::Tls {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            (false, None, None) => Err(ConfigError::Missing {
                key: "http.tls_certificate",
                hint: "set it and http.tls_key, or http.plain_http = true on a loopback address",
            }),
            (false, Some(_), None) => Err(ConfigError::Missing {
                key: "http.tls_key",
                hint: "a certificate needs its key",
            }),
            (false, None, Some(_)) => Err(ConfigError::Missing {
                key: "http.tls_certificate",
                hint: "a key needs its certificate",
            }),
            (true, None, None) if listen.ip().is_loopback() => Ok(Transport::Plain),
            (true, None, None) => Err(ConfigError::value(
                "http.plain_http",
                "plain HTTP is served on a loopback address only; set http.tls_certificate and http.tls_key",
            )),
            (true, ..) => Err(ConfigError::value(
                "http.plain_http",
                "choose one: plain HTTP, or a certificate and key",
            )),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOps {
    listen: String,
}

impl Default for RawOps {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9464".to_owned(),
        }
    }
}

impl RawOps {
    pub(super) fn validate(&self) -> Result<OpsConfig, ConfigError> {
        Ok(OpsConfig {
            listen: address("ops.listen", &self.listen)?,
        })
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_invalid| {
        ConfigError::value(
            key,
            format_args!("{text:?} is not an IP address and port, such as 127.0.0.1:8448"),
        )
    })
}
