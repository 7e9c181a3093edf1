//! A home server that only says to have taken a device list, or that has lost one.

use grove_core::{Class, Classified};
use grove_mls::identity::SignedDeviceList;

use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::siblings::{account, client, newest_list, settle_all, three_and_bob};

fn is_off(hub: &Hub, of: &Person, device: &Person) -> bool {
    let list = newest_list(hub, of);
    let found = list.list().find(&client(device));
    found.unwrap().revoked.is_some()
}

#[test]
fn a_revocation_is_made_when_the_server_shows_it() {
    let hub = hub();
    let ([mut laptop, phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    let before = account(&laptop).device_list;
    hub.state().swallows_lists = true;
    let words = laptop.words.clone();
    for _ in 0..2 {
        let revoked = now(laptop.client.revoke_device(&client(&phone), &words));
        let error = revoked.unwrap_err();
        assert_eq!(error.class(), Class::Identity, "{error}");
    }
    assert_eq!(account(&laptop).device_list, before, "nothing is believed");
    laptop.says(&room, "I am still here");
    // The control: it waits, and is made when the server takes it.
    hub.state().swallows_lists = false;
    laptop.syncs();
    assert!(is_off(&hub, &laptop, &phone));
    settle_all(&mut [&mut laptop, &mut tablet, &mut bob]);
    laptop.says(&room, "and the phone is not");
    bob.syncs();
    assert_eq!(bob.reads(&room).last().unwrap(), "and the phone is not");
    now(laptop.client.retire_device(&client(&tablet))).unwrap();
    assert!(is_off(&hub, &laptop, &tablet));
}

#[test]
fn a_server_that_was_put_back_gets_the_list_again_that_it_has_lost() {
    let hub = hub();
    let ([mut laptop, phone, tablet], _bob, _room) = three_and_bob(&hub);
    let before = newest_list(&hub, &laptop);
    now(laptop.client.retire_device(&client(&phone))).unwrap();
    let after = newest_list(&hub, &laptop);
    hub.state()
        .lists
        .insert(account(&laptop).user, before.as_bytes().to_vec());
    now(laptop.client.retire_device(&client(&tablet))).unwrap();
    let newest: SignedDeviceList = newest_list(&hub, &laptop);
    assert!(newest.follows(&after).is_ok());
    assert!(is_off(&hub, &laptop, &phone) && is_off(&hub, &laptop, &tablet));
}
