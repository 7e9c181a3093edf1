//! Lines that are used twice, too late, altered, or approved without their code; and links that
//! either side ends. In each case nothing is sealed, and nothing is changed.

use std::time::Duration;

use grove_core::{ApproveLinkError, ConfirmLinkError, LinkCode, LinkingError};
use grove_mls::linking::{LinkError, LinkOffer, LinkTextError};
use harness::{NewDevice, User, World};

use super::PACKAGES;

const LIFETIME: Duration = Duration::from_mins(10);

/// What giving keys away would leave behind: packages, devices, and the room that they share.
async fn given(world: &World) -> [i64; 3] {
    [
        world.count(PACKAGES).await,
        world.count("SELECT count(*) FROM devices").await,
        world.count("SELECT count(*) FROM rooms").await,
    ]
}

/// Of one person with one device.
const NOTHING_GIVEN: [i64; 3] = [0, 1, 0];

/// A code that is not this one.
fn another(code: LinkCode) -> LinkCode {
    let parse = |text| LinkCode::parse(text).expect("six digits");
    let zero = parse("000 000");
    if code == zero { parse("000 001") } else { zero }
}

async fn alice_and_phone() -> (World, User, NewDevice) {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let phone = NewDevice::begin(&world, &alice, "phone").await;
    (world, alice, phone)
}

