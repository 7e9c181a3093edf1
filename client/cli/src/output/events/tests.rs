//! Snapshots of the lines people and scripts see.
#![expect(clippy::unwrap_used, reason = "tests")]

use grove_core::{
    Event, Loss, Message, MessageId, MessageKind, MessageStatus, Numbered, RoomChange, Trust,
    WarningKind,
};
use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};

use super::{EventLine, MessageLine, RoomNames};

fn user(address: &str) -> UserUri {
    UserUri::parse(address).unwrap()
}

fn room() -> RoomUri {
    RoomUri::new(&Provider::parse("a.example").unwrap(), &[7; 32])
}

fn names() -> RoomNames {
    RoomNames::new([(room(), "Garden".to_owned())])
}

fn message() -> Message {
    Message {
        number: 12,
        room: room(),
        seq: Some(3),
        id: Some(MessageId([0x5d; 32])),
        sender: user("bob@a.example"),
        client: ClientUri::new(&user("bob@a.example"), [1; 16]),
        time_ms: 1_795_381_656_000,
        kind: MessageKind::Text,
        text: "the tomatoes\nare ripe".to_owned(),
        in_reply_to: None,
        replaces: None,
        edited: false,
        deleted: false,
        status: MessageStatus::Received,
        failure: None,
        witnessed: true,
        trust: Some(Trust::Pinned),
    }
}

fn line(message: &Message) -> String {
    MessageLine {
        message,
        names: None,
    }
    .to_string()
}

#[test]
fn messages_as_text() {
    let plain = message();
    assert_eq!(
        line(&plain),
        "2026-11-22 21:07  bob@a.example: the tomatoes\n    are ripe"
    );
    let names = names();
    assert_eq!(
        MessageLine {
            message: &plain,
            names: Some(&names)
        }
        .to_string(),
        "2026-11-22 21:07  «Garden»  bob@a.example: the tomatoes\n    are ripe"
    );
    let of = |kind, text: &str| Message {
        kind,
        text: text.to_owned(),
        in_reply_to: Some(MessageId([0x2c; 32])),
        replaces: Some(MessageId([0x2d; 32])),
        ..message()
    };
    let at = "2026-11-22 21:07  bob@a.example";
    for (message, expected) in [
        (
            of(MessageKind::Reply, "yes"),
            format!("{at}, answering 2c2c2c2c: yes"),
        ),
        (
            of(MessageKind::Reaction, "+1"),
            format!("{at} reacts to 2c2c2c2c: +1"),
        ),
        (
            of(MessageKind::Edit, "red"),
            format!("{at} edits 2d2d2d2d: red"),
        ),
        (
            of(MessageKind::Delete, ""),
            format!("{at} deletes 2d2d2d2d"),
        ),
        (
            of(MessageKind::Other, ""),
            format!("{at}: (something this version cannot show)"),
        ),
        (
            Message {
                edited: true,
                text: "red".into(),
                ..message()
            },
            format!("{at}: red (edited)"),
        ),
        (
            Message {
                deleted: true,
                text: String::new(),
                ..message()
            },
            format!("{at}: (deleted)"),
        ),
        (
            Message {
                status: MessageStatus::Queued,
                text: "hi".into(),
                ..message()
            },
            format!("{at}: hi (queued)"),
        ),
        (
            Message {
                status: MessageStatus::Failed,
                failure: Some("not allowed".into()),
                text: "hi".into(),
                ..message()
            },
            format!("{at}: hi (failed: not allowed)"),
        ),
        (
            Message {
                witnessed: false,
                text: "hi".into(),
                ..message()
            },
            format!("{at}: hi (without proof of order)"),
        ),
    ] {
        assert_eq!(line(&message), expected);
    }
}

