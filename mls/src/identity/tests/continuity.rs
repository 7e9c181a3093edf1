//! Identities: what certifies one, which follow one another, and what nobody can make without the
//! words.

use super::*;

fn bob() -> UserUri {
    UserUri::parse("bob@a.example").unwrap()
}

fn begun(seed: u8) -> Identity {
    Identity::begin(&RecoveryKey::from_seed([seed; 32]), &alice()).0
}

/// Rewrites an identity's bytes; what it says is then no longer what was signed.
fn rewritten(identity: &Identity, change: impl FnOnce(&mut Vec<u8>)) -> Identity {
    let mut bytes = identity.to_bytes();
    change(&mut bytes);
    Identity::decode(&bytes).unwrap()
}

#[test]
fn an_identity_is_certified_for_one_user() {
    for identity in [identity(), renewed().0, linked().0] {
        assert_eq!(identity.verify(&alice()), Ok(()));
        assert_eq!(identity.verify(&bob()), Err(IdentityError::BadSignature));
        assert_eq!(Identity::decode(&identity.to_bytes()), Ok(identity));
    }
    assert_eq!(identity().to_bytes().len(), 135);
    // The length of the links takes a byte more when there is one.
    assert_eq!(linked().0.to_bytes().len(), 135 + 98 + 1);
}

#[test]
fn the_words_alone_give_every_user_identity_key() {
    let again = Identity::begin(&recovery(), &alice());
    assert_eq!(again.0, identity());
    let (second, key) = renewed();
    assert_eq!(recovery().user_identity_key(2).seed(), key.seed());
    assert_eq!(key.public(), *second.uik());
    assert_ne!(uik().seed(), key.seed());
    // Two recoveries at once make the same.
    assert_eq!(identity().renew(&recovery(), &alice()).unwrap().0, second);
    // Another's words make another's, and another user's are others still.
    assert_ne!(*begun(9).uik(), *identity().uik());
}

#[test]
fn only_the_last_recovery_key_makes_the_next() {
    let refused = Err(IdentityError::WrongRecoveryKey);
    let renew = |of: &Identity, by: &RecoveryKey| of.renew(by, &alice()).map(|_| ());
    assert_eq!(renew(&identity(), &new_recovery()), refused);
    assert_eq!(renew(&linked().0, &recovery()), refused);
    assert_eq!(renew(&linked().0, &new_recovery()), Ok(()));
    let replace = |of: &Identity, by: &RecoveryKey, next: &RecoveryKey| {
        of.replace_recovery(by, next, &alice()).map(|_| ())
    };
    assert_eq!(
        replace(&identity(), &new_recovery(), &new_recovery()),
        refused
    );
    assert_eq!(
        replace(&identity(), &recovery(), &recovery()),
        Err(IdentityError::SharedKey)
    );
    assert_eq!(
        replace(&linked().0, &new_recovery(), &recovery()),
        Err(IdentityError::SharedKey),
        "an earlier key does not come back"
    );
}

#[test]
fn what_does_not_hold_together_is_refused() {
    let refused = |identity: &Identity| identity.verify(&alice()).unwrap_err();
    let at = |identity: &Identity, place: usize, bytes: &[u8]| {
        rewritten(identity, |all| {
            all.get_mut(place..place + bytes.len())
                .unwrap()
                .copy_from_slice(bytes);
        })
    };
    let first = identity();
    // Behind the root and the length of no links stands the generation, then the key.
    let (generation, key) = (33, 37);
    let none = at(&first, generation, &[0; 4]);
    assert_eq!(refused(&none), IdentityError::Generation);
    let higher = at(&first, generation, &2_u32.to_be_bytes());
    assert_eq!(refused(&higher), IdentityError::BadSignature);
    let planted = at(&first, key, begun(9).uik().as_bytes());
    assert_eq!(refused(&planted), IdentityError::BadSignature);
    let shared = at(&first, key, first.root().as_bytes());
    assert_eq!(refused(&shared), IdentityError::SharedKey);
    // Another root in front of the same signatures.
    let rooted = at(&linked().0, 0, begun(9).root().as_bytes());
    assert_eq!(refused(&rooted), IdentityError::BadSignature);
    // A link that the holder of the user identity key has made up.
    let linked_to = at(&linked().0, 34, begun(9).root().as_bytes());
    assert_eq!(refused(&linked_to), IdentityError::BadSignature);
}

