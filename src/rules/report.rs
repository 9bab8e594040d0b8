//! From a match to the finding: fills in the rule's sentences and picks out who, what and where.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use crate::event::{Event, Value, scalar_text};
use crate::facts;
use crate::finding::{Actor, Call, Finding, Origin, Resource, RuleInfo, Status, derived_id};
use crate::rules::load::attributes::{Attributes, ResourceSpec, Undecided};
use crate::rules::sigma::subject::Subject;
use crate::rules::text::evidence::Matched;
use crate::rules::text::remediation::{RemediationTemplate, Values};
use crate::rules::text::template::Template;
use crate::text::{MAX_IN_SENTENCE, shell_word, shortened, visible_at_most};

/// Maximum number of values of one field in a sentence.
const MAX_VALUES: usize = 5;

/// Maximum number of characters of one string of the record. Names that AWS accepts are shorter; with this limit, no record
/// makes a finding too long for SNS.
const MAX_TEXT_CHARACTERS: usize = 1024;

/// Maximum number of characters of values that AWS keeps short: accounts, regions, names of services and operations.
const MAX_NAME_CHARACTERS: usize = 128;

/// Maximum number of resources of a finding.
const MAX_RESOURCES: usize = 10;

/// The finding of one rule for one event; `undecided` when the event does not decide.
pub(super) fn finding(
    rule: &Arc<RuleInfo>,
    attributes: &Attributes,
    undecided: Option<&Undecided>,
    subject: &Subject<'_>,
    matched: Matched,
) -> Finding {
    let event = subject.event;
    let (actor, origin, call) = (actor(event), origin(event), call(event));
    let resources = resources(attributes, subject, &matched, &origin, &call);
    let sources = Sources { subject, matched: &matched, actor: &actor, origin: &origin, resources: &resources };
    let fill = |path: &str, in_command: bool| sources.shown(path, in_command);
    let message = match undecided.and_then(|case| case.message.as_ref()).or(attributes.message.as_ref()) {
        Some(message) => message.fill(fill),
        None => Template::standard_message(&rule.title).fill(fill),
    };
    let remediation = undecided.and_then(|case| case.remediation.as_ref()).or(attributes.remediation.as_ref());
    let remediation = match remediation {
        Some(remediation) => remediation.fill(&sources, &origin.account),
        None => RemediationTemplate::standard().fill(&sources, &origin.account),
    };
    Finding {
        message,
        remediation,
        action: None,
        rule: Arc::clone(rule),
        status: if undecided.is_some() { Status::Warning } else { attributes.status },
        actor,
        call,
        origin,
        resources,
        evidence: matched.evidence,
        trace: None,
        live: None,
        suppression: None,
        notes: Vec::new(),
        terraform_address: None,
    }
}

/// The finding of a rule that a record is too complex for.
pub(super) fn too_complex(rule: &Arc<RuleInfo>, attributes: &Attributes, subject: &Subject<'_>) -> Finding {
    let undecided = Undecided {
        when: String::new(),
        message: Some(Template::too_complex(&rule.name)),
        remediation: Some(RemediationTemplate::too_complex(&rule.name)),
    };
    finding(rule, attributes, Some(&undecided), subject, Matched::default())
}

/// The record and the parts of the finding that placeholders name.
struct Sources<'s, 'e> {
    subject: &'s Subject<'e>,
    matched: &'s Matched,
    actor: &'s Actor,
    origin: &'s Origin,
    resources: &'s [Resource],
}

impl Sources<'_, '_> {
    fn of_context(&self, path: &str) -> Option<&str> {
        match path {
            "actor" => Some(self.actor.name.as_str()),
            "resource" => self.resources.first().map(|resource| resource.id.as_str()),
            "account" => Some(self.origin.account.as_str()),
            "region" => Some(self.origin.region.as_str()),
            "partition" => Some(self.origin.partition.as_str()),
            _ => None,
        }
    }
}

