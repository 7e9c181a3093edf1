//! A link whose last answer is lost: the keys were given, and the old device does not hear of it.

use std::sync::Arc;
use std::time::Duration;

use grove_cli::transport::HttpTransport;
use grove_core::{Client, ConfirmLinkError, Method, Request, Response, Transport, TransportError};
use harness::user::{Surroundings, store, transport};
use harness::wait::soon;
use harness::{NewDevice, World};
use tokio::sync::Semaphore;

/// A way to the server on which the answer to the first sealed package is lost. The loss is only
/// noticed once the test lets it be.
struct Lossy {
    way: HttpTransport,
    /// One permit as long as no answer was lost.
    loses: Semaphore,
    noticed: Arc<Semaphore>,
}

impl Transport for Lossy {
    async fn call(&self, request: Request) -> Result<Response, TransportError> {
        let is_package = request.method == Method::Put && request.path.ends_with("/package");
        let answer = self.way.call(request).await;
        if is_package && let Ok(first) = self.loses.try_acquire() {
            first.forget();
            let noticed = self.noticed.acquire().await;
            noticed.expect("it is never closed").forget();
            return Err(TransportError::Timeout);
        }
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_linked_is_not_revoked_for_a_lost_answer() {
    let world = World::new().await;
    let mut alice = world.user("alice").await;
    let room = alice.make_room("Garden").await;
    let mut phone = NewDevice::begin(&world, &alice, "phone").await;
    let noticed = Arc::new(Semaphore::new(0));
    let lossy = Lossy {
        way: transport(world.url()),
        loses: Semaphore::new(1),
        noticed: Arc::clone(&noticed),
    };
    let surroundings = Surroundings::new(world.clock.clone());
    let opened = Client::open(store(&world.home("alice")), lossy, surroundings);
    let mut old = opened.expect("the client opens");
    let text = phone.text();
    let (approval, code) = tokio::join!(old.approve_link(&text), phone.linking.wait_for_answer());
    let approval = approval.expect("the line is taken up");
    let code = code.expect("it is answered");

    let arriving = async {
        let got = phone.linking.wait_for_package().await;
        got.expect("the keys are taken");
        // It has all it wants, and takes the link away.
        let device = phone.arrive(&alice).await;
        noticed.add_permits(1);
        device
    };
    let confirming = async { tokio::join!(old.confirm_link(approval, code), arriving) };
    let (gave, mut device) = soon("a link is confirmed", confirming).await;
    assert!(matches!(gave, Err(ConfirmLinkError::Call(_))), "{gave:?}");
    drop(old);
    device.enter_all_rooms().await;
    device.say(&room, "from the phone").await;
    alice.hears(&room, "from the phone").await;
    let devices = alice.client.devices().await.expect("the devices");
    assert!(devices.iter().all(|one| one.revoked_ms.is_none()));
    assert!(alice.try_sync(Duration::ZERO).await.is_ok());
}
