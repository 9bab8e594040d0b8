//! Restores the target of a route that a call replaced with an internet gateway.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::ec2::{act, by_id, list, one, response, text};
use super::{
    Action, ApiCall, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target,
    history,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "restore-route",
    summary: "Restores the target of the route that AWS Config recorded before the call.",
    precondition: "The route has the internet gateway of the record as its target, and AWS Config recorded another before.",
    rules: &["route-to-igw"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("route_table_id"),
    arguments: &[
        Argument { name: "route_table_id", kind: ArgumentKind::Id("rtb-") },
        Argument { name: "destination", kind: ArgumentKind::Destination },
        Argument { name: "gateway_id", kind: ArgumentKind::Id("igw-") },
        Argument { name: "changed_at", kind: ArgumentKind::Time },
    ],
    requested,
    next_read: |target, responses| match responses {
        [] => Some(by_id(target, "DescribeRouteTables", "RouteTableIds", "route_table_id")),
        [tables] if !tables.is_null() => {
            Some(history::read(target, "AWS::EC2::RouteTable", target.text("route_table_id")))
        }
        _ => None,
    },
    state: |target, responses| {
        let of = |(name, id): (&str, &str)| json!({name: id});
        route(target, responses).and_then(target_of).map(of).unwrap_or_default()
    },
    expected: |target| {
        let (name, destination) = destination(target);
        let route = json!({name: destination, "GatewayId": target.text("gateway_id")});
        vec![json!({"RouteTables": [{"RouteTableId": target.text("route_table_id"), "Routes": [route]}]}), Value::Null]
    },
    decide,
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeRouteTables", "ec2:DescribeTags", "config:GetResourceConfigHistory"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:ReplaceRoute"],
            resources: &["arn:{partition}:ec2:{region}:{account}:route-table/*"],
            conditions: &[],
        },
    ],
};

/// Members of a route that name its target. AWS Config begins them with a lower-case letter.
const TARGETS: [&str; 8] = [
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "NetworkInterfaceId",
];

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if !source.is("ReplaceRoute") {
        return None;
    }
    let mut arguments = super::delete_route::arguments(source)?;
    arguments.insert("changed_at".to_owned(), source.time()?.to_string().into());
    Some(arguments)
}

/// The parameter for the destination, and its value.
fn destination(target: &Target) -> (&'static str, &str) {
    let destination = target.text("destination");
    let name = match destination.parse::<IpNet>() {
        Ok(IpNet::V4(_)) => "DestinationCidrBlock",
        Ok(IpNet::V6(_)) => "DestinationIpv6CidrBlock",
        Err(_) => "DestinationPrefixListId",
    };
    (name, destination)
}

fn route<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v Value> {
    let table = one(response(responses), "RouteTables", "RouteTableId", target.text("route_table_id"))?;
    let (name, destination) = destination(target);
    list(table, "Routes").iter().find(|route| text(route, name) == destination)
}

/// The member that names the target of a route, and the target.
fn target_of(route: &Value) -> Option<(&'static str, &str)> {
    TARGETS.into_iter().find_map(|name| route.get(name)?.as_str().map(|id| (name, id)))
}

/// The target that AWS Config recorded.
fn former(target: &Target, responses: &[Value]) -> Option<(&'static str, String)> {
    let configuration = history::configuration(responses.get(1))?;
    let (name, destination) = destination(target);
    let mut routes = list(&configuration, "routes").iter().map(history::api_names);
    let route = routes.find(|route| text(route, name) == destination)?;
    target_of(&route).filter(|(_, id)| !id.is_empty() && *id != "local").map(|(name, id)| (name, id.to_owned()))
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (table, gateway) = (target.text("route_table_id"), target.text("gateway_id"));
    let Some(now) = route(target, responses).and_then(target_of) else {
        return NextStep::NothingToDo(format!("{table} has no such route."));
    };
    let former = former(target, responses);
    if now != ("GatewayId", gateway) {
        return match former.as_ref().is_some_and(|(name, id)| now == (*name, id.as_str())) {
            true => NextStep::NothingToDo(format!("The route of {table} has its former target.")),
            false => NextStep::Differs(format!("The route of {table} has another target than {gateway}.")),
        };
    }
    let replace = |name: &str, id: &str| -> ApiCall {
        let (parameter, destination) = destination(target);
        target.ec2("ReplaceRoute", json!({"RouteTableId": table, parameter: destination, name: id}))
    };
    match former.filter(|(name, id)| (*name, id.as_str()) != now) {
        Some((name, id)) => act(replace(name, &id), replace("GatewayId", gateway)),
        None => NextStep::Differs(format!("AWS Config has no former target of the route of {table}. Set it by hand.")),
    }
}
