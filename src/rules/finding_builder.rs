//! Builds the finding of a rule that matched: fills its templates and extracts actor, call, origin and resources.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use crate::event::{Event, Value, scalar_text};
use crate::facts;
use crate::finding::{Actor, Call, Finding, LogSource, Origin, Resource, RuleInfo, Status, UNNAMED, derived_id};
use crate::rules::load::attributes::{Attributes, ResourceSpec, WarningVariant};
use crate::rules::sigma::subject::Subject;
use crate::rules::text::evidence::MatchDetails;
use crate::rules::text::remediation::{PlaceholderValues, RemediationTemplate};
use crate::rules::text::template::Template;
use crate::text::{MAX_IN_SENTENCE, shell_word, shortened, visible_at_most};

/// Maximum number of values of a field in a message.
const MAX_VALUES: usize = 5;

/// Maximum number of characters of a string from the record. Names that AWS accepts are shorter. With this limit, no
/// finding is too long for SNS.
const MAX_TEXT_CHARACTERS: usize = 1024;

/// Maximum number of characters of values that are always short: accounts, Regions, names of services and operations.
const MAX_NAME_CHARACTERS: usize = 128;

/// Maximum number of resources of a finding.
const MAX_RESOURCES: usize = 10;

/// Builds the finding of a rule for an event. With `variant`, the finding is a warning.
pub(super) fn finding(
    rule: &Arc<RuleInfo>,
    attributes: &Attributes,
    variant: Option<&WarningVariant>,
    subject: &Subject<'_>,
    matched: MatchDetails,
) -> Finding {
    let event = subject.event;
    let (actor, origin, call) = (actor(event), origin(event), call(event));
    let resources = resources(attributes, subject, &matched, &origin, &call);
    let context = TemplateContext { subject, matched: &matched, actor: &actor, origin: &origin, resources: &resources };
    let fill = |path: &str, in_command: bool| context.text(path, in_command);
    let message = match variant.and_then(|variant| variant.message.as_ref()).or(attributes.message.as_ref()) {
        Some(message) => message.fill(fill),
        None => Template::default_message(&rule.title).fill(fill),
    };
    let of_call = attributes.remediation_by_call.get(&call.operation).or(attributes.remediation.as_ref());
    let remediation = variant.and_then(|variant| variant.remediation.as_ref()).or(of_call);
    let remediation = match remediation {
        Some(remediation) => remediation.fill(&context, &origin.account),
        None => RemediationTemplate::standard().fill(&context, &origin.account),
    };
    Finding {
        message,
        remediation,
        action: None,
        rule: Arc::clone(rule),
        status: if variant.is_some() { Status::Warning } else { attributes.status },
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
        record: None,
    }
}

/// Builds the finding for a record that exceeds the work budget of a rule.
pub(super) fn too_complex(rule: &Arc<RuleInfo>, attributes: &Attributes, subject: &Subject<'_>) -> Finding {
    let variant = WarningVariant {
        when: String::new(),
        message: Some(Template::too_complex(&rule.name)),
        remediation: Some(RemediationTemplate::too_complex(&rule.name)),
    };
    finding(rule, attributes, Some(&variant), subject, MatchDetails::default())
}

/// The record and the parts of the finding to which placeholders can refer.
struct TemplateContext<'s, 'e> {
    subject: &'s Subject<'e>,
    matched: &'s MatchDetails,
    actor: &'s Actor,
    origin: &'s Origin,
    resources: &'s [Resource],
}

impl TemplateContext<'_, '_> {
    fn context_value(&self, path: &str) -> Option<&str> {
        match path {
            "actor" => Some(self.actor.name.as_str()),
            // A command must not take the call for the name of a resource.
            "resource" => self.resources.first().filter(|one| one.kind != UNNAMED).map(|one| one.id.as_str()),
            "account" => Some(self.origin.account.as_str()),
            "region" => Some(self.origin.region.as_str()),
            "partition" => Some(self.origin.partition.as_str()),
            _ => None,
        }
    }
}

impl PlaceholderValues for TemplateContext<'_, '_> {
    fn values(&self, path: &str) -> Vec<Cow<'_, str>> {
        match self.context_value(path) {
            Some(value) => vec![Cow::Borrowed(value)],
            None if path == "resource" => Vec::new(),
            None => values(path, self.subject, self.matched),
        }
    }

    fn is_fact(&self, path: &str) -> bool {
        facts::find(path).is_some()
    }

    fn text(&self, path: &str, in_command: bool) -> Option<Cow<'_, str>> {
        if let Some(value) = self.context_value(path) {
            return Some(escaped(value, in_command));
        }
        if path == "resource" {
            return (!in_command).then_some(Cow::Borrowed("(not named in the record)"));
        }
        let mut values = values(path, self.subject, self.matched);
        if values.len() == 1 {
            return values.pop().map(|value| match value {
                Cow::Borrowed(value) => escaped(value, in_command),
                Cow::Owned(value) => Cow::Owned(escaped(&value, in_command).into_owned()),
            });
        }
        match (values.as_slice(), values.len().saturating_sub(MAX_VALUES), in_command) {
            ([], ..) => None,
            (values, _, true) => Some(values.iter().map(|text| shell_word(text)).collect::<Vec<_>>().join(" ").into()),
            (values, 0, false) => Some(listed(values).into()),
            (values, more, false) => Some(format!("{} and {more} more", listed(values)).into()),
        }
    }
}