#[test]
fn a_message_as_json() {
    let message = message();
    let json = serde_json::to_string(&MessageLine {
        message: &message,
        names: None,
    })
    .unwrap();
    let room = room();
    let id = "5d".repeat(32);
    assert_eq!(
        json,
        format!(
            "{{\"number\":12,\"room\":\"{room}\",\"seq\":3,\"id\":\"{id}\",\
             \"sender\":\"mimi://a.example/u/bob\",\
             \"client\":\"mimi://a.example/d/bob/aeaqcaibaeaqcaibaeaqcaibae\",\
             \"time_ms\":1795381656000,\"kind\":\"text\",\"text\":\"the tomatoes\\nare ripe\",\
             \"in_reply_to\":null,\"replaces\":null,\"edited\":false,\"deleted\":false,\
             \"status\":\"received\",\"failure\":null,\"witnessed\":true,\"trust\":\"pinned\"}}"
        )
    );
}

#[test]
fn events_as_text() {
    let names = names();
    let show = |event| {
        EventLine {
            event: &Numbered { number: 1, event },
            names: &names,
        }
        .to_string()
    };
    let changed = |by: &str, change| Event::RoomChanged {
        room: room(),
        by: Some(user(by)),
        change,
    };
    let carol = || user("carol@a.example");
    for (event, expected) in [
        (Event::RoomJoined { room: room() }, "* «Garden»: you are in"),
        (
            Event::RoomLeft {
                room: room(),
                by: None,
                by_server: false,
            },
            "* «Garden»: you left",
        ),
        (
            Event::RoomLeft {
                room: room(),
                by: None,
                by_server: true,
            },
            "* «Garden»: the server had you removed",
        ),
        (
            Event::RoomLeft {
                room: room(),
                by: Some(user("bob@a.example")),
                by_server: false,
            },
            "* «Garden»: you were removed by bob@a.example",
        ),
        (
            changed(
                "bob@a.example",
                RoomChange::Joined {
                    user: carol(),
                    role: "member".into(),
                },
            ),
            "* «Garden»: carol@a.example came in as member, by bob@a.example",
        ),
        (
            changed("carol@a.example", RoomChange::Left { user: carol() }),
            "* «Garden»: carol@a.example is gone",
        ),
        (
            changed(
                "bob@a.example",
                RoomChange::Renamed {
                    name: "Patch".into(),
                    topic: String::new(),
                },
            ),
            "* «Garden»: is now called «Patch», by bob@a.example",
        ),
        (
            Event::Warning {
                room: Some(room()),
                kind: WarningKind::Unreadable,
                text: "one message could not be read\u{1b}[2J".into(),
            },
            "! «Garden»: one message could not be read\u{fffd}[2J",
        ),
    ] {
        assert_eq!(show(event), expected);
    }
}

#[test]
fn a_loss_is_one_line() {
    const START: u64 = 1_795_381_656_000;
    const MINUTE: u64 = 60_000;
    let by = |removed| Loss::Poisoned {
        by: Some(ClientUri::new(&user("mallory@a.example"), [1; 16])),
        removed,
    };
    let unproven = Loss::Poisoned {
        by: None,
        removed: false,
    };
    for (unread, minutes, cause, expected) in [
        (
            12,
            3,
            by(true),
            "12 messages could not be read, 2026-11-22 21:07 to 21:10 (a device of mallory@a.example broke the room \
             and is out)",
        ),
        (
            2,
            3,
            by(false),
            "2 messages could not be read, 2026-11-22 21:07 to 21:10 (a device of mallory@a.example broke the room \
             and is still in it; who may should remove it)",
        ),
        (
            1,
            0,
            unproven,
            "1 message could not be read, 2026-11-22 21:07 (a change of the room could not be followed)",
        ),
        (
            400,
            40 * 24 * 60,
            Loss::Expired,
            "400 messages could not be read, 2026-11-22 21:07 to 2027-01-01 21:07 (older than the server keeps them)",
        ),
        (
            0,
            3,
            Loss::State,
            "you are back in and missed nothing (the room's keys on this device were lost or out of date)",
        ),
    ] {
        let event = Event::Healed {
            room: room(),
            unread,
            from_ms: START,
            to_ms: START + minutes * MINUTE,
            cause,
        };
        let line = EventLine {
            event: &Numbered { number: 1, event },
            names: &names(),
        };
        assert_eq!(line.to_string(), format!("* «Garden»: {expected}"));
    }
}

