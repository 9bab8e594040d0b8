//! One CloudTrail record, as a view that borrows from its text.
//!
//! Input: the text of one JSON object. Output: common fields by name, and any field by path. A record needs only one member
//! that identifies it as CloudTrail's, because real records omit, null, mask and re-spell everything else.

pub mod identity;
mod member;
pub mod path;
mod repair;
pub mod schema;

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub use identity::Identity;
use member::{Member, MemberIndex};
pub use repair::repaired;

/// A JSON value that borrows from the record.
pub type Value<'a> = serde_json_borrow::Value<'a>;
/// A JSON object that borrows from the record; members in the record's order.
pub type Object<'a> = serde_json_borrow::ObjectAsVec<'a>;

/// A CloudTrail record has at least one of these members, in any case, because some pipelines lower-case keys.
const IDENTIFYING: [Member; 4] = [Member::Name, Member::Source, Member::Id, Member::Version];

/// Why a text is not a CloudTrail record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The text is not JSON, or nests deeper than 127 levels (the limit of `serde_json`).
    #[error("{}", describe_json_error(.0))]
    Json(#[from] serde_json::Error),
    /// The text is JSON, but not an object.
    #[error("a record must be a JSON object, this is {0}")]
    NotAnObject(&'static str),
    /// The object has none of the keys that every CloudTrail record has.
    #[error("not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there")]
    NotCloudTrail,
    /// One of the two members that name the call is missing, empty or not a string.
    #[error("not a CloudTrail record: it has no {0}")]
    Missing(&'static str),
    /// `eventSource` is not the host name of a service. Events of Lambda's own triggers have such a member too: `aws:s3`.
    #[error("not a CloudTrail record: its eventSource is `{0}`, not the host name of a service")]
    NotAService(String),
}

/// The member that live state adds to a record. A record that arrives with it is not CloudTrail's.
pub const LIVE_STATE: &str = "liveState";

/// Values of `eventCategory` in CloudTrail's summaries of many calls, which name no single call.
const SUMMARIES: [&str; 2] = ["Insight", "Aggregated"];

/// `eventType` of a CloudTrail Insights event.
const INSIGHT: &str = "AwsCloudTrailInsight";

/// One CloudTrail record.
#[derive(Debug)]
pub struct Event<'a> {
    root: Object<'a>,
    members: MemberIndex,
    attached: Option<Attachment>,
}

/// Data from outside the record, of a type that only its writer and its reader know.
pub type Attachment = Arc<dyn Any + Send + Sync>;

impl<'a> Event<'a> {
    /// Parses one record.
    ///
    /// # Errors
    /// [`RecordError`] if `text` is not a JSON object that has a member of a CloudTrail record.
    pub fn parse(text: &'a str) -> Result<Self, RecordError> {
        let value: Value<'a> = serde_json::from_str(text)?;
        let Value::Object(root) = value else {
            return Err(RecordError::NotAnObject(kind(&value)));
        };
        let members = MemberIndex::of(&root);
        let is_record = IDENTIFYING.into_iter().any(|member| members.index(member).is_some());
        if is_record { Ok(Self { root, members, attached: None }) } else { Err(RecordError::NotCloudTrail) }
    }

    /// Attaches data from outside the record. Replaces an earlier attachment.
    pub fn attach(&mut self, attachment: Attachment) {
        self.attached = Some(attachment);
    }

    /// The attached data, if it has this type.
    pub fn attached<T: 'static>(&self) -> Option<&T> {
        self.attached.as_deref()?.downcast_ref()
    }

    /// The attached data, of any type.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.attached.as_ref()
    }

    /// Checks that the record names a call of a service, as CloudTrail's records do, or is an Insights event.
    ///
    /// # Errors
    /// [`RecordError`] if it does not.
    pub fn require_call(&self) -> Result<(), RecordError> {
        match (self.source(), self.name()) {
            (Some(source), Some(_)) if is_service(source) => Ok(()),
            _ if self.is_summary() => Ok(()),
            (None, _) => Err(RecordError::Missing("eventSource")),
            (Some(source), _) if !is_service(source) => {
                Err(RecordError::NotAService(source.chars().take(MAX_SHOWN).collect()))
            }
            (Some(_), _) => Err(RecordError::Missing("eventName")),
        }
    }

    /// Whether it is a summary of many calls, such as an Insights event.
    fn is_summary(&self) -> bool {
        let category = self.top("eventCategory").and_then(non_empty);
        category.is_some_and(|category| SUMMARIES.contains(&category))
            || self.top("eventType").and_then(non_empty) == Some(INSIGHT)
    }

    /// Whether the record has a top-level member `key`, in any case.
    pub fn has(&self, key: &str) -> bool {
        self.root.keys().any(|name| name.eq_ignore_ascii_case(key))
    }

    /// The record as canonical JSON: top-level members sorted by name, no white space.
    pub fn canonical(&self) -> String {
        let members: BTreeMap<&str, serde_json::Value> =
            self.root.iter().map(|(key, value)| (key, value.clone().into())).collect();
        serde_json::to_string(&members).unwrap_or_default()
    }

    /// The top-level member `key`. Case is significant, except for the members that CloudTrail documents: some pipelines
    /// lower-case keys.
    pub fn top(&self, key: &str) -> Option<&Value<'a>> {
        if let Some(member) = Member::of(key) {
            return self.member(member);
        }
        let in_any_case = || self.root.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        self.root.get(key).or_else(|| in_any_case().filter(|_| schema::is_member(key)))
    }

    #[inline]
    fn member(&self, member: Member) -> Option<&Value<'a>> {
        self.root.get_key_value_at(self.members.index(member)?).map(|(_, value)| value)
    }

    /// All values at a dotted path such as `requestParameters.ipPermissions.items.ipProtocol`. A path continues into every
    /// element of an array, unless a position such as `items[0]` selects one.
    pub fn select(&self, path: &str) -> Vec<&Value<'a>> {
        let (first, rest) = path::split(path);
        let Some(value) = self.top(&first.key) else {
            return Vec::new();
        };
        path::select(value, &first, rest)
    }

    /// The first scalar at `path` as text. Numbers and booleans are formatted as in JSON.
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.select(path).into_iter().find_map(scalar_text)
    }

    /// A member, if it is a non-empty string.
    fn string(&self, member: Member) -> Option<&str> {
        self.member(member).and_then(non_empty)
    }

    /// `eventName`: the API operation, such as `AuthorizeSecurityGroupIngress`.
    pub fn name(&self) -> Option<&str> {
        self.string(Member::Name)
    }

    /// `eventSource`: the service's DNS name, such as `ec2.amazonaws.com`.
    pub fn source(&self) -> Option<&str> {
        self.string(Member::Source)
    }

    /// `eventID`: the UUID of the record.
    pub fn id(&self) -> Option<&str> {
        self.string(Member::Id)
    }

    /// `requestID`: the service's id of the call.
    pub fn request_id(&self) -> Option<&str> {
        self.string(Member::RequestId)
    }

    /// `awsRegion`. CloudTrail records calls of global services in `us-east-1`.
    pub fn region(&self) -> Option<&str> {
        self.string(Member::Region)
    }

    /// `recipientAccountId`: the account that received the record, else the caller's account.
    pub fn account(&self) -> Option<&str> {
        self.string(Member::Account).or_else(|| self.caller_string("accountId"))
    }

    /// `errorCode`, if the call failed.
    pub fn error_code(&self) -> Option<&str> {
        self.string(Member::ErrorCode)
    }

    /// `sourceIPAddress`: an address, a service's DNS name, or `AWS Internal`.
    pub fn source_address(&self) -> Option<&str> {
        self.string(Member::Address)
    }

    /// `userAgent`, which the caller chooses.
    pub fn user_agent(&self) -> Option<&str> {
        self.string(Member::Agent)
    }

    /// `eventTime` as written in the record.
    pub fn time_text(&self) -> Option<&str> {
        self.string(Member::Time).or_else(|| self.top("@timestamp").and_then(non_empty))
    }

    /// `eventTime`. Without a time zone, as in records that a pipeline has rewritten, it is UTC.
    pub fn time(&self) -> Option<Timestamp> {
        timestamp(self.time_text()?)
    }

    /// `requestParameters`, if it is an object. It may be null, missing, or the string `"null"`.
    pub fn request(&self) -> Option<&Value<'a>> {
        self.member(Member::Request).filter(|value| value.is_object())
    }

    /// Whether CloudTrail omitted all or part of `requestParameters`: it is not an object, or it contains `"omitted": true`,
    /// which replaces fields over their maximum size (CloudTrail user guide, record contents).
    pub fn lacks_request(&self) -> bool {
        self.request().is_none_or(is_omitted)
    }

    /// Whether CloudTrail omitted all or part of `responseElements`, as in [`Event::lacks_request`].
    pub fn lacks_response(&self) -> bool {
        self.response().is_none_or(is_omitted)
    }

    /// `responseElements`, if it is an object.
    pub fn response(&self) -> Option<&Value<'a>> {
        self.member(Member::Response).filter(|value| value.is_object())
    }

    /// `userIdentity`: the caller.
    pub fn identity(&self) -> Identity<'_> {
        Identity::of(self.member(Member::Identity))
    }

    /// A non-empty string in `userIdentity`. Cheaper than [`Event::identity`].
    fn caller_string(&self, key: &str) -> Option<&str> {
        path::first_in(self.member(Member::Identity)?, key).and_then(non_empty)
    }

    /// The partition (`aws`, `aws-cn`, `aws-us-gov`), from the caller's ARN, else from the region.
    pub fn partition(&self) -> &str {
        let arn = self.caller_string("arn");
        let from_arn = arn.and_then(|arn| arn.strip_prefix("arn:")?.split(':').next());
        from_arn.filter(|partition| partition.starts_with("aws")).unwrap_or_else(|| match self.region() {
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
            Some(region) if region.starts_with("cn-") => "aws-cn",
            _ => "aws",
        })
    }

    /// The record as an object.
    pub fn root(&self) -> &Object<'a> {
        &self.root
    }
}

