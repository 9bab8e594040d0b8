//! Networks that a call adds to a managed prefix list.

use std::borrow::Cow;

use super::permission::Permission;
use super::source::{MAX_ARGUMENTS, Sources, members_doc, together_doc};
use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, calls, object, texts, wire};

/// The networks a call adds to a managed prefix list.
pub(in crate::facts) const PREFIX_LIST: Fact = Fact {
    name: "exposure.prefix_list",
    calls: Calls::These(&[(calls::EC2, "CreateManagedPrefixList"), (calls::EC2, "ModifyManagedPrefixList")]),
    doc: concat!(
        "The networks that CreateManagedPrefixList or ModifyManagedPrefixList adds to a prefix list, and so to every \
         security group and route table that refers to the list. ",
        members_doc!(),
        together_doc!(),
        " Networks that earlier calls in the same delivery or file added to the list count too, if this call opens more \
         together with them. `undo` are the arguments of `aws ec2 modify-managed-prefix-list` that remove them.",
    ),
    derivation: Derivation::FromRecord(prefix_list),
};

fn prefix_list<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let mut now = Sources::default();
    if let Some(request) = wire::request(event) {
        let live = wire::live(event);
        now.add_prefix_list(&request, "prefixListId", Some(&Permission::all()), live.as_ref());
    }
    let opened = sources(event).with_earlier(event).together(now)?;
    let mut members = opened.members();
    let request = wire::request(event)?;
    let created = wire::response(event).and_then(|response| response.get("prefixList"));
    let id = request.text_of("prefixListId").or_else(|| created.as_ref()?.text_of("prefixListId"));
    // Each change increments the version, which begins with 1.
    let version = request.number_of("currentVersion").map_or(1, |version| version.saturating_add(1));
    if let Some(id) = id {
        let list = ["--prefix-list-id".into(), id, "--current-version".into(), version.to_string().into()];
        let entries =
            opened.offending().take(MAX_ARGUMENTS).map(|source| Cow::Owned(format!("Cidr={}", source.network)));
        members.push(("undo", texts(list.into_iter().chain(["--remove-entries".into()]).chain(entries))));
    }
    Some(object(members))
}

/// The networks that the call adds.
pub(super) fn sources<'e>(event: &'e Event<'_>) -> Sources<'e> {
    let mut sources = Sources::default();
    let request = wire::request(event);
    for key in ["addEntry", "addEntries", "entry", "entries"] {
        for entry in request.as_ref().map(|request| request.list(key)).unwrap_or_default() {
            sources.add(&entry, "cidr", Some(Permission::all()), None);
        }
    }
    sources
}