impl Values for Sources<'_, '_> {
    fn values(&self, path: &str) -> Vec<Cow<'_, str>> {
        match self.of_context(path) {
            Some(value) => vec![Cow::Borrowed(value)],
            None => values(path, self.subject, self.matched),
        }
    }

    fn is_fact(&self, path: &str) -> bool {
        facts::find(path).is_some()
    }

    fn shown(&self, path: &str, in_command: bool) -> Option<Cow<'_, str>> {
        if let Some(value) = self.of_context(path) {
            return Some(shown(value, in_command));
        }
        let mut values = values(path, self.subject, self.matched);
        if values.len() == 1 {
            return values.pop().map(|value| match value {
                Cow::Borrowed(value) => shown(value, in_command),
                Cow::Owned(value) => Cow::Owned(shown(&value, in_command).into_owned()),
            });
        }
        match (values.as_slice(), values.len().saturating_sub(MAX_VALUES), in_command) {
            ([], ..) => None,
            (values, _, true) => Some(values.iter().map(|text| shell_word(text)).collect::<Vec<_>>().join(" ").into()),
            (values, 0, false) => Some(in_prose(values).into()),
            (values, more, false) => Some(format!("{} and {more} more", in_prose(values)).into()),
        }
    }
}

/// One value, as it stands in a sentence or in a command.
fn shown(value: &str, in_command: bool) -> Cow<'_, str> {
    if in_command { shell_word(value) } else { visible_at_most(value, MAX_IN_SENTENCE) }
}

