//! Secrets on their way in and out: the invite, the passphrase, the recovery words.
//!
//! None of them is ever an argument: arguments stand in the process list and the shell's history.
//! They come from files, the environment, standard input or a prompt that does not echo.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use crate::bounded;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::profile::{ProfileError, create_private};

/// The environment variable with an invite.
pub(crate) const INVITE_VARIABLE: &str = "GROVE_INVITE";
/// The environment variable that names a file with the passphrase.
pub(crate) const PASSPHRASE_FILE_VARIABLE: &str = "GROVE_PASSPHRASE_FILE";

/// What Ctrl-C types.
const CTRL_C: u8 = 3;
/// Says that no character has a meaning (`_POSIX_VDISABLE` on Linux).
const NO_CHARACTER: u8 = 0;
const MAX_SECRET_BYTES: usize = 4096;
const MIN_PASSPHRASE_CHARACTERS: usize = 8;

/// The invite, from the file (`-` is standard input) or else the environment.
///
/// # Errors
/// When the file cannot be read or is empty.
pub(crate) fn find_invite(file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(path) = file else {
        let invite = std::env::var(INVITE_VARIABLE).ok().map(Zeroizing::new);
        return Ok(invite.filter(|invite| !invite.trim().is_empty()));
    };
    let read = if path == Path::new("-") {
        first_line(io::stdin().lock())
    } else {
        File::open(path).and_then(first_line)
    };
    match read {
        Ok(invite) if !invite.is_empty() => Ok(Some(invite)),
        Ok(_) => Err(Failure::new(Exit::Usage, "the invite is empty")),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Asks for an invite on the terminal; none if there is no terminal or nothing was typed.
pub(crate) fn ask_invite() -> Option<Zeroizing<String>> {
    let invite = Terminal::open()?.ask("Invite: ").ok()?;
    Some(invite).filter(|invite| !invite.is_empty())
}

/// The recovery words, from the file (`-` is standard input) or else asked for on the terminal.
///
/// # Errors
/// When there is neither, or nothing in it.
pub(crate) fn recovery_words(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let words = match file {
        Some(path) => read_words(path).map_err(|error| unreadable(path, &error))?,
        None => Terminal::open()
            .ok_or_else(|| {
                Failure::new(Exit::Usage, "there is no terminal to ask for the words on")
                    .advise("put them into a file and name it with --words-file")
            })?
            .ask("Recovery words: ")
            .map_err(|error| unreadable(Path::new("the terminal"), &error))?,
    };
    if words.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "there are no recovery words"));
    }
    Ok(words)
}

/// Words may stand on several lines.
fn read_words(path: &Path) -> io::Result<Zeroizing<String>> {
    if path == Path::new("-") {
        bounded::read_text(io::stdin().lock(), MAX_SECRET_BYTES)
    } else {
        bounded::read_text(File::open(path)?, MAX_SECRET_BYTES)
    }
}

/// The first line of a file that holds a secret.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    File::open(path)
        .and_then(first_line)
        .map_err(|error| unreadable(path, &error))
}

/// The passphrase of an existing database: from the file that the environment names, or asked for.
///
/// # Errors
/// When there is neither.
pub(crate) fn passphrase() -> Result<Zeroizing<String>, Failure> {
    if let Some(passphrase) = passphrase_of_file()? {
        return Ok(passphrase);
    }
    let terminal = Terminal::open().ok_or_else(no_passphrase)?;
    terminal
        .ask("Passphrase: ")
        .map_err(|error| unreadable(Path::new("the terminal"), &error))
}

/// A new passphrase, asked for twice on a terminal.
///
/// # Errors
/// When there is none, it is too short, or the two differ.
pub(crate) fn new_passphrase() -> Result<Zeroizing<String>, Failure> {
    let (passphrase, again) = if let Some(passphrase) = passphrase_of_file()? {
        (passphrase.clone(), passphrase)
    } else {
        let terminal = Terminal::open().ok_or_else(no_passphrase)?;
        let broken = |error| unreadable(Path::new("the terminal"), &error);
        (
            terminal.ask("New passphrase: ").map_err(broken)?,
            terminal.ask("Once more: ").map_err(broken)?,
        )
    };
    check_new(&passphrase, &again)?;
    Ok(passphrase)
}

