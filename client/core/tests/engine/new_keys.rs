//! New user identity keys that own devices are told of: which are taken, and which are passed over.

use grove_core::store::{ContentKind, Outgoing, OutgoingKind, StoredMessage};
use grove_core::{MessageStatus, Tx};
use grove_mls::content::AccountNote;
use grove_mls::identity::{
    DeviceList, RecoveryKey, SignedDeviceList, SignedUikRotation, Succession, UserIdentityKey,
};
use grove_wire::uri::ClientUri;
use zeroize::Zeroizing;

use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{account, client, devices_in, newest_list, settle_all, three_and_bob};

/// Sends a note past the client's own rules, as a device in other hands can.
fn sends_note(person: &mut Person, note: &AccountNote) {
    let mine = account(person);
    let room = mine.account_room.clone().unwrap();
    person
        .on_disk(|tx: &mut dyn Tx| {
            let mut known = tx.find_room(&room)?.unwrap();
            let message = StoredMessage {
                number: 0,
                room: room.clone(),
                seq: None,
                id: None,
                client: mine.client.clone(),
                counter: known.counter,
                salt: [9; 16],
                time: 1,
                kind: ContentKind::AccountNote,
                text: String::new(),
                in_reply_to: None,
                replaces: None,
                edited: false,
                deleted: false,
                status: MessageStatus::Queued,
                failure: None,
                payload: Some(note.encode().unwrap()),
            };
            known.counter += 1;
            tx.put_room(&known)?;
            let message = tx.add_message(&message)?;
            tx.add_outgoing(&Outgoing {
                number: 0,
                room: room.clone(),
                kind: OutgoingKind::Application { message },
                epoch: 0,
                bytes: None,
                message_id: None,
            })
        })
        .unwrap();
    person.restart();
    person.syncs();
}

/// A new key for alice, as the list and the proof that begin with it.
struct NewKey {
    seed: [u8; 32],
    list: SignedDeviceList,
    proof: Succession,
}

impl NewKey {
    fn note(&self) -> AccountNote {
        AccountNote::NewUik {
            seed: Zeroizing::new(self.seed),
            list: self.list.as_bytes().to_vec(),
            succession: self.proof.as_bytes().to_vec(),
        }
    }

    /// Behind `before`, on the word of the recovery key; nothing else is wrong with it.
    fn by_words(words: &str, old: &UserIdentityKey, before: &SignedDeviceList) -> Self {
        let recovery = RecoveryKey::from_words(words).unwrap();
        Self::of(old, before, |list| {
            let (old, new) = (old.public(), list.uik);
            SignedUikRotation::by_recovery(&recovery, &list.user, &old, &new, list.version)
        })
    }

    /// On the word of the old key, which is all that a stolen device has.
    fn by_key(old: &UserIdentityKey, before: &SignedDeviceList) -> Self {
        Self::of(old, before, |list| {
            SignedUikRotation::by_uik(old, &list.user, &list.uik, list.version)
        })
    }

    fn of(
        old: &UserIdentityKey,
        before: &SignedDeviceList,
        rotate: impl Fn(&DeviceList) -> SignedUikRotation,
    ) -> Self {
        let seed = [66; 32];
        let new = UserIdentityKey::from_seed(seed);
        let list = next(before, &new, |_| {});
        let rotation = rotate(&list);
        let proof = SignedUikRotation::by_uik(old, &list.user, &list.uik, list.version);
        Self {
            seed,
            list: SignedDeviceList::sign_rotated(&new, list, Some(rotation), None).unwrap(),
            proof: Succession::by_uik(proof),
        }
    }
}

fn next(
    before: &SignedDeviceList,
    uik: &UserIdentityKey,
    change: impl FnOnce(&mut DeviceList),
) -> DeviceList {
    let mut list = DeviceList {
        version: before.list().version + 1,
        prev_hash: Some(before.hash()),
        uik: uik.public(),
        ..before.list().clone()
    };
    change(&mut list);
    list
}

