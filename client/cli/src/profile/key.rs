//! The key file: 32 random bytes that open the local database, as 64 hexadecimal digits.
//!
//! Must not know the database. A key file that others may read, or that belongs to somebody else,
//! is refused rather than repaired: whoever could read it may have done so already.

use std::fs::{File, OpenOptions, remove_file};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use super::{OPEN_TO_OTHERS, ProfileError};
use crate::{bounded, clock};

/// Length of the key in bytes.
pub(crate) const KEY_BYTES: usize = 32;

const MAX_FILE_BYTES: usize = 1024;

/// Reads the key after checking who else could have.
///
/// # Errors
/// [`ProfileError::KeyMissing`], [`ProfileError::KeyPermissions`], [`ProfileError::KeyOwner`],
/// [`ProfileError::KeyMalformed`] or [`ProfileError::Io`].
pub(crate) fn read(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, ProfileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ProfileError::KeyMissing(path.to_owned()));
        }
        Err(error) => return Err(ProfileError::io("read", path, error)),
    };
    check_permissions(&file, path)?;
    let text = bounded::read_text(file, MAX_FILE_BYTES)
        .map_err(|error| ProfileError::io("read", path, error))?;
    parse(&text).ok_or_else(|| ProfileError::KeyMalformed(path.to_owned()))
}

/// Makes a new key file, readable by its owner only; an existing one is left alone and read.
///
/// # Errors
/// Those of [`read`], and [`ProfileError::Random`].
pub(crate) fn read_or_create(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, ProfileError> {
    match read(path) {
        Err(ProfileError::KeyMissing(_)) => create(path),
        other => other,
    }
}

fn create(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, ProfileError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    clock::fill_random(key.as_mut_slice()).map_err(ProfileError::Random)?;
    let mut text = Zeroizing::new(HEXLOWER_PERMISSIVE.encode(key.as_slice()));
    text.push('\n');
    write_private(path, text.as_bytes())?;
    Ok(key)
}

/// Writes a new file with mode 0600 and waits until it is on disk.
///
/// # Errors
/// [`ProfileError::Io`], also when the file is already there.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), ProfileError> {
    let mut file = create_private(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a file would be taken for a damaged one, and nobody would write it anew.
        if let Err(error) = remove_file(path) {
            tracing::warn!(%error, "half a file stays behind");
        }
        ProfileError::io("write", path, error)
    })
}

/// Makes a new, empty file with mode 0600.
///
/// # Errors
/// [`ProfileError::Io`], also when the file is already there.
pub(crate) fn create_private(path: &Path) -> Result<File, ProfileError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| ProfileError::io("create", path, error))
}

fn check_permissions(file: &File, path: &Path) -> Result<(), ProfileError> {
    let metadata = file
        .metadata()
        .map_err(|error| ProfileError::io("read", path, error))?;
    if !metadata.is_file() {
        return Err(ProfileError::KeyMalformed(path.to_owned()));
    }
    if metadata.mode() & OPEN_TO_OTHERS != 0 {
        return Err(ProfileError::KeyPermissions {
            path: path.to_owned(),
            mode: metadata.mode() & 0o777,
        });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(ProfileError::KeyOwner(path.to_owned()));
    }
    Ok(())
}

fn parse(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let bytes = Zeroizing::new(HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?);
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() != KEY_BYTES {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::{ProfileError, read, read_or_create, write_private};

    #[test]
    fn a_new_key_is_private_random_and_stable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = read_or_create(&path).unwrap();
        assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read_or_create(&path).unwrap(), *made);
        let other = read_or_create(&folder.path().join("other")).unwrap();
        assert_ne!(*other, *made);
    }

    #[test]
    fn a_key_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = read_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o644] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(read(&path), Err(ProfileError::KeyPermissions { mode: found, .. }) if found == mode)
            );
        }
        set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(*read(&path).unwrap(), *made);
    }

    #[test]
    fn a_short_long_or_strange_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("short", "00".repeat(31)),
            ("long", "00".repeat(33)),
            ("strange", "zz".repeat(32)),
            ("empty", String::new()),
        ] {
            let path = folder.path().join(name);
            write_private(&path, text.as_bytes()).unwrap();
            assert!(
                matches!(read(&path), Err(ProfileError::KeyMalformed(_))),
                "{name}"
            );
        }
        assert!(matches!(
            read(&folder.path().join("none")),
            Err(ProfileError::KeyMissing(_))
        ));
        assert!(matches!(
            read(folder.path()),
            Err(ProfileError::KeyMalformed(_))
        ));
    }
}