#[test]
fn what_is_missing_is_counted() {
    for (count, expected) in [
        (
            1,
            "! «Garden»: 1 message of alice@a.example before 2026-11-22 21:07 is missing",
        ),
        (
            3,
            "! «Garden»: 3 messages of alice@a.example before 2026-11-22 21:07 are missing",
        ),
    ] {
        let event = Event::Missing {
            room: room(),
            user: user("alice@a.example"),
            count,
            before_ms: 1_795_381_656_000,
        };
        let line = EventLine {
            event: &Numbered { number: 1, event },
            names: &names(),
        };
        assert_eq!(line.to_string(), expected);
    }
}

#[test]
fn an_event_as_json() {
    let names = RoomNames::default();
    let event = Numbered {
        number: 4,
        event: Event::RoomLeft {
            room: room(),
            by: None,
            by_server: false,
        },
    };
    assert_eq!(
        serde_json::to_string(&EventLine {
            event: &event,
            names: &names
        })
        .unwrap(),
        format!(
            "{{\"number\":4,\"event\":\"room_left\",\"room\":\"{}\",\"by\":null,\"by_server\":false}}",
            room()
        )
    );
    let change = Numbered {
        number: 5,
        event: Event::RoomChanged {
            room: room(),
            by: None,
            change: RoomChange::Left {
                user: user("bob@a.example"),
            },
        },
    };
    let value = serde_json::to_value(EventLine {
        event: &change,
        names: &names,
    })
    .unwrap();
    assert_eq!(value.pointer("/change/change").unwrap(), "left");
    assert_eq!(
        value.pointer("/change/user").unwrap(),
        "mimi://a.example/u/bob"
    );
}

#[test]
fn a_room_without_a_name_goes_by_its_id() {
    assert_eq!(RoomNames::default().of(&room()), "a4dqobyh");
    let empty = RoomNames::new([(room(), String::new())]);
    assert_eq!(empty.of(&room()), "a4dqobyh");
}

#[test]
fn what_may_be_somebody_elses_is_never_shown_as_the_persons() {
    for trust in Trust::ALL {
        let message = Message {
            trust: Some(trust),
            ..message()
        };
        let shown = line(&message);
        let bare = "2026-11-22 21:07  bob@a.example: ";
        assert_eq!(shown.starts_with(bare), !trust.is_doubtful(), "{shown}");
        let value = serde_json::to_value(&message).unwrap();
        assert_eq!(value.get("trust").unwrap(), trust.as_str());
    }
    let changed = Message {
        trust: Some(Trust::Changed),
        ..message()
    };
    assert_eq!(
        line(&changed),
        "2026-11-22 21:07  [says to be bob@a.example: another identity than you know]: the \
         tomatoes\n    are ripe"
    );
    let renewed = Numbered {
        number: 6,
        event: Event::IdentityRenewed {
            user: user("bob@a.example"),
        },
    };
    let shown = EventLine {
        event: &renewed,
        names: &names(),
    };
    assert_eq!(
        shown.to_string(),
        "* bob@a.example renewed their identity with their recovery words"
    );
    let value = serde_json::to_value(shown).unwrap();
    assert_eq!(value.get("event").unwrap(), "identity_renewed");
}

#[test]
fn a_rooms_name_cannot_pass_for_a_persons_line() {
    let evil = "Garden  alice@a.example: yes, give him the key          ";
    let names = RoomNames::new([(room(), evil.to_owned())]);
    let shown = MessageLine {
        message: &message(),
        names: Some(&names),
    };
    assert_eq!(
        shown.to_string(),
        "2026-11-22 21:07  «Garden alice@a.example: yes, give him the key»  bob@a.example: the \
         tomatoes\n    are ripe"
    );
}
