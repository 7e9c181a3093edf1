//! Profiles on a real disk.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{Permissions, metadata, remove_dir_all, remove_file, set_permissions, write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use grove_wire::uri::UserUri;

use super::{Directories, Profile, ProfileError, ProfileName, Settings, Unlock, list};

fn directories(folder: &Path) -> Directories {
    Directories::from_lookup(|name| (name == "HOME").then(|| folder.as_os_str().to_owned()))
        .unwrap()
}

fn settings(address: &str) -> Settings {
    Settings {
        user: UserUri::parse_address(address).unwrap(),
        server: "https://a.example".parse().unwrap(),
        unlock: Unlock::File,
    }
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

#[test]
fn names_cannot_leave_their_folder() {
    for good in ["alice", "alice@a.example", "0", "a+b_c-d"] {
        assert!(good.parse::<ProfileName>().is_ok(), "{good}");
    }
    let long = "a".repeat(129);
    for bad in [
        "", ".", "..", "../alice", "a/b", ".hidden", "-x", "a b", "\u{e4}", &long,
    ] {
        assert!(bad.parse::<ProfileName>().is_err(), "{bad:?}");
    }
}

#[test]
fn the_only_profile_is_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    assert!(matches!(
        Profile::choose(&directories, None),
        Err(ProfileError::None)
    ));

    Profile::create(&directories, name("alice"), &settings("alice@a.example")).unwrap();
    assert_eq!(
        Profile::choose(&directories, None).unwrap().name,
        name("alice")
    );

    Profile::create(&directories, name("bob"), &settings("bob@a.example")).unwrap();
    assert!(
        matches!(Profile::choose(&directories, None), Err(ProfileError::Several(names)) if names == "alice, bob")
    );
    assert_eq!(
        Profile::choose(&directories, Some(&name("bob")))
            .unwrap()
            .name,
        name("bob")
    );
    assert!(matches!(
        Profile::choose(&directories, Some(&name("carol"))),
        Err(ProfileError::Unknown { .. })
    ));
    write(directories.config().join("notes.txt"), "not a profile").unwrap();
    assert_eq!(list(&directories).unwrap(), [name("alice"), name("bob")]);
}

#[test]
fn a_name_is_not_given_to_a_second_user() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    Profile::create(&directories, name("me"), &settings("alice@a.example")).unwrap();
    Profile::create(&directories, name("me"), &settings("alice@a.example")).unwrap();
    assert!(matches!(
        Profile::create(&directories, name("me"), &settings("bob@a.example")),
        Err(ProfileError::Taken { .. })
    ));
}

#[test]
fn a_profile_taken_up_again_keeps_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    let first = Settings {
        unlock: Unlock::Passphrase,
        ..settings("alice@a.example")
    };
    Profile::create(&directories, name("me"), &first).unwrap();
    let other = Settings {
        server: "https://b.example".parse().unwrap(),
        ..settings("alice@a.example")
    };
    let mut again = Profile::create(&directories, name("me"), &other).unwrap();
    assert_eq!(again.settings, first);
    again
        .move_server(&directories, other.server.clone())
        .unwrap();
    assert_eq!(
        Profile::choose(&directories, None).unwrap().settings.server,
        other.server
    );
}

#[test]
fn the_folder_is_private_and_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    let profile =
        Profile::create(&directories, name("alice"), &settings("alice@a.example")).unwrap();
    let data = directories.data_of(&profile.name);
    assert_eq!(metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);

    set_permissions(&data, Permissions::from_mode(0o750)).unwrap();
    assert!(matches!(
        Profile::choose(&directories, None),
        Err(ProfileError::DirectoryPermissions { mode: 0o750, .. })
    ));
}

#[test]
fn no_second_key_is_made_for_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    let profile =
        Profile::create(&directories, name("alice"), &settings("alice@a.example")).unwrap();
    let key = profile.key().unwrap();
    write(profile.database(), "encrypted").unwrap();
    assert_eq!(*profile.key().unwrap(), *key);

    remove_file(directories.data_of(&profile.name).join("key")).unwrap();
    assert!(matches!(profile.key(), Err(ProfileError::KeyMissing(_))));
}

#[test]
fn extra_roots_are_kept_in_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    let profile =
        Profile::create(&directories, name("alice"), &settings("alice@a.example")).unwrap();
    assert!(profile.roots().unwrap().is_none());
    profile.store_roots(b"pem").unwrap();
    assert_eq!(profile.roots().unwrap().as_deref(), Some(b"pem".as_slice()));
}

#[test]
fn a_discarded_profile_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    let profile =
        Profile::create(&directories, name("alice"), &settings("alice@a.example")).unwrap();
    profile.key().unwrap();
    let found = Profile::find_settings(&directories, &profile.name).unwrap();
    assert_eq!(found, Some(settings("alice@a.example")));
    let data = directories.data_of(&profile.name);
    profile.discard(&directories).unwrap();
    assert!(!data.exists());
    assert!(list(&directories).unwrap().is_empty());
}

#[test]
fn a_profile_of_which_only_the_settings_are_left_is_made_whole() {
    let folder = tempfile::tempdir().unwrap();
    let directories = directories(folder.path());
    let made = Profile::create(&directories, name("alice"), &settings("alice@a.example")).unwrap();
    made.key().unwrap();
    // A removal takes the folder first, and was cut short behind it.
    remove_dir_all(directories.data_of(&made.name)).unwrap();
    assert!(Profile::choose(&directories, None).is_err());
    let again = Profile::create(&directories, name("alice"), &settings("alice@a.example")).unwrap();
    again.key().unwrap();
    Profile::choose(&directories, None).unwrap();
}