fn check_new(passphrase: &str, again: &str) -> Result<(), Failure> {
    if passphrase != again {
        return Err(Failure::new(Exit::Usage, "the two passphrases differ"));
    }
    if passphrase.chars().count() < MIN_PASSPHRASE_CHARACTERS {
        let message = format!("a passphrase has at least {MIN_PASSPHRASE_CHARACTERS} characters");
        return Err(Failure::new(Exit::Usage, message)
            .advise("take a few words; it is all that protects the messages on this disk"));
    }
    Ok(())
}

fn passphrase_of_file() -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(path) = std::env::var_os(PASSPHRASE_FILE_VARIABLE).map(PathBuf::from) else {
        return Ok(None);
    };
    match File::open(&path).and_then(first_line) {
        Ok(passphrase) => Ok(Some(passphrase)),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn no_passphrase() -> Failure {
    Failure::new(
        Exit::Usage,
        "this profile needs a passphrase and there is no terminal to ask on",
    )
    .advise(format!(
        "name a file that holds it in {PASSPHRASE_FILE_VARIABLE}"
    ))
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::Interrupted {
        return Failure::new(Exit::Failure, "interrupted");
    }
    Failure::new(
        Exit::Failure,
        format!("cannot read {}: {error}", path.display()),
    )
}

fn first_line(source: impl Read) -> io::Result<Zeroizing<String>> {
    bounded::read_line(BufReader::new(source), MAX_SECRET_BYTES)
}

/// Whether an answer is shown while it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    Off,
    On,
}

/// The terminal this process was started from, even when its input and output are redirected.
pub(crate) struct Terminal(File);

impl Terminal {
    /// The terminal, if there is one.
    pub(crate) fn open() -> Option<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()
            .map(Self)
    }

    /// Asks one question without showing the answer.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] on Ctrl-C, [`io::ErrorKind::UnexpectedEof`] on Ctrl-D; what the
    /// terminal reports.
    pub(crate) fn ask(&self, question: &str) -> io::Result<Zeroizing<String>> {
        let mut out = &self.0;
        let asking = Asking::begin(&self.0, Echo::Off)?;
        out.write_all(question.as_bytes())?;
        let answer = asking.answer();
        drop(asking);
        out.write_all(b"\n")?;
        answer
    }

    /// Asks one question whose answer may be seen.
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub(crate) fn ask_openly(&self, question: &str) -> io::Result<Zeroizing<String>> {
        let mut out = &self.0;
        let asking = Asking::begin(&self.0, Echo::On)?;
        out.write_all(question.as_bytes())?;
        asking.answer()
    }
}

/// A terminal that waits for an answer, until this is dropped.
///
/// Ctrl-C is no signal meanwhile. It would end the program and leave the terminal without echo and
/// half a profile behind; or, where somebody waits for signals, not wake up whoever reads here. It
/// ends the line instead, and the answer is an error.
struct Asking<'a> {
    terminal: &'a File,
    before: Termios,
    /// What is typed ahead of a question that shows the answer counts; a secret that was, stood on
    /// the screen.
    when: OptionalActions,
}

impl<'a> Asking<'a> {
    fn begin(terminal: &'a File, echo: Echo) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut asking = before.clone();
        let when = match echo {
            Echo::Off => OptionalActions::Flush,
            Echo::On => OptionalActions::Now,
        };
        if echo == Echo::Off {
            asking.local_modes.remove(LocalModes::ECHO);
        }
        asking.special_codes[SpecialCodeIndex::VINTR] = NO_CHARACTER;
        asking.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(terminal, when, &asking)?;
        Ok(Self {
            terminal,
            before,
            when,
        })
    }

    fn answer(&self) -> io::Result<Zeroizing<String>> {
        let mut reader = BufReader::new(self.terminal);
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES));
        loop {
            let part = reader.fill_buf()?;
            if part.is_empty() && line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let read = part.len();
            line.extend_from_slice(part);
            reader.consume(read);
            match line.last() {
                Some(&CTRL_C) => return Err(io::Error::new(io::ErrorKind::Interrupted, "Ctrl-C")),
                Some(b'\n') => break,
                _ if read == 0 => break,
                _ => {}
            }
        }
        bounded::read_line(line.as_slice(), MAX_SECRET_BYTES)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(self.terminal, self.when, &self.before) {
            tracing::warn!(%error, "the terminal is not as it was before the question");
        }
    }
}

/// A private file for the recovery words, made before there are any, so that a full disk or a
/// mistyped path is noticed before the account exists.
pub(crate) struct RecoveryFile {
    path: PathBuf,
    file: File,
}

