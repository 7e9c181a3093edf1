//! How a request reaches the home server, as a trait: the engine opens no socket.
//!
//! An answer with any status is an answer. Only what may go away by itself (no route, a timeout, a
//! broken connection) is a [`TransportError`]; the caller then does not know whether the server
//! acted, and sends the same bytes again.

use std::time::Duration;

/// `Send` where threads exist, nothing in the browser, where a fetch cannot leave its thread.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + ?Sized> MaybeSend for T {}

/// `Send` where threads exist, nothing in the browser, where a fetch cannot leave its thread.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSend for T {}

/// A way to the home server.
pub trait Transport {
    /// Sends `request` and waits for the whole answer.
    ///
    /// # Errors
    /// [`TransportError`] if no answer came; whether the server acted is then unknown.
    fn call(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response, TransportError>> + MaybeSend;
}

/// The HTTP methods of the client API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// DELETE
    Delete,
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
}

impl Method {
    /// The method as it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// The body of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// A JSON document.
    Json(Vec<u8>),
    /// No body at all.
    None,
    /// TLS presentation bytes.
    Octets(Vec<u8>),
}

impl Body {
    /// The value of the header `Content-Type`, if there is a body.
    pub fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Json(_) => Some("application/json"),
            Self::None => None,
            Self::Octets(_) => Some("application/octet-stream"),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(bytes) => write!(f, "Json({} bytes)", bytes.len()),
            Self::None => f.write_str("None"),
            Self::Octets(bytes) => write!(f, "Octets({} bytes)", bytes.len()),
        }
    }
}

/// A request to the home server.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query below the server's base URL: `/v1/...`. Nothing in it is percent-encoded.
    pub path: String,
    /// The body.
    pub body: Body,
    /// The session's bearer token.
    pub token: Option<String>,
    /// How long the answer may take.
    pub patience: Duration,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.method.as_str(), self.path, self.body)
    }
}

/// The server's answer.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers; names in any case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// What the body is: the header `Content-Type` without its parameters (RFC 9110, section 8.3).
    pub fn media_type(&self) -> Option<&str> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim())
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.status, self.body.len())
    }
}

/// No answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The answer took longer than the request's patience.
    #[error("the server did not answer in time")]
    Timeout,
    /// Whoever answered does not prove to be the server: its certificate is not accepted. The text
    /// is for a person.
    #[error("the server does not prove who it is: {0}")]
    Insecure(String),
    /// The server could not be reached, or the connection broke; the text is for a person.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_are_compared_without_case() {
        let response = Response {
            status: 200,
            headers: vec![("mimi-seq".to_owned(), "7".to_owned())],
            body: Vec::new(),
        };
        assert_eq!(response.header("MIMI-Seq"), Some("7"));
        assert_eq!(response.header("Grove-Receipt"), None);
    }
}
