#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::*;

#[test]
fn types_are_told_apart_by_their_urn() {
    let urns: BTreeSet<_> = ProblemType::ALL
        .iter()
        .map(|problem| problem.urn())
        .collect();
    assert_eq!(urns.len(), ProblemType::ALL.len());
    for problem in ProblemType::ALL {
        assert_eq!(ProblemType::from_urn(problem.urn()), Some(*problem));
        assert_eq!(
            problem.urn(),
            format!("urn:grove:problem:{}", problem.name())
        );
        assert!((400..600).contains(&problem.status()));
    }
    assert!(
        ProblemType::ALL.is_sorted_by_key(|problem| problem.name()),
        "alphabetical"
    );
    assert_eq!(ProblemType::from_urn("urn:grove:problem:none"), None);
}

#[test]
fn a_document_shows_what_it_has() {
    let mut document = ProblemDocument::new(ProblemType::WrongEpoch);
    document.current_epoch = Some(42);
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(
        json,
        r#"{"type":"urn:grove:problem:wrong-epoch","title":"The room is in another epoch","status":409,"current_epoch":42}"#
    );
    assert_eq!(
        serde_json::from_str::<ProblemDocument>(&json).unwrap(),
        document
    );
}
