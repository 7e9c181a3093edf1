//! The log of the program: every request can be found in it, and nobody's name, text or token can,
//! whatever is logged.

use harness::api::claim_path;
use harness::{Setup, User, World};
use serde_json::Value;

const NAMES: [&str; 2] = ["alicewithalongname", "bobwithalongname"];
const ROOM: [&str; 2] = ["marmalade garden", "ukulele rehearsals"];
const TEXTS: [&str; 2] = [
    "quicksilver for the hippopotamus",
    "a xylophone at midnight",
];
const GUESSES: [&str; 3] = [
    "guessedsessiontoken",
    "guessedinvitetoken",
    "guessedroomname",
];

/// How bytes may stand in a log: as they are, in digits, as a list of numbers, as base64 wherever
/// it began.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut forms = vec![
        secret.to_owned(),
        hex.to_uppercase(),
        hex,
        decimal.join(", "),
    ];
    for before in 0..3 {
        let mut shifted = vec![0; before];
        shifted.extend_from_slice(bytes);
        // Only whole groups of three bytes of ours: the others depend on their neighbours.
        let whole = base64(&shifted);
        let (first, last) = (before.div_ceil(3) * 4, shifted.len() / 3 * 4);
        forms.push(whole[first..last].replace('+', "-").replace('/', "_"));
        forms.push(whole[first..last].to_owned());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three
            .iter()
            .chain([&0; 2])
            .take(3)
            .fold(0, |bits, byte| (bits << 8) | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift) & 63]))
    };
    bytes.chunks(3).flat_map(group).collect()
}

/// Which of the secrets are in the log in any form.
fn leaks<'a>(log: &str, secrets: &[&'a str]) -> Vec<&'a str> {
    let lower = log.to_lowercase();
    let leaked = |secret: &&&str| {
        lower.contains(&secret.to_lowercase())
            || forms(secret).iter().any(|form| log.contains(form))
    };
    secrets.iter().filter(leaked).copied().collect()
}

/// The control of everything below: what is there is found, in each of its forms.
#[test]
fn a_secret_in_a_log_is_found() {
    let log = "2026-01-01T00:00:00Z  INFO request{id=0123456789abcdef}: answered";
    assert!(leaks(log, &NAMES).is_empty());
    for secret in NAMES.iter().chain(&ROOM).chain(&TEXTS).chain(&GUESSES) {
        let mut written = forms(secret);
        written.push(secret.to_uppercase());
        written.push(format!("{:?}", secret.as_bytes()));
        for before in ["", "a", "ab", "abc"] {
            written.push(base64(format!("{before}{secret} and so on").as_bytes()));
        }
        for form in written {
            let log = format!("{log} token={form}\n{log}");
            assert_eq!(leaks(&log, &[*secret]), [*secret], "{form}");
        }
    }
}

