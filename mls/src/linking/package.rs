//! What makes a device one of its user's: sealed by the old device, opened by the new one, judged
//! by both.

use grove_wire::codec::{self, Opaque};
use grove_wire::limits::{MAX_DEVICE_LIST_BYTES, MAX_LINK_BYTES};
use grove_wire::mimi::group_info::HpkeCiphertext;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Exchange, LinkError};
use crate::identity::{Label, PublicKey, SignedDeviceList, UserIdentityKey};
use crate::suite::{Crypto, Suite, hpke};

/// The user's keys, for the new device. No `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkPackage {
    /// The offer's secret: whoever sealed has read the offer.
    pub secret: [u8; 16],
    /// The seed of the user identity key.
    pub uik: Zeroizing<[u8; 32]>,
    /// The newest signed device list, which has the new device.
    pub device_list: Vec<u8>,
    /// The room of the user's own devices.
    pub account_room: RoomUri,
}

#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
struct Wire {
    secret: [u8; 16],
    uik: [u8; 32],
    device_list: Opaque<MAX_DEVICE_LIST_BYTES>,
    account_room: RoomUri,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.uik.zeroize();
    }
}

impl LinkPackage {
    /// Whether it makes this client, with this key, a device of the user.
    pub(super) fn check(
        &self,
        user: &UserUri,
        client: &ClientUri,
        device_key: &PublicKey,
    ) -> Result<(), LinkError> {
        let list = SignedDeviceList::decode(&self.device_list)
            .map_err(|error| LinkError::DeviceList(Box::new(error)))?;
        let list = list.list();
        if list.user != *user || self.account_room.hub() != user.provider() {
            return Err(LinkError::OtherUser);
        }
        let listed = list
            .active()
            .any(|device| device.client == *client && device.signature_key == *device_key);
        let uik = UserIdentityKey::from_seed(*self.uik).public();
        if listed && uik == *list.identity.uik() {
            Ok(())
        } else {
            Err(LinkError::Package)
        }
    }

    fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        let too_long = |_| LinkError::TooLong;
        let wire = Wire {
            secret: self.secret,
            uik: *self.uik,
            device_list: Opaque::new(self.device_list.as_slice()).map_err(too_long)?,
            account_room: self.account_room.clone(),
        };
        Ok(Zeroizing::new(codec::encode(&wire).map_err(too_long)?))
    }

    fn decode(bytes: &[u8]) -> Result<Self, LinkError> {
        let wire: Wire = codec::decode(bytes)?;
        Ok(Self {
            secret: wire.secret,
            uik: Zeroizing::new(wire.uik),
            device_list: wire.device_list.as_bytes().to_vec(),
            account_room: wire.account_room.clone(),
        })
    }
}

// The name is all that may be shown.
impl std::fmt::Debug for LinkPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkPackage")
    }
}

pub(super) fn seal(
    suite: Suite,
    public_key: &[u8],
    exchange: &Exchange<'_>,
    package: &LinkPackage,
) -> Result<Vec<u8>, LinkError> {
    let plain = package.to_bytes()?;
    let context = exchange.context();
    let bound = (Label::Link.as_str(), context.as_slice());
    let sealed = hpke::seal(&Crypto::default(), suite, public_key, bound, &plain)?;
    let bytes = codec::encode(&sealed).map_err(|_too_long| LinkError::TooLong)?;
    if bytes.len() > MAX_LINK_BYTES {
        Err(LinkError::TooLong)
    } else {
        Ok(bytes)
    }
}

pub(super) fn open(
    suite: Suite,
    private_key: &[u8],
    exchange: &Exchange<'_>,
    package: &[u8],
) -> Result<LinkPackage, LinkError> {
    if package.len() > MAX_LINK_BYTES {
        return Err(LinkError::TooLong);
    }
    let sealed: HpkeCiphertext = codec::decode(package)?;
    let context = exchange.context();
    let bound = (Label::Link.as_str(), context.as_slice());
    let plain = hpke::open(&Crypto::default(), suite, private_key, bound, &sealed)?;
    LinkPackage::decode(&Zeroizing::new(plain))
}