fn in_prose(values: &[Cow<'_, str>]) -> String {
    let shown = values.iter().take(MAX_VALUES).map(|text| visible_at_most(text, MAX_IN_SENTENCE));
    shown.collect::<Vec<_>>().join(", ")
}

/// The values at `path` as text. Of an array the rule looked into, only those of the members that matched.
fn values<'s>(path: &str, subject: &'s Subject<'_>, matched: &Matched) -> Vec<Cow<'s, str>> {
    let found = match scoped(path, matched) {
        Some((array, indices, rest)) => {
            indices.iter().flat_map(|index| subject.select(&format!("{array}[{index}]{rest}"))).collect()
        }
        None => subject.select(path),
    };
    let mut texts = Vec::new();
    found.into_iter().for_each(|value| collect_text(value, &mut texts));
    without_repeats(texts)
}

fn without_repeats(texts: Vec<Cow<'_, str>>) -> Vec<Cow<'_, str>> {
    if texts.len() < 2 {
        return texts;
    }
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}

/// The array a path leads into, the members of it that matched, and the rest of the path.
fn scoped<'p, 'm>(path: &'p str, matched: &'m Matched) -> Option<(&'p str, &'m [usize], &'p str)> {
    matched.members().iter().find_map(|(array, members)| {
        let rest = path.strip_prefix(array.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
        Some((path.strip_suffix(rest)?, members.as_slice(), rest))
    })
}

fn collect_text<'v>(value: &'v Value<'_>, texts: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| collect_text(element, texts)),
        Value::Object(_) => texts.push(Cow::Owned(kept(&value.to_string()))),
        scalar => texts.extend(scalar_text(scalar).map(|text| match text {
            Cow::Borrowed(text) => shortened(text, MAX_TEXT_CHARACTERS),
            Cow::Owned(text) => Cow::Owned(kept(&text)),
        })),
    }
}

fn kept(text: &str) -> String {
    shortened(text, MAX_TEXT_CHARACTERS).into_owned()
}

fn name(text: Option<&str>) -> String {
    shortened(text.unwrap_or("unknown"), MAX_NAME_CHARACTERS).into_owned()
}

fn actor(event: &Event<'_>) -> Actor {
    let identity = event.identity();
    let owned = |text: Option<&str>| text.map(kept);
    Actor {
        name: kept(&identity.short_name()),
        kind: owned(identity.kind),
        arn: owned(identity.arn),
        principal_id: owned(identity.principal_id),
        account: owned(identity.account_id),
        access_key_id: owned(identity.access_key_id),
        session_issuer: owned(identity.session_issuer),
        mfa: identity.mfa,
        invoked_by: owned(identity.invoked_by),
    }
}

fn call(event: &Event<'_>) -> Call {
    let owned = |text: Option<&str>| text.map(kept);
    Call {
        service: name(event.source()),
        operation: name(event.name()),
        request_id: owned(event.request_id()),
        source_address: owned(event.source_address()),
        user_agent: owned(event.user_agent()),
    }
}

fn origin(event: &Event<'_>) -> Origin {
    Origin {
        event_id: match event.id() {
            Some(id) => kept(id),
            None => derived_id(&["record", &Value::Object(event.root().clone()).to_string()]),
        },
        time: event.time(),
        time_text: event.time_text().map(kept),
        account: name(event.account()),
        account_name: None,
        region: name(event.region()),
        partition: name(Some(event.partition())),
    }
}

/// The first place of the rule that is in the record; else the call itself stands for what it was made on.
fn resources(
    attributes: &Attributes,
    subject: &Subject<'_>,
    matched: &Matched,
    origin: &Origin,
    call: &Call,
) -> Vec<Resource> {
    let found = attributes.resource.iter().map(|spec| match spec {
        ResourceSpec::Field { kind, id, arn } => {
            let ids = texts(&subject.select(id)).into_iter();
            ids.map(|id| Resource {
                kind: kind.clone(),
                arn: arn.as_ref().and_then(|arn| arn_of(arn, &id, subject, origin)),
                id: id.into_owned(),
            })
            .collect()
        }
        // Of a list the rule looked into, the members that matched.
        ResourceSpec::Fact(fact) => match scoped(fact, matched) {
            Some((array, indices, rest)) => {
                let found = indices.iter().flat_map(|index| subject.select(&format!("{array}[{index}]{rest}")));
                found.filter_map(member).collect()
            }
            None => members(&subject.select(fact)),
        },
    });
    let mut resources: Vec<Resource> = found.into_iter().find(|found: &Vec<_>| !found.is_empty()).unwrap_or_default();
    resources.truncate(MAX_RESOURCES);
    if resources.is_empty() {
        let service = call.service.split('.').next().unwrap_or_default();
        let id = format!("{service}:{}", call.operation);
        resources.push(Resource { id, kind: "AWS API call".to_owned(), arn: None });
    }
    resources
}

/// The texts in `values` and below, without repeats.
pub(super) fn texts<'v>(values: &[&'v Value<'_>]) -> Vec<Cow<'v, str>> {
    let mut texts = Vec::new();
    values.iter().for_each(|value| collect_text(value, &mut texts));
    texts.retain(|text| !text.is_empty());
    without_repeats(texts)
}

/// `None` when a part of the ARN is not known: half an ARN would be taken for a whole one.
fn arn_of(arn: &Template, id: &str, subject: &Subject<'_>, origin: &Origin) -> Option<String> {
    let part = |path: &str| match path {
        "id" => Some(Cow::Borrowed(id)),
        "account" => Some(Cow::Borrowed(origin.account.as_str())),
        "region" => Some(Cow::Borrowed(origin.region.as_str())),
        "partition" => Some(Cow::Borrowed(origin.partition.as_str())),
        path => texts(&subject.select(path)).into_iter().next(),
    };
    let known = arn.paths().all(|path| part(path).is_some_and(|part| part != "unknown"));
    known.then(|| arn.fill(|path, _| part(path)))
}

fn members(values: &[&Value<'_>]) -> Vec<Resource> {
    values.iter().filter_map(|value| value.as_array()).flatten().filter_map(member).collect()
}

fn member(value: &Value<'_>) -> Option<Resource> {
    let text = |key| value.as_object()?.get(key)?.as_str().map(kept);
    Some(Resource { id: text("id")?, kind: text("type")?, arn: text("arn") })
}