impl RecoveryFile {
    /// Makes the file, readable by its owner only; it must not exist yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn create(path: PathBuf) -> Result<Self, Failure> {
        match create_private(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error @ ProfileError::Full { .. }) => Err(error.into()),
            Err(error) => Err(Failure::caused(Exit::Usage, &error)
                .advise("name a new file in a folder you may write to")),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the words and waits until they are on disk.
    ///
    /// # Errors
    /// What the file system reports.
    pub(crate) fn write(&mut self, words: &str) -> io::Result<()> {
        self.file.write_all(words.as_bytes())?;
        self.file.write_all(b"\n")?;
        self.file.sync_all()
    }

    /// Takes the file away again, when there are no words to keep.
    pub(crate) fn remove(self) {
        if let Err(error) = remove_file(&self.path) {
            tracing::warn!(%error, "the empty recovery file stays behind");
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs::{File, metadata, read_to_string, write};
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{SpecialCodeIndex, tcgetattr};

    use super::{RecoveryFile, Terminal, check_new, find_invite, first_line, recovery_words};
    use crate::exit::Exit;

    #[test]
    fn a_secret_is_one_trimmed_line() {
        for text in ["secret", "secret\n", "secret\r\nmore\n", " secret \n"] {
            assert_eq!(first_line(text.as_bytes()).unwrap().as_str(), "secret");
        }
    }

    #[test]
    fn ctrl_c_ends_a_question_and_leaves_the_terminal_as_it_was() {
        for (typed, expected) in [
            ("secret\u{3}", Err(ErrorKind::Interrupted)),
            ("\u{3}", Err(ErrorKind::Interrupted)),
            ("\u{4}", Err(ErrorKind::UnexpectedEof)),
            ("s\u{e9}cret \n", Ok("s\u{e9}cret")),
            ("\n", Ok("")),
        ] {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
            grantpt(&master).unwrap();
            unlockpt(&master).unwrap();
            let name = ptsname(&master, Vec::new()).unwrap();
            let name = name.to_str().unwrap();
            let both = File::options().read(true).write(true).open(name).unwrap();
            let before = tcgetattr(&both).unwrap();
            let mut person = File::from(master);
            let terminal = Terminal(both);
            let answered = thread::scope(|scope| {
                scope.spawn(|| {
                    // The question is shown once the terminal waits for the answer.
                    let mut shown = [0; "Secret: ".len()];
                    person.read_exact(&mut shown).unwrap();
                    person.write_all(typed.as_bytes()).unwrap();
                    // Whoever does not take Ctrl-C for an end waits for this one.
                    person.write_all(b"\n").unwrap();
                });
                terminal.ask("Secret: ")
            });
            let answered = answered.map_err(|error| error.kind());
            assert_eq!(
                answered.as_deref().map(String::as_str),
                expected.as_ref().copied()
            );
            let after = tcgetattr(&terminal.0).unwrap();
            assert_eq!(after.local_modes, before.local_modes);
            assert_eq!(
                after.special_codes[SpecialCodeIndex::VINTR],
                before.special_codes[SpecialCodeIndex::VINTR]
            );
        }
    }

    #[test]
    fn an_invite_comes_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("invite");
        assert_eq!(find_invite(Some(&path)).unwrap_err().exit, Exit::Failure);
        write(&path, "\n").unwrap();
        assert_eq!(find_invite(Some(&path)).unwrap_err().exit, Exit::Usage);
        write(&path, "token\n").unwrap();
        assert_eq!(find_invite(Some(&path)).unwrap().unwrap().as_str(), "token");
    }

    #[test]
    fn recovery_words_come_from_their_file_on_any_number_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        assert_eq!(recovery_words(Some(&path)).unwrap_err().exit, Exit::Failure);
        write(&path, " \n").unwrap();
        assert_eq!(recovery_words(Some(&path)).unwrap_err().exit, Exit::Usage);
        write(&path, "one two\nthree\n").unwrap();
        let words = recovery_words(Some(&path)).unwrap();
        assert_eq!(words.split_whitespace().count(), 3);
    }

    #[test]
    fn a_new_passphrase_is_repeated_and_not_short() {
        assert!(check_new("correct horse", "correct horse").is_ok());
        assert_eq!(
            check_new("correct horse", "correct hose").unwrap_err().exit,
            Exit::Usage
        );
        assert_eq!(check_new("short", "short").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn recovery_words_go_to_a_new_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        let mut file = RecoveryFile::create(path.clone()).unwrap();
        assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        file.write("one two three").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "one two three\n");
        assert!(
            RecoveryFile::create(path.clone()).is_err(),
            "never overwritten"
        );
        file.remove();
        assert!(!path.exists());
    }
}
