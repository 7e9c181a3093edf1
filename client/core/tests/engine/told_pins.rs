//! Whom one device of a user knows, the others know too: also one that comes in later and is shown
//! somebody else from the first.

use grove_core::{Draft, InviteError, SendError, Trust, TrustError, WarningKind};
use grove_mls::identity::SafetyNumber;
use grove_wire::uri::RoomUri;

use crate::lies::swap_identity;
use crate::person::{Person, hub, now};
use crate::pins::{replaces, trust_of};
use crate::rooms::user;
use crate::siblings::{add_device, client, devices, joined, lines, settle_all, three_and_bob};

fn digits(person: &mut Person, of: &str) -> SafetyNumber {
    let shown = now(person.client.identity_of(&user(of))).unwrap();
    SafetyNumber::parse(&shown.safety_number).unwrap()
}

fn compares(person: &mut Person, of: &str, digits: SafetyNumber) {
    person.client.accept_identity(&user(of), digits).unwrap();
}

fn is_stopped(person: &mut Person, room: &RoomUri) -> bool {
    match now(person.client.send(room, Draft::Text("psst".to_owned()))) {
        Ok(_) => false,
        Err(SendError::Trust(TrustError::Changed(who))) => {
            assert_eq!(who, user("bob"));
            true
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_was_compared_on_one_device_is_known_on_all() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    let number = digits(&mut bob, "bob");
    compares(&mut laptop, "bob", number);
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet]);
    for device in [&mut laptop, &mut phone, &mut tablet] {
        assert_eq!(trust_of(device, &room, "bob"), Trust::Verified);
    }
    // On one that comes later too: whom they know another tells it, and what was compared says the
    // one on which it was, however late it wakes up.
    let mut late = add_device(&hub, &mut laptop, 9);
    laptop.restart();
    late.syncs();
    phone.syncs();
    phone.restart();
    hub.state().now += 60_000;
    settle_all(&mut [&mut phone, &mut late]);
    assert!(joined(&mut late, &room));
    assert_eq!(trust_of(&mut late, &room, "bob"), Trust::Pinned);
    settle_all(&mut [&mut laptop]);
    hub.state().now += 60_000;
    settle_all(&mut [&mut laptop, &mut late]);
    assert_eq!(trust_of(&mut late, &room, "bob"), Trust::Verified);
}

#[test]
fn a_new_device_that_meets_an_impostor_first_is_told_so_by_the_others() {
    let hub = hub();
    let [mut laptop, mut phone] = devices(&hub, "alice");
    let [mut bob, mut olga] = ["bob", "olga"].map(|name| Person::register(&hub, name));
    let shed = olga.makes_room("Shed", &[&mut laptop, &mut bob]);
    settle_all(&mut [&mut laptop, &mut phone, &mut bob, &mut olga]);
    let number = digits(&mut bob, "bob");
    drop(bob);
    let mut other = replaces(&hub, &mut olga, &shed, "bob");
    other.syncs();
    let mut late = add_device(&hub, &mut laptop, 9);
    laptop.restart();
    // It is shown the other one, and believes that.
    late.syncs();
    assert!(joined(&mut late, &shed));
    assert_eq!(trust_of(&mut late, &shed, "bob"), Trust::Pinned);
    let impostor = digits(&mut late, "bob");
    assert_ne!(impostor, number);
    settle_all(&mut [&mut laptop, &mut phone]);
    let told = late.syncs();
    let warned = lines(&told, WarningKind::Identity);
    assert!(
        warned
            .iter()
            .any(|line| line.contains("another device of yours")),
        "{told:?}"
    );
    assert_eq!(trust_of(&mut late, &shed, "bob"), Trust::Changed);
    assert!(is_stopped(&mut late, &shed));
    let told = late.syncs();
    assert_eq!(lines(&told, WarningKind::Identity), [""; 0], "once");
    // The person compares with bob, not with whom the hub shows.
    compares(&mut late, "bob", number);
    assert!(is_stopped(&mut late, &shed), "that is not bob in the room");
    // The control: it was bob, who began anew.
    compares(&mut late, "bob", impostor);
    assert!(!is_stopped(&mut late, &shed));
}

