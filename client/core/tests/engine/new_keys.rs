//! New user identity keys that own devices are told of: which are taken, and which are passed over.

use grove_core::store::{ContentKind, Outgoing, OutgoingKind, StoredMessage};
use grove_core::{MessageStatus, Tx};
use grove_mls::content::AccountNote;
use grove_mls::identity::{DeviceList, Identity, RecoveryKey, SignedDeviceList, UserIdentityKey};
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
                witnessed: true,
                trust: None,
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

/// A new key for alice, and the list that begins with it.
struct NewKey {
    seed: [u8; 32],
    list: SignedDeviceList,
}

impl NewKey {
    fn note(&self) -> AccountNote {
        AccountNote::NewUik {
            seed: Zeroizing::new(self.seed),
            list: self.list.as_bytes().to_vec(),
        }
    }

    /// Of the next identity, behind `before`; nothing is wrong with it.
    fn by_words(words: &str, before: &SignedDeviceList) -> Self {
        let recovery = RecoveryKey::from_words(words).unwrap();
        let DeviceList { identity, user, .. } = before.list();
        Self::of(&identity.renew(&recovery, user).unwrap(), before)
    }

    /// Of an identity that a thief has made up, and renewed often.
    fn by_thief(before: &SignedDeviceList) -> Self {
        let (words, user) = (RecoveryKey::from_seed([3; 32]), &before.list().user);
        let (mut identity, mut uik) = Identity::begin(&words, user);
        for _ in 0..9 {
            (identity, uik) = identity.renew(&words, user).unwrap();
        }
        Self::of(&(identity, uik), before)
    }

    fn of((identity, uik): &(Identity, UserIdentityKey), before: &SignedDeviceList) -> Self {
        let list = next(before, identity, |_| {});
        Self {
            seed: *uik.seed(),
            list: SignedDeviceList::sign(uik, list).unwrap(),
        }
    }
}

/// The list that begins a user's next identity.
pub(crate) fn renewed_list(words: &str, before: &SignedDeviceList) -> SignedDeviceList {
    NewKey::by_words(words, before).list
}

fn next(
    before: &SignedDeviceList,
    identity: &Identity,
    change: impl FnOnce(&mut DeviceList),
) -> DeviceList {
    let mut list = DeviceList {
        version: before.list().version + 1,
        prev_hash: Some(before.hash()),
        identity: identity.clone(),
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
    let good = NewKey::by_words(&words, &before);
    let uik = UserIdentityKey::from_seed(good.seed);
    let without = |client: &ClientUri| {
        let list = next(&before, &good.list.list().identity, |list| {
            for device in &mut list.devices {
                if device.client == *client {
                    device.revoked = Some(device.added);
                }
            }
        });
        NewKey {
            list: SignedDeviceList::sign(&uik, list).unwrap(),
            ..good
        }
    };
    let forged = [
        ("of a made-up identity", NewKey::by_thief(&before)),
        (
            "with another seed",
            NewKey {
                seed: [68; 32],
                list: good.list.clone(),
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
    let stolen = UserIdentityKey::from_seed(*account(&tablet).uik.bytes());
    let same = &before.list().identity;
    // Two lists of one version: one that only the phone is shown, and one that the others learn of.
    let unpublished = next(&before, same, |list| list.not_after += 1);
    let unpublished = SignedDeviceList::sign(&stolen, unpublished).unwrap();
    let note = AccountNote::DeviceList {
        list: unpublished.as_bytes().to_vec(),
    };
    laptop.cuts_line();
    sends_note(&mut tablet, &note);
    phone.syncs();
    assert_eq!(account(&phone).device_list, unpublished.as_bytes());
    laptop.mends_line();
    let published = next(&before, same, |list| list.not_after += 2);
    let published = SignedDeviceList::sign(&stolen, published).unwrap();
    let me = user("alice");
    let bytes = published.as_bytes().to_vec();
    hub.state().lists.insert(me, bytes);
    now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    settle_all(&mut [&mut phone, &mut laptop]);
    assert_eq!(account(&phone).uik, account(&laptop).uik);
    assert_ne!(*account(&phone).uik.bytes(), *stolen.seed());
    assert_eq!(
        account(&phone).device_list,
        newest_list(&hub, &phone).as_bytes()
    );
    assert_eq!(devices_in(&mut phone, &room, "alice").len(), 2);
    phone.says(&room, "it is us");
}
