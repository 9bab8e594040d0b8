//! Which questions share a call.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::live_state::listing::{Listing, load_balancer_description};
use crate::live_state::question::{Place, Question, Topic};

/// How many values EC2 takes for one filter.
const MOST_VALUES: usize = 200;
/// From how many questions on the whole list of a region is read, page by page, instead of one call for each 200 ids:
/// that many ids are a large part of what a region can hold, and the limit on calls is shared with all else in the account.
const WHOLE_LIST_FROM: usize = 1_000;

/// Questions that one request answers, on however many pages.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) place: Place,
    pub(super) request: Request,
    pub(super) questions: Vec<Question>,
}

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The entries of a list that a filter lets through.
    Filtered(Listing, &'static str, Vec<String>),
    /// All entries of a list.
    Whole(Listing),
    /// The one thing that the only question names: a prefix list or a role.
    One(Listing),
}

/// Puts questions together. Those that cannot be put to AWS at all come back with the reason.
pub(super) fn batches(questions: Vec<Question>) -> (Vec<Batch>, Vec<(Question, String)>) {
    let mut lists: BTreeMap<(Place, Listing), Vec<(Question, Filter)>> = BTreeMap::new();
    let mut impossible = Vec::new();
    for question in questions {
        match filter(&question) {
            Ok(filter) => {
                let list = (question.place.clone(), question.topic.listing());
                lists.entry(list).or_default().push((question, filter));
            }
            Err(reason) => impossible.push((question, reason)),
        }
    }
    let mut batches = Vec::new();
    for ((place, listing), questions) in lists {
        let whole = listing == Listing::BlockPublicAccess || questions.len() > WHOLE_LIST_FROM;
        let mut add = |request, questions| batches.push(Batch { place: place.clone(), request, questions });
        if matches!(listing, Listing::PrefixListEntries | Listing::Roles) {
            questions.into_iter().for_each(|(question, _)| add(Request::One(listing), vec![question]));
        } else if whole {
            add(Request::Whole(listing), questions.into_iter().map(|(question, _)| question).collect());
        } else {
            let mut by_filter: BTreeMap<&str, Vec<(Question, String)>> = BTreeMap::new();
            for (question, (name, value)) in questions {
                by_filter.entry(name).or_default().push((question, value));
            }
            for (name, questions) in by_filter {
                for some in chunks(questions) {
                    let (questions, values) = some.into_iter().unzip();
                    add(Request::Filtered(listing, name, values), questions);
                }
            }
        }
    }
    (batches, impossible)
}

fn chunks<T>(mut all: Vec<T>) -> Vec<Vec<T>> {
    let mut chunks = Vec::new();
    while !all.is_empty() {
        let rest = all.split_off(all.len().min(MOST_VALUES));
        chunks.push(std::mem::replace(&mut all, rest));
    }
    chunks
}

/// The name of a filter, and the value that a question has for it.
type Filter = (&'static str, String);

/// By which filter of its Describe call a question is answered. A filter finds nothing where an id parameter fails the
/// call for all ids. EC2 still refuses the whole call for an id that is none, so such a question is not put at all.
fn filter(question: &Question) -> Result<Filter, String> {
    let Question { place, topic, id } = question;
    if place.account.len() != 12 || !place.account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{} is not an account id", place.account));
    }
    if !is_region(&place.region) {
        return Err(format!("{} is not a region", place.region));
    }
    let (name, prefix) = match topic {
        Topic::Interface => ("network-interface-id", "eni-"),
        Topic::InterfacesOfInstance => ("attachment.instance-id", "i-"),
        Topic::InterfacesOfGroup => ("group-id", "sg-"),
        Topic::InterfacesOfSubnet => ("subnet-id", "subnet-"),
        Topic::InterfacesOfVpc | Topic::RouteTablesOfVpc | Topic::AclsOfVpc | Topic::Vpc => ("vpc-id", "vpc-"),
        Topic::InterfacesOfAddress if id.parse::<Ipv4Addr>().is_ok() => {
            return Ok(("addresses.association.public-ip", id.clone()));
        }
        Topic::InterfacesOfAddress => ("association.allocation-id", "eipalloc-"),
        Topic::InterfacesOfLoadBalancer => return Ok(("description", literal(&load_balancer_description(id)))),
        Topic::GroupRules | Topic::Group => ("group-id", "sg-"),
        Topic::GroupRule => ("security-group-rule-id", "sgr-"),
        Topic::RouteTable => ("route-table-id", "rtb-"),
        Topic::GatewaysOfVpc => ("attachment.vpc-id", "vpc-"),
        Topic::Acl => ("network-acl-id", "acl-"),
        Topic::Subnet => ("subnet-id", "subnet-"),
        Topic::Instance => ("instance-id", "i-"),
        Topic::PrefixList => ("prefix-list-id", "pl-"),
        Topic::BlockPublicAccess | Topic::Role => return Ok(("", String::new())),
    };
    let is_id = id.strip_prefix(prefix).is_some_and(|rest| {
        (8..=32).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    if is_id { Ok((name, id.clone())) } else { Err(format!("{id} is not an id of the form {prefix}0123456789abcdef0")) }
}

/// Whether a text has the form of a region. It becomes part of the name of the host that is called, so anything else
/// could lead elsewhere.
pub fn is_region(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=32).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

/// A value for a filter in which `*` and `?` stand for themselves.
fn literal(value: &str) -> String {
    let mut literal = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal
}
