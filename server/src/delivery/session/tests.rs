#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

use grove_wire::uri::Provider;

use super::*;

fn uri(room: i64) -> RoomUri {
    let hub = Provider::parse("a.example").expect("a domain");
    RoomUri::new(&hub, &[u8::try_from(room).expect("a small number"); 32])
}

fn cursor(room: i64, position: u64, newest: u64) -> CursorRow {
    CursorRow {
        room: RoomId(room),
        uri: uri(room),
        position,
        to_seq: None,
        newest,
    }
}

fn wanted(room: i64, after: u64) -> Wanted {
    Wanted {
        room: RoomId(room),
        after,
        until: None,
    }
}

fn ack(positions: &[(i64, u64)], inbox: Option<u64>) -> ClientFrame {
    let positions = positions
        .iter()
        .map(|(room, seq)| (uri(*room), *seq))
        .collect();
    ClientFrame::Ack { positions, inbox }
}

/// A session whose inbox has been read.
fn session(cursors: Vec<CursorRow>) -> Session {
    let mut session = Session::new(0);
    session.read_inbox(0, Reached::End);
    session.refresh(cursors);
    session
}

#[test]
fn it_resumes_where_the_cursors_stand_and_reads_only_what_is_behind() {
    let session = session(vec![cursor(1, 4, 9), cursor(2, 7, 7)]);
    assert_eq!(session.next(), Next::Rooms(vec![wanted(1, 4)]));
}

#[test]
fn the_inbox_comes_before_the_rooms_until_it_is_read() {
    let mut session = Session::new(3);
    session.refresh(vec![cursor(1, 0, 1)]);
    assert_eq!(session.next(), Next::Inbox { after: 3 });
    session.read_inbox(5, Reached::Part);
    assert_eq!(session.next(), Next::Inbox { after: 5 });
    session.read_inbox(6, Reached::End);
    assert_eq!(session.next(), Next::Rooms(vec![wanted(1, 0)]));
    session.mark_inbox();
    assert_eq!(session.next(), Next::Inbox { after: 6 });
}

#[test]
fn rooms_take_turns() {
    let mut session = session(vec![cursor(1, 0, 9), cursor(2, 0, 9)]);
    session.read(RoomId(1), 3, Reached::Part);
    assert_eq!(
        session.next(),
        Next::Rooms(vec![wanted(2, 0), wanted(1, 3)])
    );
    session.read(RoomId(2), 9, Reached::End);
    session.read(RoomId(1), 9, Reached::End);
    assert_eq!(session.next(), Next::Nothing);
    session.mark(RoomId(2));
    session.mark(RoomId(2));
    assert_eq!(session.next(), Next::Rooms(vec![wanted(2, 9)]));
    session.mark(RoomId(3));
    assert_eq!(
        session.next(),
        Next::Rooms(vec![wanted(2, 9)]),
        "not a room of this device"
    );
}

#[test]
fn many_rooms_are_read_a_few_at_a_time() {
    let session = session((1..=40).map(|room| cursor(room, 0, 1)).collect());
    let Next::Rooms(rooms) = session.next() else {
        panic!("rooms are behind")
    };
    assert_eq!(rooms.len(), ROOMS_PER_READ);
}

#[test]
fn acks_are_cumulative_and_never_exceed_what_was_sent() {
    let mut session = session(vec![cursor(1, 4, 9)]);
    session.read(RoomId(1), 7, Reached::Part);
    let acked = session.on_client(&ack(&[(1, 100), (2, 3)], Some(100)));
    assert_eq!(
        acked,
        Acked {
            positions: vec![(RoomId(1), 7)],
            inbox: None
        }
    );
    assert_eq!(
        session.on_client(&ack(&[(1, 7)], None)),
        Acked::default(),
        "a repeat says nothing new"
    );
    assert_eq!(
        session.on_client(&ack(&[(1, 5)], None)),
        Acked::default(),
        "acks do not go back"
    );
}

#[test]
fn the_inbox_is_acked_no_further_than_it_was_sent() {
    let mut session = Session::new(10);
    session.read_inbox(12, Reached::End);
    assert_eq!(session.on_client(&ack(&[], Some(u64::MAX))).inbox, Some(12));
    assert_eq!(session.on_client(&ack(&[], Some(12))).inbox, None);
}

