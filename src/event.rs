//! One CloudTrail record, as a view that borrows from its text.
//!
//! In: the text of one JSON object. Out: named common fields and look-up by path. Nothing is required beyond a sign
//! that this is a CloudTrail record, because real records miss, null, mask and re-spell everything else.

mod escaped;
pub mod identity;
mod member;
pub mod path;

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub use identity::Identity;
use member::{Member, Members};

/// A JSON value that borrows from the record.
pub type Value<'a> = serde_json_borrow::Value<'a>;
/// A JSON object that borrows from the record; members in the record's order.
pub type Object<'a> = serde_json_borrow::ObjectAsVec<'a>;

/// Members of which a CloudTrail record has at least one, in whatever case, because some pipelines lower-case keys.
const OF_RECORDS: [Member; 4] = [Member::Name, Member::Source, Member::Id, Member::Version];

/// Why a text is not a CloudTrail record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The text is not JSON, or nests deeper than 127 levels (the limit of `serde_json`).
    #[error("{}", json_fault(.0))]
    Json(#[from] serde_json::Error),
    /// The text is JSON, but not an object.
    #[error("a record must be a JSON object, this is {0}")]
    NotAnObject(&'static str),
    /// The object has none of the keys that every CloudTrail record has.
    #[error("not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there")]
    NotCloudTrail,
}

/// One CloudTrail record.
#[derive(Debug)]
pub struct Event<'a> {
    root: Object<'a>,
    members: Members,
    attached: Option<Attachment>,
}

/// Knowledge from outside of a record, in a type that only those know who attach and read it.
pub type Attachment = Arc<dyn Any + Send + Sync>;

impl<'a> Event<'a> {
    /// Reads one record.
    ///
    /// # Errors
    /// [`RecordError`], when `text` is not a JSON object that looks like a CloudTrail record.
    pub fn parse(text: &'a str) -> Result<Self, RecordError> {
        Self::of(serde_json::from_str(text)?)
    }

    /// Reads one record that is the content of a JSON string, which has to be known to be one: quotes and control characters
    /// in it are escaped. `None` when the record is not plainly one: then it is to be unescaped and parsed.
    pub fn parse_escaped(content: &'a str) -> Option<Self> {
        Self::of(escaped::value(content)?).ok()
    }

    fn of(value: Value<'a>) -> Result<Self, RecordError> {
        let Value::Object(root) = value else {
            return Err(RecordError::NotAnObject(kind(&value)));
        };
        let members = Members::of(&root);
        let is_record = OF_RECORDS.into_iter().any(|member| members.place(member).is_some());
        if is_record { Ok(Self { root, members, attached: None }) } else { Err(RecordError::NotCloudTrail) }
    }

    /// Attaches knowledge from outside of the record, instead of what was attached.
    pub fn attach(&mut self, attachment: Attachment) {
        self.attached = Some(attachment);
    }

