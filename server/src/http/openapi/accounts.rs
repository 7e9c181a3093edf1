//! Operations on the server, accounts, sessions, devices and KeyPackages.

use grove_wire::api::accounts::{RegisterRequest, RegisterResponse, Whoami};
use grove_wire::api::devices::{DeviceActivities, DeviceListBody};
use grove_wire::api::key_packages::{KeyPackageCounts, UploadKeyPackages};
use grove_wire::api::server::ServerInfo;
use grove_wire::api::sessions::{Challenge, SessionRequest, SessionResponse};
use grove_wire::problem::ProblemType as P;
use grove_wire::uri::UserSegment;
use utoipa::openapi::ResponseBuilder;

use super::operation::{Caller, Operation, delete, get, post, put};

pub(super) fn operations() -> Vec<Operation> {
    let mut all = about_server();
    all.extend(about_sessions());
    all.extend(about_devices());
    all
}

fn about_server() -> Vec<Operation> {
    let unchanged = ResponseBuilder::new().description("It is the one `If-None-Match` names.");
    vec![
        get("/v1/server", "showServer")
            .does("server", "Says whose server this is and what it takes")
            .by(Caller::Anybody)
            .never_fails()
            .gives::<ServerInfo>("The server's description."),
        get("/v1/openapi.json", "showApi")
            .does("server", "Gives this document")
            .by(Caller::Anybody)
            .never_fails()
            .gives::<serde_json::Value>("An OpenAPI document; its `ETag` changes with it.")
            .answers("304", unchanged.build()),
    ]
}

fn about_sessions() -> Vec<Operation> {
    vec![
        post("/v1/accounts", "register")
            .does("accounts", "Makes an account with its first device")
            .notes(
                "The device list (version 1, one device, signed by the new user identity key) is the account. One use of the \
                 invite is consumed, where one is needed. The same request again has the same answer.",
            )
            .by(Caller::Anybody)
            .takes::<RegisterRequest>()
            .gives::<RegisterResponse>("The account was made.")
            .refuses(&[P::Conflict, P::IdentityInvalid, P::RegistrationRefused]),
        post("/v1/challenges", "makeChallenge")
            .does("accounts", "Gives a nonce to sign")
            .notes("It works once and for 60 seconds.")
            .by(Caller::Anybody)
            .gives::<Challenge>("The nonce."),
        post("/v1/sessions", "openSession")
            .does("accounts", "Opens a session for a device that signed a challenge")
            .notes("A device that opens more than eight ends its oldest.")
            .by(Caller::Anybody)
            .takes::<SessionRequest>()
            .gives::<SessionResponse>("The session.")
            .refuses(&[P::Unauthenticated]),
        delete("/v1/sessions/current", "closeSession")
            .does("accounts", "Ends this session")
            .gives_nothing(),
        get("/v1/whoami", "whoami")
            .does("accounts", "Says whom the session speaks for")
            .gives::<Whoami>("User and device."),
    ]
}

fn about_devices() -> Vec<Operation> {
    vec![
        get("/v1/users/{user}/device-list", "showDeviceList")
            .does("accounts", "Gives the newest signed device list of a user of this server")
            .segment::<UserSegment>("user", "The user.")
            .gives::<DeviceListBody>("The list, as it was signed.")
            .refuses(&[P::NotFound]),
        put("/v1/device-list", "replaceDeviceList")
            .does("accounts", "Puts the next device list in place of one's newest")
            .notes(
                "It must follow the one before. What it revokes loses its sessions and KeyPackages at once; under another \
                 identity all KeyPackages of the user go. The newest again is accepted and changes nothing.",
            )
            .takes::<DeviceListBody>()
            .gives_nothing()
            .refuses(&[P::Conflict, P::IdentityInvalid, P::NotAllowed]),
        get("/v1/devices", "listDevices")
            .does("accounts", "Lists one's devices and when each was last seen")
            .gives::<DeviceActivities>("The devices that are not revoked."),
        get("/v1/key-packages", "countKeyPackages")
            .does("accounts", "Counts the KeyPackages this device has left here")
            .gives::<KeyPackageCounts>("One count per cipher suite."),
        put("/v1/key-packages", "uploadKeyPackages")
            .does("accounts", "Adds KeyPackages to the pool of this device")
            .takes::<UploadKeyPackages>()
            .gives::<KeyPackageCounts>("The counts after it.")
            .refuses(&[P::Conflict, P::IdentityInvalid, P::KeyPackageInvalid]),
    ]
}