#[test]
fn a_device_in_other_hands_replaces_nobody() {
    for compared in [false, true] {
        let hub = hub();
        let ([mut laptop, mut phone, mut tablet], mut bob, room) = three_and_bob(&hub);
        let number = digits(&mut bob, "bob");
        if compared {
            compares(&mut laptop, "bob", number);
            settle_all(&mut [&mut laptop, &mut tablet]);
        }
        // Whoever has the phone says that bob is somebody else, and was compared.
        drop(swap_identity(&hub, "bob"));
        let shown = now(phone.client.identity_of(&user("bob"))).unwrap();
        let impostor = SafetyNumber::parse(&shown.other_safety_number.unwrap()).unwrap();
        compares(&mut phone, "bob", impostor);
        settle_all(&mut [&mut phone]);
        for device in [&mut laptop, &mut tablet] {
            device.line.trouble.lock().unwrap().refuses = Some("/device-list");
            let told = device.syncs();
            assert_eq!(lines(&told, WarningKind::Identity).len(), 1, "{told:?}");
            assert_eq!(digits(device, "bob"), number, "who was met first");
        }
        assert_eq!(is_stopped(&mut laptop, &room), !compared);
        // That another one has compared them is a word against a word.
        assert!(is_stopped(&mut tablet, &room));
        compares(&mut laptop, "bob", number);
        assert!(!is_stopped(&mut laptop, &room));
        assert_eq!(trust_of(&mut laptop, &room, "bob"), Trust::Verified);
    }
}

#[test]
fn what_a_device_called_compared_counts_no_more_once_it_is_revoked() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    let number = digits(&mut bob, "bob");
    compares(&mut phone, "bob", number);
    settle_all(&mut [&mut phone, &mut laptop, &mut tablet]);
    assert_eq!(trust_of(&mut laptop, &room, "bob"), Trust::Verified);
    let words = laptop.words.clone();
    now(laptop.client.revoke_device(&client(&phone), &words)).unwrap();
    settle_all(&mut [&mut laptop, &mut tablet]);
    for device in [&mut laptop, &mut tablet] {
        assert_eq!(trust_of(device, &room, "bob"), Trust::Pinned);
    }
    // The control: what was compared here stays.
    compares(&mut laptop, "bob", number);
    settle_all(&mut [&mut laptop, &mut tablet]);
    now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    assert_eq!(trust_of(&mut laptop, &room, "bob"), Trust::Verified);
}

#[test]
fn whom_a_device_in_other_hands_names_first_is_not_believed_against_the_others() {
    let hub = hub();
    let [mut laptop, mut phone, mut tablet] = devices(&hub, "alice");
    let mut bob = Person::register(&hub, "bob");
    let number = digits(&mut bob, "bob");
    // The laptop has met bob, the phone says of somebody else that they were compared, and the
    // tablet has met nobody.
    assert_eq!(digits(&mut laptop, "bob"), number);
    drop(swap_identity(&hub, "bob"));
    let impostor = digits(&mut phone, "bob");
    compares(&mut phone, "bob", impostor);
    settle_all(&mut [&mut phone]);
    tablet.syncs();
    let shown = now(tablet.client.identity_of(&user("bob"))).unwrap();
    assert!(shown.verified, "a control: {shown:?}");
    compares(&mut laptop, "bob", number);
    settle_all(&mut [&mut laptop]);
    let told = tablet.syncs();
    assert_eq!(lines(&told, WarningKind::Identity).len(), 1, "{told:?}");
    let attic = tablet.makes_room("Attic", &[]);
    for revoked in [false, true] {
        if revoked {
            let words = laptop.words.clone();
            now(laptop.client.revoke_device(&client(&phone), &words)).unwrap();
            settle_all(&mut [&mut laptop, &mut tablet]);
        }
        let invited = now(tablet.client.invite(&attic, &[user("bob")]));
        assert!(matches!(invited, Err(InviteError::Trust(_))), "{invited:?}");
        let shown = now(tablet.client.identity_of(&user("bob"))).unwrap();
        assert!(!shown.verified, "no person has compared that");
    }
    compares(&mut tablet, "bob", impostor);
    now(tablet.client.invite(&attic, &[user("bob")])).unwrap();
}

#[test]
fn what_a_device_called_compared_is_not_passed_on_by_the_others() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    let number = digits(&mut bob, "bob");
    compares(&mut phone, "bob", number);
    settle_all(&mut [&mut phone, &mut laptop, &mut tablet]);
    assert_eq!(trust_of(&mut laptop, &room, "bob"), Trust::Verified);
    drop(phone);
    let mut late = add_device(&hub, &mut laptop, 9);
    laptop.restart();
    late.syncs();
    for _ in 0..3 {
        hub.state().now += 60_000;
        settle_all(&mut [&mut laptop, &mut tablet, &mut late]);
    }
    assert!(joined(&mut late, &room));
    assert_eq!(trust_of(&mut late, &room, "bob"), Trust::Pinned);
}