    /// The attached knowledge, if there is some of this type.
    pub fn attached<T: 'static>(&self) -> Option<&T> {
        self.attached.as_deref()?.downcast_ref()
    }

    /// The attached knowledge, of whatever type.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.attached.as_ref()
    }

    /// The top-level member `key`: exactly, else without regard to case.
    pub fn top(&self, key: &str) -> Option<&Value<'a>> {
        match Member::of(key) {
            Some(member) => self.member(member),
            None => self
                .root
                .get(key)
                .or_else(|| self.root.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)),
        }
    }

    #[inline]
    fn member(&self, member: Member) -> Option<&Value<'a>> {
        self.root.get_key_value_at(self.members.place(member)?).map(|(_, value)| value)
    }

    /// All values at a dotted path such as `requestParameters.ipPermissions.items.ipProtocol`. Arrays on the way are
    /// followed into every element; `items[0]` picks one.
    pub fn select(&self, path: &str) -> Vec<&Value<'a>> {
        let (first, rest) = path::split(path);
        let Some(value) = self.top(&first.key) else {
            return Vec::new();
        };
        path::select(value, &first, rest)
    }

    /// The first scalar at `path`, as text: strings as they are, numbers and booleans as JSON writes them.
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.select(path).into_iter().find_map(scalar_text)
    }

    /// A member that is a string, when it is there and not empty.
    fn string(&self, member: Member) -> Option<&str> {
        self.member(member).and_then(says)
    }

    /// `eventName`: the API operation, such as `AuthorizeSecurityGroupIngress`.
    pub fn name(&self) -> Option<&str> {
        self.string(Member::Name)
    }

    /// `eventSource`: the service's DNS name, such as `ec2.amazonaws.com`.
    pub fn source(&self) -> Option<&str> {
        self.string(Member::Source)
    }

    /// `eventID`: the UUID CloudTrail gave the record.
    pub fn id(&self) -> Option<&str> {
        self.string(Member::Id)
    }

    /// `requestID`: the service's id of the call.
    pub fn request_id(&self) -> Option<&str> {
        self.string(Member::RequestId)
    }

    /// `awsRegion`. Some services are recorded in `us-east-1` wherever they are called from.
    pub fn region(&self) -> Option<&str> {
        self.string(Member::Region)
    }

    /// `recipientAccountId`: the account whose trail this is, else the account of the caller.
    pub fn account(&self) -> Option<&str> {
        self.string(Member::Account).or_else(|| self.of_caller("accountId"))
    }

    /// `errorCode`, when the call failed.
    pub fn error_code(&self) -> Option<&str> {
        self.string(Member::ErrorCode)
    }

    /// `sourceIPAddress`: an address, a service's DNS name, or `AWS Internal`.
    pub fn source_address(&self) -> Option<&str> {
        self.string(Member::Address)
    }

    /// `userAgent`, written by the caller.
    pub fn user_agent(&self) -> Option<&str> {
        self.string(Member::Agent)
    }

    /// `eventTime` as it stands in the record.
    pub fn time_text(&self) -> Option<&str> {
        self.string(Member::Time).or_else(|| self.top("@timestamp").and_then(says))
    }

    /// `eventTime`. Re-shaped records write it without a zone; CloudTrail's is always UTC.
    pub fn time(&self) -> Option<Timestamp> {
        timestamp(self.time_text()?)
    }

    /// `requestParameters`, when it is an object. It may be null, missing, or the string `"null"`.
    pub fn request(&self) -> Option<&Value<'a>> {
        self.member(Member::Request).filter(|value| value.is_object())
    }

    /// Whether CloudTrail left out all or part of `requestParameters`: it is no object, or says `"omitted": true`, as
    /// fields over their greatest size do (CloudTrail user guide, record contents).
    pub fn lacks_request(&self) -> bool {
        self.request().is_none_or(says_omitted)
    }

    /// The same for `responseElements`.
    pub fn lacks_response(&self) -> bool {
        self.response().is_none_or(says_omitted)
    }

    /// `responseElements`, when it is an object.
    pub fn response(&self) -> Option<&Value<'a>> {
        self.member(Member::Response).filter(|value| value.is_object())
    }

    /// `userIdentity`: who called, as far as the record tells.
    pub fn identity(&self) -> Identity<'_> {
        Identity::of(self.member(Member::Identity))
    }

    /// A string of the caller that is not empty, without a look at the rest of it.
    fn of_caller(&self, key: &str) -> Option<&str> {
        path::first_in(self.member(Member::Identity)?, key).and_then(says)
    }

    /// The partition (`aws`, `aws-cn`, `aws-us-gov`), from the caller's ARN, else from the region.
    pub fn partition(&self) -> &str {
        let arn = self.of_caller("arn");
        let from_arn = arn.and_then(|arn| arn.strip_prefix("arn:")?.split(':').next());
        from_arn.filter(|partition| partition.starts_with("aws")).unwrap_or_else(|| match self.region() {
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
            Some(region) if region.starts_with("cn-") => "aws-cn",
            _ => "aws",
        })
    }

    /// The record as an object, for walks over everything in it.
    pub fn root(&self) -> &Object<'a> {
        &self.root
    }
}

/// A time as records write it, with a zone or, meaning UTC, without.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// The text of a string that is not empty.
fn says<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// Whether a field says that it was left out, `"omitted": true`.
fn says_omitted(field: &Value<'_>) -> bool {
    let said = field.as_object().and_then(|members| members.get("omitted")).and_then(scalar_text);
    said.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// A scalar as text; `None` for null, arrays and objects.
pub fn scalar_text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    match value {
        Value::Str(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What is wrong with a JSON text, in words that do not quote it, with the column.
pub fn json_fault(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the JSON ends early; it is cut off".to_owned();
    }
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or_default();
    match error.line() {
        0 => what.to_owned(),
        line => fault_at(what, line, error.column()),
    }
}

/// The same, of what is wrong at a line, from 1, of the text, and a column.
pub fn fault_at(what: &str, line: usize, column: usize) -> String {
    match line {
        1 => format!("not JSON: {what} at column {column}"),
        line => format!("not JSON: {what} at line {line}, column {column}"),
    }
}

/// What kind of JSON value this is, for messages.
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
