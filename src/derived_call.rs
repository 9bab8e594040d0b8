//! Calls that lead to a state, as the CloudTrail records that they would leave.
//!
//! In: a request and a response in the form of CloudTrail, derived from a Terraform plan or a configuration item. Out: a
//! record. With it, the rules for calls also evaluate states. Nobody made these calls.

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

/// A call that leads to a state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DerivedCall {
    /// The service, such as `ec2`.
    pub(crate) service: &'static str,
    /// The operation.
    pub(crate) name: &'static str,
    /// The request parameters, as CloudTrail writes them.
    pub(crate) request: Value,
    /// The response elements.
    pub(crate) response: Value,
}

/// The parts of a record that do not depend on the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordContext<'c> {
    /// The name in place of a caller.
    pub(crate) caller: &'c str,
    /// The time of the state.
    pub(crate) time: Timestamp,
    /// The account, if it is known.
    pub(crate) account: Option<&'c str>,
    /// The Region, if it is known.
    pub(crate) region: Option<&'c str>,
    /// The id of the event.
    pub(crate) event_id: &'c str,
}

impl DerivedCall {
    /// A call of a service (`ec2`), with its parameters as CloudTrail writes them.
    pub(crate) fn new(service: &'static str, name: &'static str, request: Value) -> Self {
        Self { service, name, request, response: Value::Null }
    }

    /// A call of EC2.
    pub(crate) fn ec2(name: &'static str, request: Value) -> Self {
        Self::new("ec2", name, request)
    }

    /// The call with a response.
    pub(crate) fn with_response(self, response: Value) -> Self {
        Self { response, ..self }
    }

    /// The CloudTrail record of the call.
    pub(crate) fn record(&self, context: RecordContext<'_>) -> Value {
        let RecordContext { caller, time, account, region, event_id } = context;
        json!({
            "eventVersion": "1.11",
            "userIdentity": {"type": "Unknown", "userName": caller},
            "eventTime": time.round(Unit::Second).unwrap_or(time).to_string(),
            "eventSource": format!("{}.amazonaws.com", self.service),
            "eventName": self.name,
            "awsRegion": region.unwrap_or("unknown"),
            "requestParameters": self.request,
            "responseElements": self.response,
            "eventID": event_id,
            "readOnly": false,
            "managementEvent": true,
            "recipientAccountId": account.unwrap_or("unknown"),
        })
    }
}

/// The call that adds ingress rules to a security group, if there are rules.
pub(crate) fn authorize_ingress(group: &str, permissions: Vec<Value>) -> Option<DerivedCall> {
    let request = || json!({"groupId": group, "ipPermissions": {"items": permissions}});
    (!permissions.is_empty()).then(|| DerivedCall::ec2("AuthorizeSecurityGroupIngress", request()))
}

/// A permission of a security group. `ports` are the first and the last; those that are not numbers are omitted.
pub(crate) fn permission(
    protocol: Option<&Value>,
    ports: [Option<&Value>; 2],
    [v4, v6, lists]: [&[String]; 3],
) -> Value {
    let items = |key: &str, values: &[String]| values.iter().map(|value| json!({key: value})).collect::<Vec<_>>();
    let [from, to] = ports.map(|port| port.filter(|port| port.is_number()));
    without_null(json!({
        "ipProtocol": protocol,
        "fromPort": from,
        "toPort": to,
        "groups": {},
        "ipRanges": {"items": items("cidrIp", v4)},
        "ipv6Ranges": {"items": items("cidrIpv6", v6)},
        "prefixListIds": {"items": items("prefixListId", lists)},
    }))
}

/// The request that adds a route: destinations (IPv4, IPv6, prefix list) and targets (gateway, carrier gateway).
pub(crate) fn route_request(
    table: &str,
    [v4, v6, list]: [Option<&str>; 3],
    [gateway, carrier]: [Option<String>; 2],
) -> Value {
    without_null(json!({
        "routeTableId": table,
        "destinationCidrBlock": v4,
        "destinationIpv6CidrBlock": v6,
        "destinationPrefixListId": list,
        "gatewayId": gateway,
        "carrierGatewayId": carrier,
    }))
}

/// The object without members that are null.
pub(crate) fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        value => value,
    }
}