/// Maximum length in characters of a rejected `eventSource` in an error message.
const MAX_SHOWN: usize = 64;

/// Whether an `eventSource` is the host name of a service, such as `ec2.amazonaws.com`: at least two labels of letters,
/// digits, hyphens and underscores, the last of which begins with a letter. `aws.ec2` is EventBridge's name for a service.
pub fn is_service(source: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let Some((labels, last)) = source.rsplit_once('.') else { return false };
    let is_event_bridge = labels.eq_ignore_ascii_case("aws");
    !is_event_bridge
        && labels.split('.').all(is_label)
        && is_label(last)
        && last.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Returns the record without the member `key`, in any case. Returns `None` if `text` is not a JSON object.
pub fn without(text: &str, key: &str) -> Option<String> {
    let mut members: BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_str(text).ok()?;
    members.retain(|name, _| !name.eq_ignore_ascii_case(key));
    serde_json::to_string(&members).ok()
}

/// Parses a time in a record. Without a time zone, it is UTC.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// The text of a non-empty string.
fn non_empty<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// Whether CloudTrail omitted the content of a field: `"omitted": true`.
fn is_omitted(field: &Value<'_>) -> bool {
    let flag = field.as_object().and_then(|members| members.get("omitted")).and_then(scalar_text);
    flag.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// A scalar as text. Returns `None` for null, arrays and objects.
pub fn scalar_text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    match value {
        Value::Str(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Describes a JSON error without quoting the text. Lines and columns are counted in the record, not in the file.
fn describe_json_error(error: &serde_json::Error) -> String {
    match (json_error(error), error.line()) {
        _ if error.is_eof() => CUT_OFF.to_owned(),
        (message, 0) => message,
        (message, 1) => format!("not JSON: {message} at column {} of the record", error.column()),
        (message, line) => format!("not JSON: {message} at line {line}, column {} of the record", error.column()),
    }
}

/// Error message for JSON that ends early.
pub const CUT_OFF: &str = "the JSON ends early; it is cut off";

/// Describes a JSON error without its position.
pub fn json_error(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    if error.column() == 0 && message.starts_with("control character") {
        return "a string that does not end on its line, which may be cut off,".to_owned();
    }
    message.to_owned()
}

/// The type of a JSON value, for messages.
pub fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::Str(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
