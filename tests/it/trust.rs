//! Comparing digits at two terminals, and what stays when somebody comes back with the words.

use harness::{Setup, Terminal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_compare_their_digits() {
    let world = Setup::default().process().start().await;
    let (alice, _) = Terminal::register(&world, "alice").await;
    let (bob, words) = Terminal::register(&world, "bob").await;
    let garden = alice.makes_room("Garden", &["bob"]).await;
    bob.run(&["sync"], "").await.ok();
    let number = async |who: &Terminal, of: &[&str]| {
        let shown = who.run(&[&["trust", "--json"], of].concat(), "").await;
        let shown = shown.json();
        let number = shown["safety_number"].as_str().expect("digits").to_owned();
        (number, shown["verified"].as_bool().expect("a word"))
    };
    let (own, _) = number(&bob, &[]).await;
    assert_eq!(
        number(&alice, &["bob@a.example"]).await,
        (own.clone(), false)
    );
    let (others, _) = number(&alice, &[]).await;
    assert_ne!(own, others);
    let text = alice.run(&["trust", "bob@a.example"], "").await.ok();
    assert!(text.contains(&own[..23]), "{text}");

    // Not digits; somebody else's; nobody's: nothing changes.
    for (digits, code) in [("12345", 2), ("bob", 2), (others.as_str(), 6)] {
        let refused = alice.run(&["trust", "bob@a.example", digits], "").await;
        assert_eq!(refused.code, code, "{}", refused.stderr);
        let told_to_compare = refused.stderr.contains("read to you once more");
        assert_eq!(told_to_compare, code == 6, "{}", refused.stderr);
    }
    let unknown = alice.run(&["trust", "nobody@a.example"], "").await;
    assert_eq!(unknown.code, 8, "{}", unknown.stderr);
    assert!(!number(&alice, &["bob@a.example"]).await.1);

    let groups: Vec<&str> = own.split(' ').collect();
    let typed = [&["trust", "bob@a.example"], groups.as_slice()].concat();
    alice.run(&typed, "").await.ok();
    let trust_of_bob = async || {
        let members = alice
            .run(&["rooms", "members", &garden, "--json"], "")
            .await;
        let lines = members.json_lines();
        let bob = lines
            .iter()
            .find(|line| line["user"] == "mimi://a.example/u/bob");
        bob.expect("bob")["trust"].clone()
    };
    assert_eq!(trust_of_bob().await, "verified");
    alice.run(&["listen", "--once"], "").await.ok();

    // Bob loses his machine and comes back with the words: one line, and he is who he was.
    let found = Terminal::new(&world, "found");
    let recover = [
        "recover",
        "bob@a.example",
        "--server",
        found.url.as_str(),
        "--words-file",
        "-",
    ];
    found.run(&recover, &words).await.ok();
    found.run(&["send", &garden, "it is me"], "").await.ok();
    let heard = alice.run(&["listen", "--once", "--json"], "").await;
    let heard = heard.json_lines();
    let count = |event: &str| heard.iter().filter(|line| line["event"] == event).count();
    assert_eq!(count("identity_renewed"), 1, "{heard:?}");
    assert_eq!(count("warning"), 0, "{heard:?}");
    let said = heard.iter().find(|line| line["event"] == "message");
    let said = said.expect("what bob said");
    assert_eq!(said["message"]["text"], "it is me");
    assert_eq!(number(&alice, &["bob@a.example"]).await, (own, true));
    assert_eq!(trust_of_bob().await, "verified");
}
