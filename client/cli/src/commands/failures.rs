//! Errors of the engine and of this crate's own parts, as [`Failure`]s: which exit code, and what a
//! person can do. One page, so that the same trouble reads the same in every command.

use std::error::Error;

use grove_core::{Class, Classified, FindRoomError, OpenError, StoreError, Trouble, with_causes};
use grove_wire::uri::RoomUri;

use crate::events::EventsError;
use crate::exit::Exit;
use crate::failure::{Failure, ROOM_ADVICE};
use crate::output::RoomNames;
use crate::profile::ProfileError;
use crate::transport::HttpTransportError;

/// An error of the engine.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(crate) fn failed(error: impl Error + Classified) -> Failure {
    of_class(error.class(), with_causes(&error))
}

/// An error that what was typed cannot be used, whatever there is here and at the server.
pub(crate) fn unusable(error: impl Error + Classified) -> Failure {
    Failure {
        exit: Exit::Usage,
        ..failed(error)
    }
}

/// Something that could not be done now.
pub(crate) fn troubled(trouble: &Trouble, rooms: &RoomNames) -> Failure {
    let text = match &trouble.room {
        Some(room) => format!("{}: {}", rooms.of(room), trouble.text),
        None => trouble.text.clone(),
    };
    of_class(trouble.class, text)
}

fn of_class(class: Class, text: String) -> Failure {
    let (exit, advice) = match class {
        Class::Contended => (Exit::Contended, Some(CONTENDED_ADVICE)),
        Class::Failure => (Exit::Failure, None),
        Class::Identity => (Exit::Identity, Some(IDENTITY_ADVICE)),
        Class::Insecure => (Exit::Insecure, Some(INSECURE_ADVICE)),
        Class::NotRegistered => (Exit::Profile, Some(REGISTER_ADVICE)),
        Class::Refused => (Exit::Refused, None),
        Class::Revoked => (Exit::Identity, Some(REVOKED_ADVICE)),
        Class::Store if text.contains(&StoreError::Full.to_string()) => {
            (Exit::Storage, Some(ROOM_ADVICE))
        }
        Class::Store => (Exit::Storage, Some(STORE_ADVICE)),
        Class::Unknown => (Exit::NotFound, None),
        Class::Unavailable => (Exit::Unavailable, Some(UNAVAILABLE_ADVICE)),
        Class::Unreachable => (Exit::Unreachable, Some(UNREACHABLE_ADVICE)),
    };
    let failure = Failure::new(exit, text);
    match advice {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}

const CONTENDED_ADVICE: &str = "others are changing this room at the same time: try again in a \
    moment; nothing was lost";
const INSECURE_ADVICE: &str = "somebody may stand between you and the server, or its certificate \
    has expired: ask its operator; for one that signs its own, name --ca FILE at registration";
const UNAVAILABLE_ADVICE: &str = "try again later; what was begun waits";
const IDENTITY_ADVICE: &str = "this has to be settled first. A person: compare their number by \
    another way than this one (grove trust ADDRESS), or take them out (grove rooms remove). A \
    server: grove evidence list shows the proof, grove rooms resume goes on all the same. An own \
    device: run grove sync on the one that has the newest key, then here";
const REGISTER_ADVICE: &str = "run grove register, grove link or grove recover with ADDRESS; one \
    that was cut short is finished by running the same again";
const REVOKED_ADVICE: &str = "what this device has read stays readable: grove history ROOM; to go on \
    with this account here, link the device anew in another profile";
const STORE_ADVICE: &str = "see whether the disk is full or another grove is still at work";
const UNREACHABLE_ADVICE: &str = "try again later; grove status shows which server is asked";

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let advice = match &error {
            StoreError::Busy => "another grove is at work on this profile: wait for it, or end it",
            StoreError::Damaged(_) => "restore the profile's folder from a backup, and report this",
            StoreError::Full => ROOM_ADVICE,
            StoreError::Io(_) => "check the permissions of the profile's folder and the disk",
            StoreError::TooNew { .. } => "use the newer version of grove",
            StoreError::WrongKey => "put back the key file that belongs to this database",
        };
        Self::caused(Exit::Storage, &error).advise(advice)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => error.into(),
            other => failed(other),
        }
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        use ProfileError as E;
        let (exit, advice) = match &error {
            E::DirectoryPermissions { path, .. } => {
                (Exit::Storage, format!("run chmod 700 {}", path.display()))
            }
            E::Full { .. } => (Exit::Storage, ROOM_ADVICE.to_owned()),
            E::Io { .. } => (
                Exit::Storage,
                "check the path and its permissions".to_owned(),
            ),
            E::KeyMalformed(_) | E::KeyMissing(_) => (
                Exit::Storage,
                "put back the key file from a backup".to_owned(),
            ),
            E::KeyOwner(_) => (
                Exit::Storage,
                "run grove as the user who registered".to_owned(),
            ),
            E::KeyPermissions { path, .. } => {
                let fix = "whoever could read it can read this profile: if that may be anybody \
                           else, register a new account; if not, run chmod 600";
                (Exit::Storage, format!("{fix} {}", path.display()))
            }
            E::NoHome => (Exit::Profile, "set HOME".to_owned()),
            E::None => (Exit::Profile, REGISTER_ADVICE.to_owned()),
            E::Random(_) => return Self::caused(Exit::Failure, &error),
            E::Settings { .. } => (Exit::Profile, "correct the file".to_owned()),
            E::Several(_) => (Exit::Profile, "choose one with --profile NAME".to_owned()),
            E::Taken { .. } => (
                Exit::Profile,
                "choose another with --profile NAME".to_owned(),
            ),
            E::Unknown { known, .. } if known.is_empty() => {
                (Exit::Profile, REGISTER_ADVICE.to_owned())
            }
            E::Unknown { known, .. } => (Exit::Profile, format!("there are: {known}")),
        };
        Self::caused(exit, &error).advise(advice)
    }
}

