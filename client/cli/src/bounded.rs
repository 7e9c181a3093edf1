//! Reading what others wrote, no more than there may be.
//!
//! What is longer is refused, never cut: half a certificate, passphrase or message is another one,
//! and a cut in the middle of a character would be told as text that is none.

use std::io::{self, BufRead, Read};

use zeroize::Zeroizing;

/// All bytes of a source, at most `most`.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if there are more; what the source reports.
pub(crate) fn read(source: impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(one_more(most)).read_to_end(&mut bytes)?;
    checked(bytes, most)
}

/// The same as text.
///
/// # Errors
/// As [`read`], and [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub(crate) fn read_text(source: impl Read, most: usize) -> io::Result<Zeroizing<String>> {
    as_text(&read(source, most)?)
}

/// The next line, trimmed; empty at the end of the source. With its end it has at most `most`
/// bytes.
///
/// # Errors
/// As [`read_text`].
pub(crate) fn read_line(source: impl BufRead, most: usize) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::new());
    source.take(one_more(most)).read_until(b'\n', &mut line)?;
    let line = as_text(&checked(line, most)?)?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}

fn one_more(most: usize) -> u64 {
    u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)
}

fn checked(bytes: Zeroizing<Vec<u8>>, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    if bytes.len() > most {
        let text = format!("there are more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(bytes)
}

fn as_text(bytes: &[u8]) -> io::Result<Zeroizing<String>> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::ErrorKind;

    use super::{read, read_line, read_text};

    #[test]
    fn what_is_too_long_is_refused_and_not_cut() {
        // Of two bytes each, so that every other bound falls into a character.
        let text = "é".repeat(5);
        for most in 0..12 {
            let whole = read_text(text.as_bytes(), most);
            let line = read_line(text.as_bytes(), most);
            if most < 10 {
                assert_eq!(whole.unwrap_err().kind(), ErrorKind::InvalidInput, "{most}");
                assert_eq!(line.unwrap_err().kind(), ErrorKind::InvalidInput, "{most}");
            } else {
                assert_eq!(*whole.unwrap(), text);
                assert_eq!(*line.unwrap(), text);
            }
        }
        assert_eq!(*read([0xff; 3].as_slice(), 3).unwrap(), [0xff; 3]);
        let odd = read_text([0xff; 3].as_slice(), 3).unwrap_err();
        assert_eq!(odd.kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn lines_are_read_one_by_one() {
        let mut source = " one \r\ntwo\n".as_bytes();
        for expected in ["one", "two", ""] {
            assert_eq!(*read_line(&mut source, 8).unwrap(), expected);
        }
    }
}