/// A phone that is confirmed with the right code, to show that all else was in order.
async fn control(world: &World, alice: &mut User) {
    let mut phone = NewDevice::begin(world, alice, "control").await;
    phone.be_approved(alice).await;
    assert_eq!(given(world).await, [1, 2, 1], "this is how giving looks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_good_once() {
    let world = World::new().await;
    let mut alice = world.user("alice").await;
    let mut tablet = alice.link(&world, "tablet").await;
    let mut phone = NewDevice::begin(&world, &alice, "phone").await;
    let line = phone.text();
    let (approval, code) = phone.meet(&mut alice).await;
    // While it is being used: by another device, and by the same once more.
    for again in [&mut tablet, &mut alice] {
        let refused = again.client.approve_link(&line).await;
        assert!(
            matches!(refused, Err(ApproveLinkError::Cancelled)),
            "{refused:?}"
        );
    }
    assert_eq!(world.count(PACKAGES).await, 0);
    // The one who came first is not disturbed.
    let (gave, got) = phone.confirm(&mut alice, approval, code).await;
    gave.expect("the keys are given");
    got.expect("the keys are taken");
    let refused = tablet.client.approve_link(&line).await;
    assert!(
        matches!(refused, Err(ApproveLinkError::Cancelled)),
        "sealed already: {refused:?}"
    );
    let mut phone = phone.arrive(&alice).await;
    phone.enter_all_rooms().await;
    for again in [&mut tablet, &mut alice, &mut phone] {
        let refused = again.client.approve_link(&line).await;
        assert!(
            matches!(refused, Err(ApproveLinkError::Expired)),
            "{refused:?}"
        );
    }
    assert_eq!(world.count("SELECT count(*) FROM devices").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_good_for_ten_minutes() {
    let (world, mut alice, mut phone) = alice_and_phone().await;
    world.pass(LIFETIME);
    let refused = alice.client.approve_link(&phone.text()).await;
    assert!(
        matches!(refused, Err(ApproveLinkError::Expired)),
        "{refused:?}"
    );
    let refused = phone.linking.wait_for_answer().await;
    assert!(matches!(refused, Err(LinkingError::Expired)), "{refused:?}");

    // Or it ends between the two halves.
    let mut phone = NewDevice::begin(&world, &alice, "phone").await;
    let (approval, code) = phone.meet(&mut alice).await;
    world.pass(LIFETIME);
    let (gave, got) = phone.confirm(&mut alice, approval, code).await;
    assert!(matches!(gave, Err(ConfirmLinkError::Expired)), "{gave:?}");
    assert!(matches!(got, Err(LinkingError::Expired)), "{got:?}");
    assert_eq!(given(&world).await, NOTHING_GIVEN);

    // The control: just in time.
    let mut phone = NewDevice::begin(&world, &alice, "phone").await;
    world.pass(LIFETIME - Duration::from_secs(1));
    phone.be_approved(&mut alice).await;
    assert_eq!(given(&world).await, [1, 2, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_with_a_slip_in_it_is_damaged() {
    let (world, mut alice, phone) = alice_and_phone().await;
    let line = phone.text();
    let (head, last) = line.split_at(line.len() - 1);
    let slip = format!("{head}{}", if last == "A" { "B" } else { "A" });
    let another_user = {
        let mut offer = LinkOffer::parse(&line).expect("a line");
        offer.user = world.address("mallory");
        offer.to_text()
    };
    for (line, wanted) in [
        (slip.as_str(), LinkTextError::Damaged),
        (head, LinkTextError::Damaged),
        ("https://a.example/", LinkTextError::NotALink),
        ("", LinkTextError::NotALink),
    ] {
        match alice.client.approve_link(line).await {
            Err(ApproveLinkError::Text(found)) => assert_eq!(found, wanted, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    let refused = alice.client.approve_link(&another_user).await;
    assert!(
        matches!(&refused, Err(ApproveLinkError::OtherUser(user)) if *user == world.address("mallory")),
        "{refused:?}"
    );
    let answered = "SELECT count(*) FROM links WHERE answer IS NOT NULL";
    assert_eq!(world.count(answered).await, 0, "the server was not asked");
    control(&world, &mut alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_was_altered_with_care_has_another_code() {
    let world = World::new().await;
    let mut alice = world.user("alice").await;
    // Whoever stands between the screens hands on a line with a key, or a secret, of their own.
    let alter: [fn(&mut LinkOffer, &LinkOffer); 2] = [
        |offer, theirs| offer.public_key = theirs.public_key.clone(),
        |offer, theirs| offer.secret = theirs.secret,
    ];
    for alter in alter {
        let mallory = NewDevice::begin(&world, &alice, "mallory").await;
        let mut phone = NewDevice::begin(&world, &alice, "phone").await;
        let mut offer = LinkOffer::parse(&phone.text()).expect("a line");
        alter(
            &mut offer,
            &LinkOffer::parse(&mallory.text()).expect("a line"),
        );
        let (approval, shown) = phone.meet_by(&mut alice, &offer.to_text()).await;
        let (gave, got) = phone.confirm(&mut alice, approval, shown).await;
        assert!(
            matches!(gave, Err(ConfirmLinkError::CodesDiffer)),
            "{gave:?}"
        );
        assert!(matches!(got, Err(LinkingError::Cancelled)), "{got:?}");
    }
    // Another commitment is noticed before there is a code.
    let mut phone = NewDevice::begin(&world, &alice, "phone").await;
    let mut offer = LinkOffer::parse(&phone.text()).expect("a line");
    offer.commitment[0] ^= 1;
    let altered = offer.to_text();
    let (refused, answered) = tokio::join!(
        alice.client.approve_link(&altered),
        phone.linking.wait_for_answer()
    );
    assert!(
        matches!(
            refused,
            Err(ApproveLinkError::Newcomer(LinkError::Commitment))
        ),
        "{refused:?}"
    );
    answered.expect("an answer came");
    let got = phone.linking.wait_for_package().await;
    assert!(matches!(got, Err(LinkingError::Cancelled)), "{got:?}");
    assert_eq!(given(&world).await, NOTHING_GIVEN);
    control(&world, &mut alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_code_nothing_is_sealed() {
    let (world, mut alice, mut phone) = alice_and_phone().await;
    let (approval, code) = phone.meet(&mut alice).await;
    assert_eq!(
        given(&world).await,
        NOTHING_GIVEN,
        "nothing before the code"
    );
    let (gave, got) = phone.confirm(&mut alice, approval, another(code)).await;
    assert!(
        matches!(gave, Err(ConfirmLinkError::CodesDiffer)),
        "{gave:?}"
    );
    assert!(matches!(got, Err(LinkingError::Cancelled)), "{got:?}");
    assert_eq!(given(&world).await, NOTHING_GIVEN);
    // There is one guess: the line is worth nothing any more.
    let refused = alice.client.approve_link(&phone.text()).await;
    assert!(
        matches!(refused, Err(ApproveLinkError::Cancelled)),
        "{refused:?}"
    );
    control(&world, &mut alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_ends_a_link() {
    let world = World::new().await;
    let mut alice = world.user("alice").await;
    // The new device, before and after it was answered.
    let phone = NewDevice::begin(&world, &alice, "phone").await;
    let line = phone.text();
    phone.linking.cancel().await;
    let refused = alice.client.approve_link(&line).await;
    assert!(
        matches!(refused, Err(ApproveLinkError::Cancelled)),
        "{refused:?}"
    );
    let mut phone = NewDevice::begin(&world, &alice, "phone").await;
    let (approval, code) = phone.meet(&mut alice).await;
    phone.linking.cancel().await;
    let gave = alice.client.confirm_link(approval, code).await;
    assert!(matches!(gave, Err(ConfirmLinkError::Cancelled)), "{gave:?}");
    assert_eq!(given(&world).await, NOTHING_GIVEN);

    // The old one.
    let mut phone = NewDevice::begin(&world, &alice, "phone").await;
    let (approval, _code) = phone.meet(&mut alice).await;
    alice.client.cancel_link(approval).await;
    let got = phone.linking.wait_for_package().await;
    assert!(matches!(got, Err(LinkingError::Cancelled)), "{got:?}");
    assert_eq!(given(&world).await, NOTHING_GIVEN);
    control(&world, &mut alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_links_a_device_to_another_persons_account() {
    let world = World::new().await;
    let [mut alice, mut mallory] = world.users(["alice", "mallory"]).await;
    // Mallory answers for alice: the line is hers, and the server does not know whose a link is.
    let phone = NewDevice::begin(&world, &alice, "phone").await;
    let refused = mallory.client.approve_link(&phone.text()).await;
    assert!(
        matches!(refused, Err(ApproveLinkError::OtherUser(_))),
        "{refused:?}"
    );
    // A device that has an account already takes no other.
    let home = world.home("alice");
    let again = grove_core::Linking::begin(
        harness::user::store(&home),
        harness::user::transport(world.url()),
        harness::user::Surroundings::new(world.clock.clone()),
        mallory.uri.clone(),
        "",
    )
    .await;
    assert!(
        matches!(&again, Err(LinkingError::AlreadyRegistered(user)) if *user == alice.uri),
        "{again:?}"
    );
    let mut phone = phone;
    phone.be_approved(&mut alice).await;
    phone.arrive(&alice).await;
}
