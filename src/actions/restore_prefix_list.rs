//! Restores the version of a prefix list that a call replaced.

use serde_json::{Map, Value, json};

use super::ec2::{act, list, one, response, text};
use super::{
    Action, ApiCall, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "restore-prefix-list",
    summary: "Restores the version of the prefix list from before the call.",
    precondition: "The version of the prefix list is the one that the call made.",
    rules: &["prefix-list-wide", "prefix-list-world"],
    reversibility: Reversibility::WithLoss("Each restoration makes a new version with the former entries."),
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("prefix_list_id"),
    arguments: &[
        Argument { name: "prefix_list_id", kind: ArgumentKind::Id("pl-") },
        Argument { name: "version_before", kind: ArgumentKind::Number },
    ],
    requested,
    next_read,
    state: |_, responses| entries(responses, 1),
    expected: |target| {
        let version = target.number("version_before").saturating_add(1);
        let list =
            json!({"PrefixListId": target.text("prefix_list_id"), "Version": version, "State": "modify-complete"});
        let entries =
            |cidrs: &[&str]| json!({"Entries": cidrs.iter().map(|cidr| json!({"Cidr": cidr})).collect::<Vec<_>>()});
        vec![json!({"PrefixLists": [list]}), entries(&["0.0.0.0/0"]), entries(&[])]
    },
    decide,
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeManagedPrefixLists", "ec2:DescribeTags"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:GetManagedPrefixListEntries", "ec2:RestoreManagedPrefixListVersion"],
            resources: &["arn:{partition}:ec2:{region}:{account}:prefix-list/*"],
            conditions: &[],
        },
    ],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    // A list that a call created has no former version.
    if !source.is("ModifyManagedPrefixList") {
        return None;
    }
    let version = u64::try_from(source.number("ec2.request.currentVersion")?).ok().filter(|version| *version > 0)?;
    let mut arguments = source.all(&[("prefix_list_id", "ec2.request.prefixListId")])?;
    arguments.insert("version_before".to_owned(), version.into());
    Some(arguments)
}

fn next_read(target: &Target, responses: &[Value]) -> Option<ApiCall> {
    let id = target.text("prefix_list_id");
    match responses {
        [] => Some(target.ec2("DescribeManagedPrefixLists", json!({"PrefixListIds": [id]}))),
        [_] if described(target, responses).is_some() => {
            Some(target.ec2("GetManagedPrefixListEntries", json!({"PrefixListId": id})))
        }
        [_, _] => {
            let parameters = json!({"PrefixListId": id, "TargetVersion": target.number("version_before")});
            Some(target.ec2("GetManagedPrefixListEntries", parameters))
        }
        _ => None,
    }
}

/// The entries in a response, sorted.
fn entries(responses: &[Value], index: usize) -> Value {
    let mut entries = responses.get(index).map(|response| list(response, "Entries").to_vec()).unwrap_or_default();
    entries.sort_by_key(ToString::to_string);
    Value::from(entries)
}

fn described<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v Value> {
    one(response(responses), "PrefixLists", "PrefixListId", target.text("prefix_list_id"))
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (id, before) = (target.text("prefix_list_id"), target.number("version_before"));
    let Some(described) = described(target, responses) else {
        return NextStep::NothingToDo(format!("{id} does not exist."));
    };
    if text(described, "State").ends_with("-in-progress") {
        return NextStep::Pending(format!("{id} is being changed."));
    }
    if entries(responses, 1) == entries(responses, 2) {
        return NextStep::NothingToDo(format!("{id} has the entries of version {before}."));
    }
    let version = described.get("Version").and_then(Value::as_u64).unwrap_or_default();
    let made = before.saturating_add(1);
    if version != made {
        return NextStep::Differs(format!("{id} has version {version}, and the call made version {made}."));
    }
    if !text(described, "State").ends_with("-complete") {
        return NextStep::Differs(format!("The last change of {id} failed."));
    }
    let restore = |previous: u64, current: u64| {
        let parameters = json!({"PrefixListId": id, "PreviousVersion": previous, "CurrentVersion": current});
        target.ec2("RestoreManagedPrefixListVersion", parameters)
    };
    act(restore(before, made), restore(made, made.saturating_add(1)))
}
