//! `grove recover`, on a new machine with the words on paper.

use harness::{Setup, Terminal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_comes_back_at_another_terminal() {
    let world = Setup::default().process().start().await;
    let (alice, words) = Terminal::register(&world, "alice").await;
    let (_bob, other_words) = Terminal::register(&world, "bob").await;
    let garden = alice.makes_room("Garden", &[]).await;
    let found = Terminal::new(&world, "found");
    let recover = [
        "recover",
        "alice@a.example",
        "--server",
        found.url.as_str(),
        "--json",
    ];
    let recover = [&recover[..], &["--words-file", "-"]].concat();
    for (wrong, code) in [("", 2), ("twenty four words", 2), (other_words.as_str(), 5)] {
        let refused = found.run(&recover, wrong).await;
        assert_eq!(refused.code, code, "{}", refused.stderr);
        assert_eq!(found.run(&["whoami"], "").await.code, 3, "nothing is left");
    }
    alice.run(&["send", &garden, "still here"], "").await.ok();

    let told = found.run(&recover, &words).await.json_lines();
    assert_eq!(told[0]["step"], "recovered");
    assert_eq!(told[0]["others"], "revoked");
    let joined = told.last().expect("how far it is");
    assert_eq!(joined["joined"], 1);
    assert_eq!(joined["of"], 1);
    found.run(&["send", &garden, "back again"], "").await.ok();
    let devices = found.run(&["devices", "list", "--json"], "").await;
    assert_eq!(devices.json_lines().len(), 2);
    // The machine that was lost is off the account.
    let lost = alice.run(&["send", &garden, "it was me"], "").await;
    assert_ne!(lost.code, 0, "{}{}", lost.stdout, lost.stderr);
    found.run(&["sync"], "").await.ok();
    let history = found.run(&["history", &garden, "--json"], "").await;
    let history = history.json_lines();
    let texts: Vec<&str> = history
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(texts, ["back again"]);
}
