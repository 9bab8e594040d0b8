//! Who can assume a role: expected verdicts, and what must hold for any policy.

use trailwarden::access::{Verdict, assess};
use trailwarden::policy::{Decision, Policy};

use crate::support::{fixture, json_lines, root};

#[test]
fn every_vector_gives_its_verdict() {
    let mut wrong = Vec::new();
    let mut judged = 0;
    for vector in json_lines(&root().join("tests/vectors/trust.jsonl")) {
        let policy = Policy::parse(&vector["policy"].to_string()).unwrap();
        let assessment = assess(&policy, vector["own_account"].as_str());
        judged += 1;
        if assessment.verdict.as_str() != vector["verdict"] {
            let said = assessment.worst().map(|one| one.sentence()).unwrap_or_default();
            let verdict = assessment.verdict.as_str();
            wrong.push(format!("{} is {verdict}, not {}: {said}", vector["name"], vector["verdict"]));
        }
        for statement in &assessment.statements {
            assert_eq!(statement.witness.is_some(), statement.verdict >= Verdict::Weak, "{}", vector["name"]);
            if let Some(witness) = &statement.witness {
                assert_eq!(policy.evaluate(&witness.request), Decision::Allowed, "{}", vector["name"]);
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(judged > 40);
}

/// Forms of principals and conditions, each with its verdict for a role of the account 111122223333.
#[test]
fn every_form_gives_its_verdict() {
    let mut wrong = Vec::new();
    for form in json_lines(&fixture("trust.jsonl")) {
        let policy = Policy::parse(&form["policy"].to_string()).unwrap();
        let assessment = assess(&policy, Some("111122223333"));
        if assessment.verdict.as_str() != form["verdict"] {
            let said = assessment.worst().map(|one| one.sentence()).unwrap_or_default();
            wrong.push(format!("{} is {}: {said}", form["name"], assessment.verdict.as_str()));
        }
        for witness in assessment.statements.iter().filter_map(|statement| statement.witness.as_ref()) {
            assert_eq!(policy.evaluate(&witness.request), Decision::Allowed, "{}", form["name"]);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
