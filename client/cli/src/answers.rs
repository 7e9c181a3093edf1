//! Questions to whoever runs the program: a person at the terminal, or a script behind standard
//! input, one line for each answer.
//!
//! The surprise: a redirected standard input decides. A person who pipes something in is a script.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::bounded;
use crate::exit::Exit;
use crate::failure::Failure;
pub(crate) use crate::secrets::Echo;
use crate::secrets::{self, Terminal};

/// The longest answer.
const MAX_ANSWER_BYTES: usize = 4096;

/// Who answers.
pub(crate) enum Answers {
    Person(Terminal),
    Script,
}

impl Answers {
    /// A person, if standard input is a terminal.
    pub(crate) fn open() -> Self {
        let person = io::stdin().is_terminal().then(Terminal::open).flatten();
        person.map_or(Self::Script, Self::Person)
    }

    /// Whether it is worth asking again.
    pub(crate) fn is_person(&self) -> bool {
        matches!(self, Self::Person(_))
    }

    /// The answer to one question: a line, trimmed. A person who types nothing is asked again.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn ask(&self, question: &str, echo: Echo) -> Result<Zeroizing<String>, Failure> {
        loop {
            let answered = match self {
                Self::Person(terminal) => match echo {
                    Echo::Off => terminal.ask(question),
                    Echo::On => terminal.ask_openly(question),
                },
                Self::Script => next_line(),
            };
            match answered {
                Ok(answer) if !answer.is_empty() => return Ok(answer),
                Ok(_nothing) if self.is_person() => {}
                Ok(_nothing) => return Err(unanswered(question)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(unanswered(question));
                }
                Err(error) => return Err(secrets::unreadable(Path::new("the answer"), &error)),
            }
        }
    }
}

fn unanswered(question: &str) -> Failure {
    let question = question.trim_end_matches([':', ' ']);
    Failure::new(Exit::Usage, format!("no answer was given to: {question}"))
}

/// Whether an answer is a yes; anything else is a no.
pub(crate) fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn next_line() -> io::Result<Zeroizing<String>> {
    // Standard input has one buffer for the whole process: what follows the line stays in it.
    bounded::read_line(io::stdin().lock(), MAX_ANSWER_BYTES)
}
