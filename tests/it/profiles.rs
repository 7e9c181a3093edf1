//! What becomes of a profile when the command that makes it fails: what that command put there
//! goes, what was there before stays.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use harness::{Setup, Terminal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_settings_are_lost_outlives_every_failure() {
    let world = Setup::default().process().start().await;
    let (alice, _words) = Terminal::register(&world, "alice").await;
    let (_bob, other_words) = Terminal::register(&world, "bob").await;
    let settings = alice.home.join(".config/grove/alice@a.example.toml");
    let folder = alice.home.join(".local/share/grove/alice@a.example");
    let (database, key) = (folder.join("grove.db"), folder.join("key"));
    let kept = fs::read(&settings).expect("the settings");
    let at = ["alice@a.example", "--server", alice.url.as_str()];
    // With a key that may be used, and with one that others may read.
    for mode in [0o600, 0o644] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).expect("a mode");
        for (command, input) in [
            (&["register"][..], ""),
            (&["link"], ""),
            (&["recover", "--words-file", "-"], other_words.as_str()),
        ] {
            fs::remove_file(&settings).expect("they are there");
            let failed = alice.run(&[command, &at].concat(), input).await;
            assert_ne!(failed.code, 0, "{command:?}: {}", failed.stdout);
            assert!(database.exists(), "{command:?}: {}", failed.stderr);
            fs::write(&settings, &kept).expect("the settings");
        }
    }
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("a mode");
    alice.run(&["rooms", "create", "Garden"], "").await.ok();

    // The control: where nothing was, nothing is left.
    fs::remove_file(&settings).expect("they are there");
    fs::rename(&folder, alice.home.join("elsewhere")).expect("it moves");
    let refused = alice.run(&[&["register"], &at[..]].concat(), "").await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(!folder.exists() && !settings.exists());
}