#[test]
fn without_a_session_all_that_exists_may_be_acked() {
    let former = CursorRow {
        to_seq: Some(6),
        ..cursor(2, 4, 9)
    };
    let mut session = Session::all_sent(vec![cursor(1, 4, 9), former], 2, 5);
    let acked = session.on_client(&ack(&[(1, 8), (2, 100)], Some(100)));
    assert_eq!(
        acked,
        Acked {
            positions: vec![(RoomId(1), 8), (RoomId(2), 6)],
            inbox: Some(5)
        }
    );
}

#[test]
fn a_new_room_is_opened_and_a_finished_one_closed() {
    let mut session = session(vec![cursor(1, 4, 4)]);
    let changed = session.refresh(vec![cursor(1, 4, 4), cursor(2, 8, 9)]);
    assert_eq!(
        changed,
        Changed {
            opened: vec![(RoomId(2), 9)],
            closed: vec![]
        }
    );
    assert_eq!(session.next(), Next::Rooms(vec![wanted(2, 8)]));
    let changed = session.refresh(vec![cursor(2, 8, 9)]);
    assert_eq!(
        changed,
        Changed {
            opened: vec![],
            closed: vec![RoomId(1)]
        }
    );
    assert_eq!(session.uri(RoomId(1)), None);
}

#[test]
fn a_removed_device_reads_up_to_the_commit_that_removed_it() {
    let mut session = session(vec![cursor(1, 4, 4)]);
    session.refresh(vec![CursorRow {
        to_seq: Some(6),
        ..cursor(1, 4, 9)
    }]);
    assert_eq!(
        session.next(),
        Next::Rooms(vec![Wanted {
            until: Some(6),
            ..wanted(1, 4)
        }])
    );
    session.read(RoomId(1), 6, Reached::Part);
    assert_eq!(session.next(), Next::Nothing, "it has all it may have");
    session.mark(RoomId(1));
    assert_eq!(
        session.next(),
        Next::Nothing,
        "whatever the room says later"
    );
}

#[test]
fn a_removal_found_in_the_log_ends_the_room_before_the_ring_comes() {
    let mut session = session(vec![cursor(1, 4, 9)]);
    session.end_room(RoomId(1), 6);
    session.read(RoomId(1), 6, Reached::Part);
    session.mark(RoomId(1));
    assert_eq!(session.next(), Next::Nothing);
}

#[test]
fn a_device_added_again_reads_on_from_its_new_start() {
    let mut session = session(vec![CursorRow {
        to_seq: Some(6),
        ..cursor(1, 4, 9)
    }]);
    session.read(RoomId(1), 6, Reached::End);
    session.refresh(vec![cursor(1, 20, 20)]);
    assert_eq!(session.next(), Next::Nothing);
    session.mark(RoomId(1));
    assert_eq!(session.next(), Next::Rooms(vec![wanted(1, 20)]));
}

#[test]
fn an_expired_room_is_silent_until_its_cursor_is_opened_anew() {
    let mut session = session(vec![cursor(1, 4, 9), cursor(2, 0, 3)]);
    session.read(RoomId(1), 5, Reached::Part);
    session.expire(RoomId(1), 12);
    session.mark(RoomId(1));
    session.refresh(vec![cursor(1, 5, 20), cursor(2, 0, 3)]);
    assert_eq!(
        session.next(),
        Next::Rooms(vec![wanted(2, 0)]),
        "the other room is read on"
    );
    assert!(session.uri(RoomId(1)).is_some(), "it is still a room");
    session.refresh(vec![cursor(1, 21, 22), cursor(2, 0, 3)]);
    assert_eq!(
        session.next(),
        Next::Rooms(vec![wanted(2, 0), wanted(1, 21)])
    );
}

#[test]
fn an_expired_room_is_read_on_once_the_gap_is_acknowledged() {
    let mut session = session(vec![cursor(1, 4, 9)]);
    session.read(RoomId(1), 5, Reached::Part);
    session.expire(RoomId(1), 7);
    let acked = session.on_client(&ack(&[(1, 5)], None));
    assert_eq!(acked.positions, vec![(RoomId(1), 5)]);
    session.refresh(vec![cursor(1, 5, 9)]);
    assert_eq!(session.next(), Next::Nothing, "that was before the gap");
    let acked = session.on_client(&ack(&[(1, 9)], None));
    assert_eq!(
        acked.positions,
        vec![(RoomId(1), 7)],
        "no more than it was told"
    );
    assert_eq!(session.next(), Next::Rooms(vec![wanted(1, 7)]));
}
