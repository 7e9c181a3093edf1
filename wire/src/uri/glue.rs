//! What every kind of URI has in common, written once: text in, text out, JSON and TLS
//! presentation.

/// Declares a URI newtype over its canonical text; the type itself must have `parse(&str) ->
/// Result<Self, UriError>`.
macro_rules! uri {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The canonical text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.short())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::uri::UriError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::uri::UriError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(uri: $name) -> Self {
                uri.0
            }
        }

        impl tls_codec::Size for $name {
            fn tls_serialized_len(&self) -> usize {
                $crate::codec::opaque_size(self.0.len())
            }
        }

        impl tls_codec::Serialize for $name {
            fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
                $crate::codec::write_opaque(writer, self.0.as_bytes())
            }
        }

        impl tls_codec::Deserialize for $name {
            fn tls_deserialize<R: std::io::Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
                let text = $crate::codec::Text::<{ $crate::limits::MAX_URI_BYTES }>::tls_deserialize(reader)?;
                match Self::parse(&text) {
                    Ok(uri) if uri.0 == text => Ok(uri),
                    Ok(_) => Err($crate::codec::DecodeError::malformed("the URI is not canonical").into()),
                    Err(error) => Err($crate::codec::DecodeError::Malformed(error.to_string()).into()),
                }
            }
        }
    };
}
pub(super) use uri;