impl From<HttpTransportError> for Failure {
    fn from(error: HttpTransportError) -> Self {
        Self::caused(Exit::Failure, &error)
            .advise("install the ca-certificates of this system, or name --ca FILE at registration")
    }
}

impl From<FindRoomError> for Failure {
    fn from(error: FindRoomError) -> Self {
        let advice = match &error {
            FindRoomError::Ambiguous { candidates } => {
                // Ids may begin alike, and be alike on two domains.
                let addresses: Vec<String> = candidates.iter().map(RoomUri::path_segment).collect();
                format!("name one by its address: {}", addresses.join(", "))
            }
            FindRoomError::Store(error) => return error.clone().into(),
            FindRoomError::Unknown => "grove rooms list shows the rooms".to_owned(),
        };
        failed(error).advise(advice)
    }
}

impl From<EventsError> for Failure {
    fn from(error: EventsError) -> Self {
        let exit = match &error {
            EventsError::Closed | EventsError::Refused(_) | EventsError::Unreachable(_) => {
                Exit::Unreachable
            }
            EventsError::Insecure(_) => Exit::Insecure,
        };
        Self::caused(exit, &error)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_core::{Class, Classified, StoreError};
    use grove_wire::uri::{Provider, RoomUri};

    use super::{FindRoomError, failed};
    use crate::exit::Exit;
    use crate::failure::Failure;
    use crate::profile::ProfileError;

    #[derive(Debug, thiserror::Error)]
    #[error("it went wrong")]
    struct Of(Class);

    impl Classified for Of {
        fn class(&self) -> Class {
            self.0
        }
    }

    #[test]
    fn every_class_has_its_exit_code() {
        for (class, exit) in [
            (Class::Contended, Exit::Contended),
            (Class::Failure, Exit::Failure),
            (Class::Identity, Exit::Identity),
            (Class::Insecure, Exit::Insecure),
            (Class::NotRegistered, Exit::Profile),
            (Class::Refused, Exit::Refused),
            (Class::Revoked, Exit::Identity),
            (Class::Store, Exit::Storage),
            (Class::Unknown, Exit::NotFound),
            (Class::Unavailable, Exit::Unavailable),
            (Class::Unreachable, Exit::Unreachable),
        ] {
            let failure = failed(Of(class));
            assert_eq!(
                (failure.exit, failure.message.as_str()),
                (exit, "it went wrong")
            );
        }
    }

    #[test]
    fn trouble_on_disk_says_what_to_do() {
        for error in [StoreError::Busy, StoreError::Full, StoreError::WrongKey] {
            let failure = Failure::from(error);
            assert_eq!(failure.exit, Exit::Storage);
            assert!(failure.advice.is_some());
        }
        let open = ProfileError::KeyPermissions {
            path: "/p/key".into(),
            mode: 0o644,
        };
        let failure = Failure::from(open);
        assert_eq!(
            failure.message,
            "the key file /p/key is open to others (mode 644)"
        );
        assert!(
            failure
                .advice
                .is_some_and(|advice| advice.ends_with("chmod 600 /p/key"))
        );
        assert_eq!(Failure::from(ProfileError::None).exit, Exit::Profile);
    }

    #[test]
    fn an_ambiguous_name_lists_whole_addresses() {
        let at = |domain| RoomUri::new(&Provider::parse(domain).unwrap(), &[7; 32]);
        let candidates = vec![at("a.example"), at("b.example")];
        let failure = Failure::from(FindRoomError::Ambiguous {
            candidates: candidates.clone(),
        });
        assert_eq!(failure.exit, Exit::NotFound);
        let advice = failure.advice.unwrap();
        let listed = advice.strip_prefix("name one by its address: ").unwrap();
        let read: Vec<_> = listed.split(", ").map(RoomUri::parse_address).collect();
        assert_eq!(read, candidates.into_iter().map(Ok).collect::<Vec<_>>());
    }
}
