//! Several devices of one user in a hand's hands: lists that follow one another, siblings,
//! revocations, renewed identities, and joining by oneself.

use grove_mls::identity::{
    DEVICE_LIST_VALIDITY_MS, DeviceCredential, DeviceList, Identity, ListedDevice,
    SignedDeviceList, UserIdentityKey,
};
use grove_mls::member::external;
use grove_mls::storage::MemberStorage;
use grove_wire::api::devices::DeviceListBody;
use grove_wire::codec;
use grove_wire::mimi::group_info::GroupInfoResponse;
use grove_wire::mimi::update::{HandshakeBundle, RatchetTreeOption};
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{ClientUri, RoomUri};

use crate::api::about;
use crate::hand::SUITE;
use crate::{Answer, Hand, World};

impl Hand {
    /// What the device list after the newest says, as `change` makes it.
    pub fn next_list(&self, change: impl FnOnce(&mut DeviceList)) -> DeviceList {
        let mut list = self.list.list().clone();
        list.version += 1;
        list.prev_hash = Some(self.list.hash());
        list.not_after = self.clock.now().ms() + DEVICE_LIST_VALIDITY_MS;
        change(&mut list);
        list
    }

    /// Hands the next device list in, signed as it should be, and keeps it if it is accepted.
    pub async fn put_list(&mut self, list: SignedDeviceList) -> Answer {
        let body = DeviceListBody {
            device_list: list.as_bytes().to_vec().into(),
        };
        let answer = self.api.put_json("/v1/device-list", &body).await;
        if answer.status == 204 {
            self.list = list;
        }
        answer
    }

    /// Another device of the same user, logged in, with so many KeyPackages.
    pub async fn sibling(&mut self, world: &World, key_packages: usize) -> Self {
        let (user, recovery) = (self.user.clone(), self.recovery.clone());
        let mut sibling = Self::of_user(world, user, recovery, self.keys());
        let listed = ListedDevice {
            client: sibling.identity.client.clone(),
            signature_key: sibling.identity.key.public(),
            added: self.clock.now().ms(),
            revoked: None,
        };
        let list = self.next_list(|list| list.devices.push(listed));
        let list = SignedDeviceList::sign(&self.uik, list).expect("a device list");
        self.put_list(list).await.ok();
        sibling.list = self.list.clone();
        sibling.log_in().await;
        sibling.upload(key_packages).await;
        sibling
    }

    /// Revokes a device of the same user.
    pub async fn revoke(&mut self, client: &ClientUri) -> Answer {
        let now = self.clock.now().ms();
        let list = self.next_list(|list| mark_revoked(list, client, now));
        let list = SignedDeviceList::sign(&self.uik, list).expect("a device list");
        self.put_list(list).await
    }

    /// The first device list of the next identity, and its key: for whoever has the words.
    pub fn renewed_list(
        &self,
        change: impl FnOnce(&mut DeviceList),
    ) -> (SignedDeviceList, UserIdentityKey) {
        let now = &self.list.list().identity;
        let renewed = now.renew(&self.recovery, &self.user);
        let (identity, uik) = renewed.expect("an identity");
        let list = self.next_list(|list| {
            list.identity = identity;
            change(list);
        });
        let list = SignedDeviceList::sign(&uik, list).expect("a device list");
        (list, uik)
    }

    /// Takes the key of the identity in this list, and signs itself with it.
    pub fn adopt(&mut self, list: SignedDeviceList, uik: UserIdentityKey) {
        let not_after = self.clock.now().ms() + DEVICE_LIST_VALIDITY_MS;
        let (client, key) = (&self.identity.client, self.identity.key.public());
        let DeviceList {
            identity, version, ..
        } = list.list();
        self.identity.credential =
            DeviceCredential::issue(&uik, identity, client, &key, *version, not_after);
        (self.list, self.uik) = (list, uik);
    }

    /// Renews the identity, on the server and here.
    pub async fn renew(&mut self) {
        let (list, uik) = self.renewed_list(|_| {});
        self.put_list(list.clone()).await.ok();
        self.adopt(list, uik);
    }

    /// The identity of the newest list, with its key.
    pub fn keys(&self) -> (Identity, UserIdentityKey) {
        (self.list.list().identity.clone(), self.uik.clone())
    }

    /// Asks for what one needs to join a room by oneself.
    pub async fn ask_group_info(&self, room: &RoomUri) -> (Answer, external::GroupInfoSecret) {
        let (request, secret) =
            external::request_group_info(&self.identity, SUITE).expect("a request");
        let body = codec::encode(&request).expect("a body");
        let answer = self.api.post(&about("groupInfo", room), body).await;
        (answer, secret)
    }

    /// Joins a room by an external commit.
    pub async fn join_by_itself(&mut self, room: &RoomUri) {
        let bundle = self.external(room).await;
        let seq = self.hand_in(room, &bundle).await.seq();
        self.positions.insert(room.clone(), seq);
    }

    /// Makes an external commit into a room.
    pub async fn external(&self, room: &RoomUri) -> HandshakeBundle {
        let (answer, secret) = self.ask_group_info(room).await;
        let response: GroupInfoResponse = codec::decode(&answer.ok().body).expect("a response");
        let given =
            external::open_group_info(&secret, &response, room, None).expect("what was asked for");
        let RatchetTreeOption::Full(tree) = &given.ratchet_tree else {
            panic!("the whole tree")
        };
        let pending: Vec<MlsMessage> = given
            .pending_proposals
            .iter()
            .map(|pending| pending.proposal.clone())
            .collect();
        let storage = MemberStorage::new(&self.records);
        let (_group, bundle) = external::external_commit(
            &storage,
            &self.identity,
            &given.group_info,
            tree,
            &pending,
            room,
            None,
        )
        .expect("an external commit");
        self.records.write(&storage);
        bundle
    }
}

/// Marks a device of a list revoked.
pub fn mark_revoked(list: &mut DeviceList, client: &ClientUri, now: u64) {
    let device = list
        .devices
        .iter_mut()
        .find(|device| device.client == *client);
    device.expect("a device of the list").revoked = Some(now);
}