/// Escapes a value for a sentence or a command.
fn escaped(value: &str, in_command: bool) -> Cow<'_, str> {
    if in_command { shell_word(value) } else { visible_at_most(value, MAX_IN_SENTENCE) }
}

/// Joins values for a sentence.
fn listed(values: &[Cow<'_, str>]) -> String {
    let shown = values.iter().take(MAX_VALUES).map(|text| visible_at_most(text, MAX_IN_SENTENCE));
    shown.collect::<Vec<_>>().join(", ")
}

/// Returns the values at `path` as text. In an array that the rule tests, only elements that matched are used.
fn values<'s>(path: &str, subject: &'s Subject<'_>, matched: &MatchDetails) -> Vec<Cow<'s, str>> {
    let found = match matched_array(path, matched) {
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

/// Splits a path into an array that the rule tests, the indices of its elements that matched, and the rest of the path.
fn matched_array<'p, 'm>(path: &'p str, matched: &'m MatchDetails) -> Option<(&'p str, &'m [usize], &'p str)> {
    matched.matched_elements().iter().find_map(|(array, elements)| {
        let rest = path.strip_prefix(array.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
        Some((path.strip_suffix(rest)?, elements.as_slice(), rest))
    })
}

fn collect_text<'v>(value: &'v Value<'_>, texts: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| collect_text(element, texts)),
        Value::Object(_) => texts.push(Cow::Owned(truncated(&value.to_string()))),
        scalar => texts.extend(scalar_text(scalar).map(|text| match text {
            Cow::Borrowed(text) => shortened(text, MAX_TEXT_CHARACTERS),
            Cow::Owned(text) => Cow::Owned(truncated(&text)),
        })),
    }
}

/// Returns text without its middle part if it is too long.
fn truncated(text: &str) -> String {
    shortened(text, MAX_TEXT_CHARACTERS).into_owned()
}

/// Returns a short name, or `unknown`.
fn name(text: Option<&str>) -> String {
    shortened(text.unwrap_or("unknown"), MAX_NAME_CHARACTERS).into_owned()
}

fn actor(event: &Event<'_>) -> Actor {
    let identity = event.identity();
    let owned = |text: Option<&str>| text.map(truncated);
    Actor {
        name: truncated(&identity.short_name()),
        kind: owned(identity.kind),
        arn: owned(identity.arn),
        principal_id: owned(identity.principal_id),
        account: owned(identity.account_id),
        access_key_id: owned(identity.access_key_id),
        session_issuer: owned(identity.session_issuer),
        mfa: identity.mfa,
        invoked_by: owned(identity.invoked_by),
        on_behalf_of: owned(identity.on_behalf_of),
        delegate_account: owned(identity.delegate_account),
        in_scope_of: owned(identity.in_scope_of),
    }
}

fn call(event: &Event<'_>) -> Call {
    let owned = |text: Option<&str>| text.map(truncated);
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
        log: LogSource::CloudTrail,
        related_events: Vec::new(),
        event_id: match event.id() {
            Some(id) => truncated(id),
            None => derived_id(&["record", &Value::Object(event.root().clone()).to_string()]),
        },
        time: event.time(),
        time_text: event.time_text().map(truncated),
        account: name(event.account()),
        account_name: None,
        region: name(event.region()),
        partition: name(Some(event.partition())),
    }
}

/// Returns the resources at the first location of the rule that the record contains. Otherwise the call itself is the
/// resource.
fn resources(
    attributes: &Attributes,
    subject: &Subject<'_>,
    matched: &MatchDetails,
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
        // In a list that the rule tests, only elements that matched are used.
        ResourceSpec::Fact(fact) => match matched_array(fact, matched) {
            Some((array, indices, rest)) => {
                let found = indices.iter().flat_map(|index| subject.select(&format!("{array}[{index}]{rest}")));
                found.filter_map(resource).collect()
            }
            None => resources_in(&subject.select(fact)),
        },
    });
    let mut resources: Vec<Resource> = found.into_iter().find(|found: &Vec<_>| !found.is_empty()).unwrap_or_default();
    resources.truncate(MAX_RESOURCES);
    if resources.is_empty() {
        let service = call.service.split('.').next().unwrap_or_default();
        let id = format!("{service}:{}", call.operation);
        resources.push(Resource { id, kind: UNNAMED.to_owned(), arn: None });
    }
    resources
}

/// Returns the strings in `values` and in nested values, without repeats.
pub(super) fn texts<'v>(values: &[&'v Value<'_>]) -> Vec<Cow<'v, str>> {
    let mut texts = Vec::new();
    values.iter().for_each(|value| collect_text(value, &mut texts));
    texts.retain(|text| !text.is_empty());
    without_repeats(texts)
}

/// Fills the template of an ARN; `None` if a part is not known. An incomplete ARN could be mistaken for a complete one.
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

/// Returns the resources in lists of objects.
fn resources_in(values: &[&Value<'_>]) -> Vec<Resource> {
    values.iter().filter_map(|value| value.as_array()).flatten().filter_map(resource).collect()
}

/// Returns the resource in an object with `id`, `type` and `arn`.
fn resource(value: &Value<'_>) -> Option<Resource> {
    let text = |key| value.as_object()?.get(key)?.as_str().map(truncated);
    Some(Resource { id: text("id")?, kind: text("type")?, arn: text("arn") })
}
