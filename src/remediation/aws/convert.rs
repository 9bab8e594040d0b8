//! The JSON of calls as types of the SDK, and types of the SDK as JSON.
//!
//! The names of the API follow from those of the SDK: `set_route_table_id` sets the parameter `RouteTableId`, and the field
//! `route_table_id` becomes the member `RouteTableId`. Some parts of AWS Config begin names with a lower-case letter. Only
//! types and members that actions use are converted. A parameter that is not converted is an error, so that no call is sent
//! without one of its parameters.

use aws_sdk_ec2::primitives::{DateTime, DateTimeFormat};
use serde_json::{Map, Value};

/// The API's name of a setter or field of the SDK.
pub(super) fn api_name(sdk: &str) -> String {
    let words = sdk.trim_start_matches("r#").trim_start_matches("set_").split('_');
    let mut name = String::with_capacity(sdk.len());
    for word in words {
        let mut characters = word.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(characters.as_str());
    }
    name
}

/// The same name with a lower-case first letter.
pub(super) fn camel_case_name(sdk: &str) -> String {
    let name = api_name(sdk);
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}

/// A type of the SDK that is made from JSON.
pub(super) trait FromJson: Sized {
    /// The value.
    ///
    /// # Errors
    /// A sentence that quotes no value.
    fn from_json(value: &Value) -> Result<Self, String>;
}

/// A type of the SDK that is written as JSON. Absent values are null.
pub(super) trait ToJson {
    fn to_json(&self) -> Value;
}

/// The members of a JSON object that have not been taken yet.
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub(super) fn of(value: &Value) -> Result<Self, String> {
        value.as_object().cloned().map(Self).ok_or_else(|| "it is not an object".to_owned())
    }

    /// Takes the member with the API's name of a setter.
    pub(super) fn take<T: FromJson>(&mut self, setter: &str) -> Result<Option<T>, String> {
        let name = api_name(setter);
        let value = self.0.remove(&name).or_else(|| self.0.remove(&camel_case_name(setter)));
        let value = value.map(|value| T::from_json(&value)).transpose();
        value.map_err(|error| format!("`{name}`: {error}"))
    }

    /// Checks that every member was taken.
    pub(super) fn end(self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("`{name}` is not supported")),
        }
    }
}

/// Adds a member unless it is absent. The EC2 API does not distinguish an absent from an empty list.
pub(super) fn insert(members: &mut Map<String, Value>, name: String, value: Value) {
    let is_absent = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    if !is_absent {
        members.insert(name, value);
    }
}

impl FromJson for String {
    fn from_json(value: &Value) -> Result<Self, String> {
        value.as_str().map(str::to_owned).ok_or_else(|| "it is not a string".to_owned())
    }
}

impl FromJson for bool {
    fn from_json(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "it is not a boolean".to_owned())
    }
}

impl FromJson for i32 {
    fn from_json(value: &Value) -> Result<Self, String> {
        let number = value.as_i64().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| "it is not a 32-bit integer".to_owned())
    }
}

impl FromJson for i64 {
    fn from_json(value: &Value) -> Result<Self, String> {
        value.as_i64().ok_or_else(|| "it is not an integer".to_owned())
    }
}

impl FromJson for DateTime {
    fn from_json(value: &Value) -> Result<Self, String> {
        let time = value.as_str().and_then(|text| Self::from_str(text, DateTimeFormat::DateTime).ok());
        time.ok_or_else(|| "it is not a time".to_owned())
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value) -> Result<Self, String> {
        value.as_array().ok_or_else(|| "it is not a list".to_owned())?.iter().map(T::from_json).collect()
    }
}

impl ToJson for String {
    fn to_json(&self) -> Value {
        self.as_str().into()
    }
}

impl ToJson for bool {
    fn to_json(&self) -> Value {
        (*self).into()
    }
}

impl ToJson for i32 {
    fn to_json(&self) -> Value {
        (*self).into()
    }
}

impl ToJson for i64 {
    fn to_json(&self) -> Value {
        (*self).into()
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToJson::to_json)
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Value {
        self.iter().map(ToJson::to_json).collect()
    }
}

/// Makes structures of the SDK from JSON by these setters of their builders.
macro_rules! from_json {
    ($($type:ty: $($setter:ident),+;)+) => {$(
        impl FromJson for $type {
            fn from_json(value: &Value) -> Result<Self, String> {
                let mut members = Members::of(value)?;
                let built = <$type>::builder()$(.$setter(members.take(stringify!($setter))?))+.build();
                members.end()?;
                Ok(built)
            }
        }
    )+};
}

/// Writes these fields of structures of the SDK as JSON, with names by a function.
macro_rules! to_json {
    ($name:ident; $($type:ty: $($field:ident),+;)+) => {$(
        impl ToJson for $type {
            fn to_json(&self) -> Value {
                let mut members = Map::new();
                $(insert(&mut members, $name(stringify!($field)), self.$field.to_json());)+
                members.into()
            }
        }
    )+};
}

