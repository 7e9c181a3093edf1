//! Invites: made, shown, withdrawn.

use harness::{Setup, program};
use tokio::process::Command;

use super::{ask, code, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_a_token_a_link_and_a_code() {
    let world = Setup::default()
        .process()
        .set("server.registration=invite")
        .start()
        .await;
    let made = read(&world, &["invites", "create", "--uses", "2", "--qr"]).await;
    let lines: Vec<&str> = made.lines().collect();
    let (token, link) = (lines[0], lines[1]);
    assert_eq!(link, format!("https://a.example/invite#{token}"));
    assert!(lines.len() > 10 && made.contains('█'), "{made}");
    let plain = read(&world, &["invites", "create"]).await;
    assert_eq!(plain.lines().count(), 2);
    let json = ask(&world, &["invites", "create"]).await;
    let expected = format!(
        "https://a.example/invite#{}",
        json["token"].as_str().expect("a token")
    );
    assert_eq!(json["link"], expected);

    let register = async |name: &str, invite: &str| {
        let mut command = Command::new(program::grove());
        let home = world.home(name);
        command
            .args([
                "register",
                &format!("{name}@a.example"),
                "--server",
                world.url(),
            ])
            .args(["--json", "--invite-file", "-"])
            .env_clear()
            .env("HOME", home);
        program::run(command, invite).await
    };
    let elsewhere = link.replace("a.example", "b.example");
    for wrong in [elsewhere.as_str(), "https://a.example/invite#"] {
        let refused = register("alice", wrong).await;
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(!refused.stderr.contains(token), "{}", refused.stderr);
    }
    assert_eq!(world.count("SELECT count(*) FROM users").await, 0);
    register("alice", link).await.ok();
    register("bob", token).await.ok();
    assert_eq!(register("carol", link).await.code, 5, "used up");
    assert_eq!(world.count("SELECT count(*) FROM users").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invites_have_pages_can_be_withdrawn_and_show_no_token() {
    let world = Setup::default().process().start().await;
    let mut tokens = Vec::new();
    for uses in ["1", "2", "3"] {
        let made = ask(&world, &["invites", "create", "--uses", uses]).await;
        tokens.push(made["token"].as_str().expect("a token").to_owned());
    }
    let first = ask(&world, &["invites", "list", "--limit", "2"]).await;
    let next = first["next"].as_i64().expect("there is more").to_string();
    let second = ask(
        &world,
        &["invites", "list", "--before", &next, "--limit", "2"],
    )
    .await;
    assert!(second["next"].is_null(), "{second}");
    let uses = [&first, &second].map(|page| {
        let invites = page["invites"].as_array().expect("invites").iter();
        invites.map(|one| one["uses"].as_u64()).collect::<Vec<_>>()
    });
    assert_eq!(uses.concat(), [Some(3), Some(2), Some(1)]);

    // Both names of the verb, and twice is as good as once.
    for verb in ["withdraw", "revoke"] {
        assert_eq!(read(&world, &["invites", verb, &next]).await, "done\n");
    }
    let all = ask(&world, &["invites", "list"]).await;
    let revoked: Vec<bool> = all["invites"]
        .as_array()
        .expect("invites")
        .iter()
        .map(|one| one["revoked"] == true)
        .collect();
    assert_eq!(revoked, [false, true, false]);
    let text = read(&world, &["invites", "list"]).await;
    for token in &tokens {
        assert!(
            !text.contains(token) && !all.to_string().contains(token),
            "{text}"
        );
    }
    let page = world
        .process()
        .admin(&["invites", "list", "--limit", "1"])
        .await;
    assert!(page.stderr.contains("--before 3"), "{}", page.stderr);
    assert_eq!(code(&world, &["invites", "revoke", "99"]).await, 6);
    assert_eq!(code(&world, &["invites", "create", "--uses", "0"]).await, 6);
    for (validity, expected) in [("0s", 6), ("999ms", 6), ("1s", 0)] {
        let create = ["invites", "create", "--expires-in", validity];
        assert_eq!(code(&world, &create).await, expected, "{validity}");
    }
    assert_eq!(
        code(&world, &["invites", "create", "--expires-in", "soon"]).await,
        2
    );
}