/// A conversation with all that goes wrong in one, and what must not be told of it.
async fn converse(world: &World) -> Vec<String> {
    let mut secrets: Vec<String> = NAMES
        .iter()
        .chain(&ROOM)
        .chain(&TEXTS)
        .chain(&GUESSES)
        .map(|&secret| secret.to_owned())
        .collect();
    let mut people = Vec::new();
    for name in NAMES {
        let invite = world
            .process()
            .admin(&["invites", "create", "--json"])
            .await
            .json();
        let token = invite["token"].as_str().expect("a token");
        let user = User::try_register(world, name, Some(token)).await;
        people.push(user.expect("the registration succeeds"));
        secrets.push(token.to_owned());
    }
    let [alice, bob] = &mut people[..] else {
        unreachable!("two")
    };
    let room = alice
        .client
        .create_room(ROOM[0], Some(ROOM[1]))
        .await
        .expect("a room");
    alice.invite(&room, &[&*bob]).await;
    alice.say(&room, TEXTS[0]).await;
    bob.hears(&room, TEXTS[0]).await;
    bob.say(&room, TEXTS[1]).await;
    alice.hears(&room, TEXTS[1]).await;
    for one in [&*alice, &*bob] {
        secrets.push(one.account().token.expect("a session"));
    }

    // What is refused is not told of either: tokens and invites that are none, names in paths and
    // queries.
    let stranger = world.api().with_token(Some(GUESSES[0]));
    assert_eq!(stranger.get("/v1/whoami").await.status, 401);
    let refused = User::try_register(world, "carol", Some(GUESSES[1])).await;
    assert!(refused.is_err());
    let api = alice.api();
    for path in [
        format!("/v1/rooms/{}", GUESSES[2]),
        format!("/v1/rooms?after={}", GUESSES[2]),
        format!("/{}", GUESSES[2]),
    ] {
        api.get(&path).await;
    }
    let claim = claim_path(&world.address(NAMES[1]));
    assert!(api.post(&claim, TEXTS[0]).await.status >= 400);

    // A fault of ours is told of, with what PostgreSQL says of it.
    let database = world.database().await;
    database
        .batch_execute("ALTER TABLE devices RENAME TO elsewhere")
        .await
        .expect("a name");
    assert_eq!(api.get("/v1/devices").await.status, 500);
    database
        .batch_execute("ALTER TABLE elsewhere RENAME TO devices")
        .await
        .expect("a name");
    secrets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_what_people_say_and_are_is_logged_at_any_level() {
    for (filter, format) in [
        // Also where somebody asks libraries to tell all they know.
        (
            "trace,tokio_postgres=trace,actix_http=trace,actix_web=trace",
            "json",
        ),
        ("debug", "text"),
        ("info", "json"),
    ] {
        let mut world = Setup::default()
            .set("server.registration=invite")
            .set(&format!("telemetry.log={filter}"))
            .set(&format!("telemetry.format={format}"))
            .process()
            .start()
            .await;
        let secrets = converse(&world).await;
        let log = world.take_process().terminate().await.stderr;
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_eq!(leaks(&log, &secrets), Vec::<&str>::new(), "{filter}: {log}");
        assert!(
            log.contains("stopped") && log.contains("a request failed"),
            "{filter}: {log}"
        );
        assert_eq!(log.contains("answered"), filter != "info", "{filter}");
        if filter != "info" {
            // The names were there to be told: what was asked for is in the log by its route.
            for route in ["/v1/accounts", "/v1/keyMaterial/{", "/v1/submitMessage/{"] {
                assert!(log.contains(route), "{route}: {log}");
            }
        }
        if format == "json" {
            for line in log.lines() {
                let event: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                for key in ["timestamp", "level", "message", "target"] {
                    assert!(event[key].is_string(), "{key}: {line}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_found_by_the_id_in_its_answer() {
    let mut world = Setup::default()
        .set("telemetry.log=debug")
        .set("telemetry.format=json")
        .process()
        .start()
        .await;
    let alice = world.hand("alice").await;
    let refused = world.api().get("/v1/whoami").await;
    let database = world.database().await;
    database
        .batch_execute("ALTER TABLE devices RENAME TO elsewhere")
        .await
        .expect("a name");
    let failed = alice.api.get("/v1/devices").await;
    database
        .batch_execute("ALTER TABLE elsewhere RENAME TO devices")
        .await
        .expect("a name");
    assert_eq!((refused.status, failed.status), (401, 500));
    let log = world.take_process().terminate().await.stderr;
    let about = |id: &str| -> Vec<Value> {
        let events = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        events
            .filter(|event| {
                event["spans"]
                    .as_array()
                    .is_some_and(|spans| spans.iter().any(|span| span["id"] == id))
            })
            .collect()
    };
    for (answer, route, faults) in [(refused, "/v1/whoami", 0), (failed, "/v1/devices", 1)] {
        let id = answer.problem().request_id.expect("an id");
        assert_eq!(answer.header("request-id"), Some(id.as_str()));
        let events = about(&id);
        let answered = events
            .iter()
            .find(|event| event["message"] == "answered")
            .expect("an answer");
        assert_eq!(answered["span"]["route"], route);
        assert_eq!(answered["span"]["status"], answer.status);
        assert!(answered["elapsed_ms"].is_u64(), "{answered}");
        let errors: Vec<_> = events
            .iter()
            .filter(|event| event["level"] == "ERROR")
            .collect();
        assert_eq!(errors.len(), faults, "{events:#?}");
        assert!(
            errors.iter().all(|event| event["cause"].is_string()),
            "{errors:#?}"
        );
    }
    // The control: another id leads nowhere.
    assert!(about("0000000000000000").is_empty());
}
