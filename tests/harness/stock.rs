//! KeyPackages of a hand: made, uploaded, and claimed from others.

use grove_mls::key_package::{self, LastResort, MadeKeyPackage, ValidKeyPackage};
use grove_mls::member::key_material;
use grove_mls::storage::MemberStorage;
use grove_wire::api::key_packages::{KeyPackageCounts, UploadKeyPackages};
use grove_wire::codec;
use grove_wire::mimi::key_material::{ClientKeyMaterial, KeyMaterialResponse};
use grove_wire::mls::KeyPackage;
use grove_wire::uri::{RoomUri, UserUri};

use crate::api::claim_path;
use crate::hand::SUITE;
use crate::{Answer, Hand};

impl Hand {
    /// Makes KeyPackages and uploads them.
    pub async fn upload(&mut self, count: usize) -> KeyPackageCounts {
        let made = (0..count)
            .map(|_| self.key_package(LastResort::No).message.into_bytes())
            .collect();
        self.upload_bytes(made, None).await.ok().json()
    }

    /// Uploads these bytes as KeyPackages.
    pub async fn upload_bytes(
        &self,
        key_packages: Vec<Vec<u8>>,
        last_resort: Option<Vec<u8>>,
    ) -> Answer {
        let upload = UploadKeyPackages {
            cipher_suite: SUITE.code(),
            key_packages: key_packages.into_iter().map(Into::into).collect(),
            last_resort: last_resort.map(Into::into),
        };
        self.api.put_json("/v1/key-packages", &upload).await
    }

    /// Makes a KeyPackage, and keeps its secrets.
    pub fn key_package(&self, last_resort: LastResort) -> MadeKeyPackage {
        let storage = MemberStorage::new(&self.records);
        let made =
            key_package::make(&storage, &self.identity, SUITE, last_resort).expect("a KeyPackage");
        self.records.write(&storage);
        made
    }

    /// What the server gives of a user for a room.
    pub async fn ask_key_packages(&self, target: &UserUri, room: &RoomUri) -> Answer {
        let request =
            key_material::request(&self.identity, target, room, SUITE).expect("a request");
        let body = codec::encode(&request).expect("a body");
        self.api.post(&claim_path(target), body).await
    }

    /// The KeyPackages the server gives of a user for a room.
    pub async fn claim(&self, target: &UserUri, room: &RoomUri) -> Vec<KeyPackage> {
        let answer = self.ask_key_packages(target, room).await.ok();
        let response: KeyMaterialResponse = codec::decode(&answer.body).expect("a response");
        let given = |client| match client {
            ClientKeyMaterial::Success { key_package, .. } => Some(key_package),
            _ => None,
        };
        response.clients.into_iter().filter_map(given).collect()
    }

    /// The same, judged as a committer judges them.
    pub async fn claim_valid(&self, target: &UserUri, room: &RoomUri) -> Vec<ValidKeyPackage> {
        let now = self.clock.now().ms();
        let valid =
            |one: &KeyPackage| key_package::validate_bare(one, now).expect("a valid KeyPackage");
        self.claim(target, room).await.iter().map(valid).collect()
    }
}
