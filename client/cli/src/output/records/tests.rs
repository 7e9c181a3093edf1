//! Snapshots of results, as text and as JSON.
#![expect(clippy::unwrap_used, reason = "tests")]

use grove_core::{
    IdentityView, LostView, MemberView, MessageId, MessageStatus, RoomView, Sent, Trust,
};
use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};
use serde::Serialize;

use super::{
    Caught, Created, DraftLine, IdentityPage, InvitedLine, MemberLine, Registered, RoomLine,
    SentLine, Trusted, WhoamiPage, called, short_id,
};

const ROOM: &str = "mimi://a.example/r/a4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dq";

fn user(name: &str) -> UserUri {
    UserUri::parse(&format!("{name}@a.example")).unwrap()
}

fn room() -> RoomUri {
    RoomUri::new(&Provider::parse("a.example").unwrap(), &[7; 32])
}

fn client() -> ClientUri {
    ClientUri::new(&user("alice"), [1; 16])
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn registered() {
    let words: Vec<String> = (1..=8).map(|n| format!("word{n}")).collect();
    let mut page = Registered {
        user: user("alice"),
        address: "alice@a.example".to_owned(),
        client: client(),
        profile: "alice@a.example".to_owned(),
        server: "https://a.example".to_owned(),
        recovery_words: Some(words),
        recovery_file: None,
    };
    assert_eq!(
        page.to_string(),
        "alice@a.example is registered at https://a.example.\n\
         This is profile alice@a.example, device aeaqcaibaeaqcaibaeaqcaibae.\n\n\
         Recovery words, shown only now. Write them down and keep them safe:\n\n\
         \x20  1 word1     2 word2     3 word3     4 word4     5 word5     6 word6    \n\
         \x20  7 word7     8 word8    "
    );
    page.recovery_words = None;
    page.recovery_file = Some("words.txt".to_owned());
    assert_eq!(
        json(&page),
        "{\"user\":\"mimi://a.example/u/alice\",\"address\":\"alice@a.example\",\
         \"client\":\"mimi://a.example/d/alice/aeaqcaibaeaqcaibaeaqcaibae\",\
         \"profile\":\"alice@a.example\",\"server\":\"https://a.example\",\
         \"recovery_words\":null,\"recovery_file\":\"words.txt\"}"
    );
    assert!(
        page.to_string()
            .ends_with("are in words.txt. Keep them off this machine.")
    );
}

#[test]
fn rooms_and_members() {
    assert_eq!(room().as_str(), ROOM);
    assert_eq!(short_id(&room()), "a4dqobyh");
    let created = Created {
        room: room(),
        name: "Garden".to_owned(),
    };
    assert_eq!(created.to_string(), format!("«Garden» is made: {ROOM}"));
    assert_eq!(
        json(&created),
        format!("{{\"room\":\"{ROOM}\",\"name\":\"Garden\"}}")
    );
    let invited = InvitedLine {
        room: room(),
        added: vec![user("bob"), user("carol")],
        already: Vec::new(),
        without_devices: vec![user("dave")],
    };
    assert_eq!(
        invited.to_string(),
        format!(
            "invited bob@a.example, carol@a.example\nlisted, without a device that could be added \
             now: dave@a.example (perhaps they have not been on-line for months; invite them again \
             when they are back)"
        )
    );
    assert_eq!(
        json(&invited),
        format!(
            "{{\"room\":\"{ROOM}\",\"added\":[\"mimi://a.example/u/bob\",\
             \"mimi://a.example/u/carol\"],\"already\":[],\
             \"without_devices\":[\"mimi://a.example/u/dave\"]}}"
        )
    );
    let mut line = RoomLine(RoomView {
        lost: None,
        room: room(),
        name: "Gar\u{1b}den".to_owned(),
        topic: "what grows".to_owned(),
        state: "left",
        epoch: 4,
        seq: 19,
        stopped: Some("identity changed".to_owned()),
        read_up_to: 17,
        unread: 0,
        draft: String::new(),
    });
    assert_eq!(
        line.to_string(),
        "a4dqobyh  «Gar\u{fffd}den», «what grows» (left) (sending stopped: identity changed)"
    );
    assert_eq!(
        json(&line),
        format!(
            "{{\"room\":\"{ROOM}\",\"name\":\"Gar\\u001bden\",\"topic\":\"what grows\",\
             \"state\":\"left\",\"epoch\":4,\"seq\":19,\"lost\":null,\"stopped\":\"identity changed\",\
             \"read_up_to\":17,\"unread\":0,\"draft\":\"\"}}"
        )
    );
    for invisible in ["", "\u{200b}\u{3164} "] {
        invisible.clone_into(&mut line.0.name);
        invisible.clone_into(&mut line.0.topic);
        let shown = line.to_string();
        assert!(
            shown.starts_with("a4dqobyh  (no name yet) (left)"),
            "{shown}"
        );
        assert_eq!(called(&room(), invisible), "a4dqobyh");
    }
    "Gar\u{1b}den".clone_into(&mut line.0.name);
    "what grows".clone_into(&mut line.0.topic);
    line.0.state = "joined";
    line.0.stopped = None;
    line.0.lost = Some(LostView {
        since_ms: 1_795_381_656_000,
        cause: "poisoned",
        unread: 3,
    });
    assert_eq!(
        line.to_string(),
        "a4dqobyh  «Gar\u{fffd}den», «what grows» (cannot be followed since 2026-11-22 21:07: a \
         change of it cannot be read; grove rooms rejoin comes back now)"
    );
    line.0.lost = None;
    line.0.unread = 2;
    line.0.draft = "as I was saying".to_owned();
    assert_eq!(
        line.to_string(),
        "a4dqobyh  «Gar\u{fffd}den», «what grows», 2 unread, draft"
    );
    let member = MemberLine {
        member: MemberView {
            user: user("bob"),
            role: "member".to_owned(),
            devices: vec![ClientUri::new(&user("bob"), [1; 16])],
            trust: Trust::Unverified,
        },
        me: false,
    };
    assert_eq!(
        member.to_string(),
        "bob@a.example  member, 1 device, unverified"
    );
    assert_eq!(
        json(&member),
        "{\"user\":\"mimi://a.example/u/bob\",\"role\":\"member\",\
         \"devices\":[\"mimi://a.example/d/bob/aeaqcaibaeaqcaibaeaqcaibae\"],\
         \"trust\":\"unverified\",\"me\":false}"
    );
}

#[test]
fn sent_and_caught_up() {
    let sent = Sent {
        number: 12,
        room: room(),
        status: MessageStatus::Sent,
        seq: Some(3),
        id: Some(MessageId([0x5d; 32])),
        time_ms: 1_795_381_656_000,
        waits_for: None,
    };
    let line = SentLine(sent.clone());
    assert_eq!(line.to_string(), "sent, 3 of a4dqobyh");
    assert_eq!(
        json(&line),
        format!(
            "{{\"number\":12,\"room\":\"{ROOM}\",\"status\":\"sent\",\"seq\":3,\"id\":\"{}\",\
             \"time_ms\":1795381656000,\"waits_for\":null}}",
            "5d".repeat(32)
        )
    );
    let line = SentLine(Sent {
        status: MessageStatus::Queued,
        seq: None,
        id: None,
        waits_for: Some("the server cannot be reached".to_owned()),
        ..sent
    });
    assert_eq!(line.to_string(), "queued");
    assert_eq!(
        json(&line),
        format!(
            "{{\"number\":12,\"room\":\"{ROOM}\",\"status\":\"queued\",\"seq\":null,\"id\":null,\
             \"time_ms\":1795381656000,\"waits_for\":\"the server cannot be reached\"}}"
        )
    );
    for (events, queued, lost, text) in [
        (0, 0, 0, "nothing new"),
        (1, 0, 0, "1 event"),
        (1, 1, 0, "1 event, 1 message waits to be sent"),
        (2, 3, 0, "2 events, 3 messages wait to be sent"),
        (
            0,
            0,
            1,
            "nothing new, 1 room cannot be followed at the moment",
        ),
    ] {
        let caught = Caught {
            events,
            queued,
            refused: 0,
            lost,
            troubles: 1,
        };
        assert_eq!(caught.to_string(), text);
        assert_eq!(
            json(&caught),
            format!(
                "{{\"events\":{events},\"queued\":{queued},\"refused\":0,\"lost\":{lost},\"troubles\":1}}"
            )
        );
    }
}

#[test]
fn a_draft() {
    let mut line = DraftLine {
        room: room(),
        draft: String::new(),
    };
    assert_eq!(line.to_string(), "no draft");
    line.draft = "as I was\u{1b} saying".to_owned();
    assert_eq!(line.to_string(), "as I was\u{fffd} saying");
    assert_eq!(
        json(&line),
        format!("{{\"room\":\"{ROOM}\",\"draft\":\"as I was\\u001b saying\"}}")
    );
}

#[test]
fn pages() {
    let page = WhoamiPage {
        user: user("alice"),
        address: "alice@a.example".to_owned(),
        client: client(),
        profile: "work".to_owned(),
        server: "https://a.example".to_owned(),
    };
    assert_eq!(
        page.to_string(),
        "alice@a.example\ndevice   aeaqcaibaeaqcaibaeaqcaibae\nprofile  work\n\
         server   https://a.example"
    );
}

#[test]
fn digits_to_compare() {
    let number = ["01234"; 12].join(" ");
    let identity = IdentityView {
        user: user("bob"),
        safety_number: number.clone(),
        verified: false,
        since_ms: 7,
        other_safety_number: None,
    };
    let page = |identity: &IdentityView, own| IdentityPage {
        identity: identity.clone(),
        own,
    };
    let row = "  01234 01234 01234 01234";
    let rows = [row; 3].join("\n");
    assert_eq!(
        page(&identity, true).to_string(),
        format!("bob@a.example (you)\n{rows}")
    );
    let advice = "Ask bob@a.example by another way for their number, then: grove trust \
                  bob@a.example DIGITS";
    assert_eq!(
        page(&identity, false).to_string(),
        format!("bob@a.example (not verified)\n{rows}\n\n{advice}")
    );
    let doubted = IdentityView {
        verified: true,
        other_safety_number: Some(number.replace('1', "9")),
        ..identity.clone()
    };
    let others = rows.replace('1', "9");
    assert_eq!(
        page(&doubted, false).to_string(),
        format!(
            "bob@a.example (verified)\n{rows}\n\nSomebody else says to be bob@a.example, under \
             another number:\n{others}\n\n{advice}"
        )
    );
    assert_eq!(
        json(&page(&identity, false)),
        format!(
            "{{\"user\":\"mimi://a.example/u/bob\",\"safety_number\":\"{number}\",\
             \"verified\":false,\"since_ms\":7,\"other_safety_number\":null}}"
        )
    );
    let trusted = Trusted {
        user: user("bob"),
        done: "trusted",
    };
    assert_eq!(trusted.to_string(), "bob@a.example is verified");
}