#[test]
fn links_are_bounded() {
    let key = |seed: usize| RecoveryKey::from_seed([u8::try_from(100 + seed).unwrap(); 32]);
    let mut identity = Identity::begin(&key(0), &alice()).0;
    for link in 0..MAX_RECOVERY_LINKS {
        let next = identity.replace_recovery(&key(link), &key(link + 1), &alice());
        identity = next.unwrap().0;
        assert_eq!(identity.verify(&alice()), Ok(()));
    }
    let (last, next) = (key(MAX_RECOVERY_LINKS), key(MAX_RECOVERY_LINKS + 1));
    let refused = identity.replace_recovery(&last, &next, &alice());
    assert_eq!(refused.unwrap_err(), IdentityError::TooManyLinks);
    assert_eq!(Identity::decode(&identity.to_bytes()), Ok(identity.clone()));
    // One more by hand: the length of the links is two bytes behind the root.
    let longer = rewritten_links(&identity);
    assert!(matches!(
        Identity::decode(&longer),
        Err(IdentityError::Malformed(_))
    ));
}

/// The identity's bytes with its last link twice.
fn rewritten_links(identity: &Identity) -> Vec<u8> {
    let bytes = identity.to_bytes();
    let (root, rest) = bytes.split_at(32);
    let (length, rest) = rest.split_at(2);
    let size = 98 * MAX_RECOVERY_LINKS;
    assert_eq!(
        length,
        (0x4000 + u16::try_from(size).unwrap()).to_be_bytes()
    );
    let (links, tail) = rest.split_at(size);
    let twice = links.get(size - 98..).unwrap();
    let length = (0x4000 + u16::try_from(size + 98).unwrap()).to_be_bytes();
    [root, &length, links, twice, tail].concat()
}

#[test]
fn ranks_decide_among_those_that_share_their_keys() {
    let (first, second, third) = (identity(), renewed().0, linked().0);
    let chain = [&first, &second, &third];
    for (place, one) in chain.iter().enumerate() {
        for (other_place, other) in chain.iter().enumerate() {
            assert_eq!(one.follows(other), place >= other_place);
            assert_eq!(one.is_same(other), place == other_place);
            assert_eq!(one.rank() > other.rank(), place > other_place);
        }
    }
    assert!(first.is_first() && !second.is_first() && !third.is_first());
    // Another branch: a recovery key that only somebody else's words have made.
    let other = identity()
        .replace_recovery(&recovery(), &RecoveryKey::from_seed([77; 32]), &alice())
        .unwrap()
        .0;
    assert!(other.follows(&second) && other.rank() < third.rank());
    assert!(!third.follows(&other) && !other.follows(&third));
    // A foreign root follows nothing, whatever its rank.
    let mut foreign = Identity::begin(&new_recovery(), &alice()).0;
    foreign = foreign.renew(&new_recovery(), &alice()).unwrap().0;
    assert!(!foreign.follows(&first) && !first.follows(&foreign));
}

#[test]
fn of_one_rank_only_the_same_key_follows() {
    // Only whoever has the words could sign two keys of one generation; neither follows the other.
    let first = identity();
    let twin = rewritten(&first, |bytes| {
        let key = bytes.get_mut(37..69).unwrap();
        key.copy_from_slice(begun(9).uik().as_bytes());
    });
    assert_eq!(first.rank(), twin.rank());
    assert!(!first.follows(&twin) && !twin.follows(&first));
}

#[test]
fn the_safety_number_is_of_the_user_and_the_recovery_keys() {
    let number = identity().safety_number(&alice());
    assert_eq!(renewed().0.safety_number(&alice()), number);
    assert_ne!(linked().0.safety_number(&alice()), number);
    assert_ne!(begun(9).safety_number(&alice()), number);
    assert_ne!(identity().safety_number(&bob()), number);
    let text = number.to_string();
    assert_eq!(text.split(' ').map(str::len).collect::<Vec<_>>(), [5; 12]);
    assert_eq!(SafetyNumber::parse(&text), Ok(number));
    assert_eq!(SafetyNumber::parse(&text.replace(' ', "\n  ")), Ok(number));
    let shorter = text.get(1..).unwrap();
    for wrong in ["", shorter, &format!("{text}0"), &text.replace(' ', "x")] {
        assert_eq!(
            SafetyNumber::parse(wrong),
            Err(SafetyNumberError),
            "{wrong}"
        );
    }
}