#[test]
fn a_forged_new_key_is_passed_over() {
    let hub = hub();
    let ([laptop, mut phone, mut tablet], _bob, _room) = three_and_bob(&hub);
    let (before, words) = (newest_list(&hub, &laptop), laptop.words.clone());
    let ours = account(&phone);
    let old = UserIdentityKey::from_seed(*ours.uik.bytes());
    let good = NewKey::by_words(&words, &old, &before);
    let thief = UserIdentityKey::from_seed(good.seed);
    let stranger = UserIdentityKey::from_seed([67; 32]);
    let other_words = RecoveryKey::from_seed([3; 32]).words();
    let without = |client: &ClientUri| {
        let list = next(&before, &thief, |list| {
            for device in &mut list.devices {
                if device.client == *client {
                    device.revoked = Some(device.added);
                }
            }
        });
        let rotation = good.list.uik_rotation().cloned();
        NewKey {
            list: SignedDeviceList::sign_rotated(&thief, list, rotation, None).unwrap(),
            proof: good.proof.clone(),
            ..good
        }
    };
    let forged = [
        ("by the old key alone", NewKey::by_key(&old, &before)),
        (
            "by other words",
            NewKey::by_words(&other_words, &old, &before),
        ),
        (
            "by nobody",
            NewKey {
                list: SignedDeviceList::sign(&thief, next(&before, &thief, |_| {})).unwrap(),
                proof: good.proof.clone(),
                ..good
            },
        ),
        (
            "with another seed",
            NewKey {
                seed: [68; 32],
                list: good.list.clone(),
                proof: good.proof.clone(),
            },
        ),
        (
            "proven from another key",
            NewKey {
                list: good.list.clone(),
                proof: NewKey::by_key(&stranger, &before).proof,
                ..good
            },
        ),
        ("by a device that it revokes", without(&client(&tablet))),
    ];
    for (what, forged) in &forged {
        sends_note(&mut tablet, &forged.note());
        phone.syncs();
        assert_eq!(account(&phone).uik, ours.uik, "{what}");
        assert_eq!(account(&phone).device_list, ours.device_list, "{what}");
        assert!(!phone.client.status().unwrap().key_superseded, "{what}");
    }
    // The control: the honest one is taken, whoever brings it.
    sends_note(&mut tablet, &good.note());
    phone.syncs();
    assert_eq!(*account(&phone).uik.bytes(), good.seed);
    assert_eq!(account(&phone).device_list, good.list.as_bytes());
}

#[test]
fn the_words_count_for_more_than_whatever_a_stolen_device_has_published() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], _bob, room) = three_and_bob(&hub);
    let (before, words) = (newest_list(&hub, &laptop), laptop.words.clone());
    let old = UserIdentityKey::from_seed(*account(&tablet).uik.bytes());
    // A list that only the phone is shown, and a new key that all of them learn of.
    let unpublished = next(&before, &old, |list| list.not_after += 1);
    let unpublished = SignedDeviceList::sign(&old, unpublished).unwrap();
    let note = AccountNote::DeviceList {
        list: unpublished.as_bytes().to_vec(),
    };
    laptop.cuts_line();
    sends_note(&mut tablet, &note);
    phone.syncs();
    assert_eq!(account(&phone).device_list, unpublished.as_bytes());
    laptop.mends_line();
    let taken = NewKey::by_key(&old, &before);
    let me = user("alice");
    hub.state().lists.insert(me, taken.list.as_bytes().to_vec());
    now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    settle_all(&mut [&mut phone, &mut laptop]);
    assert_eq!(account(&phone).uik, account(&laptop).uik);
    assert_ne!(*account(&phone).uik.bytes(), taken.seed);
    assert_eq!(
        account(&phone).device_list,
        newest_list(&hub, &phone).as_bytes()
    );
    assert_eq!(devices_in(&mut phone, &room, "alice").len(), 2);
    phone.says(&room, "it is us");
}