/// Converts enumerations of the SDK from and to their names.
macro_rules! enumerations {
    ($($type:ty),+ $(,)?) => {$(
        impl FromJson for $type {
            fn from_json(value: &Value) -> Result<Self, String> {
                String::from_json(value).map(|name| Self::from(name.as_str()))
            }
        }

        impl ToJson for $type {
            fn to_json(&self) -> Value {
                self.as_str().into()
            }
        }
    )+};
}

/// The operations of one service: `OPERATIONS` and the function `call`.
///
/// Each row has the API's name of the operation, the method of the client, and the setters of its parameters. Then follow the
/// fields of the response that become JSON, if any. After `pages`, the list in one field is read on all pages; after
/// `marked_pages` too, where the API calls its token a marker. After `camel_case_fields`, names begin with a lower-case
/// letter.
macro_rules! operations {
    ($client:ty; $($operation:literal => $method:ident($($setter:ident),*) $($shape:ident[$($field:ident),+])?;)+) => {
        /// The operations that can be called.
        pub(super) const OPERATIONS: &[&str] = &[$($operation),+];

        /// Makes a call with the credentials, Region and endpoint of a configuration.
        pub(super) fn call<'c>(config: &'c SdkConfig, call: &'c ApiCall) -> BoxFuture<'c, Result<Value, CloudError>> {
            Box::pin(async move {
            let client = <$client>::new(config);
            let malformed = |error: String| failure::malformed(call, &error);
            let mut parameters = Members::of(&call.parameters).map_err(malformed)?;
            match call.operation.as_str() {
                $($operation => {
                    let request = client.$method()
                        $(.$setter(parameters.take(stringify!($setter)).map_err(malformed)?))*;
                    parameters.end().map_err(malformed)?;
                    send!(call, request $(, $shape[$($field),+])?)
                })+
                _ => Err(failure::unsupported(call)),
            }
            })
        }
    };
}

/// Sends a request and converts its response. Futures are boxed, because that of `call` would have room for all of them.
macro_rules! send {
    ($call:ident, $request:ident) => {{
        Box::pin($request.send()).await.map_err(|error| failure::of($call, &error))?;
        Ok(Value::Object(Map::new()))
    }};
    ($call:ident, $request:ident, fields[$($field:ident),+]) => {
        send!($call, $request, api_name[$($field),+])
    };
    ($call:ident, $request:ident, camel_case_fields[$($field:ident),+]) => {
        send!($call, $request, camel_case_name[$($field),+])
    };
    ($call:ident, $request:ident, pages[$field:ident]) => {
        send!($call, $request, paged(set_next_token, next_token)[$field])
    };
    ($call:ident, $request:ident, marked_pages[$field:ident]) => {
        send!($call, $request, paged(set_marker, marker)[$field])
    };
    ($call:ident, $request:ident, paged($set_token:ident, $token:ident)[$field:ident]) => {{
        let mut joined = Vec::new();
        let mut token = None;
        loop {
            let request = $request.clone().$set_token(token);
            let output = Box::pin(request.send()).await.map_err(|error| failure::of($call, &error))?;
            if let Value::Array(elements) = output.$field.to_json() {
                joined.extend(elements);
            }
            token = output.$token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        let mut members = Map::new();
        insert(&mut members, api_name(stringify!($field)), joined.into());
        Ok(Value::Object(members))
    }};
    ($call:ident, $request:ident, $name:ident[$($field:ident),+]) => {{
        let output = Box::pin($request.send()).await.map_err(|error| failure::of($call, &error))?;
        let mut members = Map::new();
        $(insert(&mut members, $name(stringify!($field)), output.$field.to_json());)+
        Ok(Value::Object(members))
    }};
}

pub(super) use {enumerations, from_json, operations, send, to_json};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_api_follow_from_those_of_the_sdk() {
        for (sdk, api) in [
            ("set_route_table_id", "RouteTableId"),
            ("destination_ipv6_cidr_block", "DestinationIpv6CidrBlock"),
            ("cidr_ipv4", "CidrIpv4"),
            ("r#type", "Type"),
        ] {
            assert_eq!(api_name(sdk), api);
        }
        assert_eq!(camel_case_name("set_resource_type"), "resourceType");
    }

    #[test]
    fn a_parameter_that_is_not_converted_is_an_error() {
        let mut members = Members::of(&serde_json::json!({"GroupId": "sg-1", "DryRun": true})).unwrap();
        assert_eq!(members.take("set_group_id"), Ok(Some("sg-1".to_owned())));
        assert_eq!(members.end(), Err("`DryRun` is not supported".to_owned()));
        let mut members = Members::of(&serde_json::json!({"GroupId": 7})).unwrap();
        let taken: Result<Option<String>, String> = members.take("set_group_id");
        assert_eq!(taken, Err("`GroupId`: it is not a string".to_owned()));
    }
}
