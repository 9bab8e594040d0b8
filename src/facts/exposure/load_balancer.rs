//! Load balancers that face the internet.

use std::borrow::Cow;

use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, Parameters, calls, object, texts, wire};

/// Which way a new load balancer faces.
pub(in crate::facts) const LOAD_BALANCER: Fact = Fact {
    name: "exposure.load_balancer",
    calls: Calls::These(&[(calls::ELB, "CreateLoadBalancer")]),
    doc: "Which way the load balancer of CreateLoadBalancer faces. `scheme` is internet-facing or internal: what the \
          response says, else the request; a request that leaves it out asks for internet-facing, but for a gateway \
          load balancer, which has none. `stated` is whether either of them says so, `generation` classic or v2, \
          `classic_name` the name of a classic one, `arn` the ARN of one of v2, and `undo` the command that deletes it, as arguments of `aws`.",
    origin: Origin::Derived(load_balancer),
};

const INTERNET_FACING: &str = "internet-facing";

fn load_balancer<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let request = wire::request(event);
    let response = wire::response(event);
    let created = response.as_ref().and_then(|response| response.list("loadBalancers").into_iter().next());
    let of = |place: &Option<Parameters<'e>>, key| place.as_ref().and_then(|place| place.text_of(key));
    let host = of(&response, "dNSName").or_else(|| of(&created, "dNSName"));
    let classic = of(&request, "loadBalancerName").or_else(|| of(&response, "loadBalancerName"));
    // The name in DNS of an internal classic load balancer is its own after this word.
    let internal = format!("internal-{}", classic.as_deref().unwrap_or_default());
    let by_host = || host.as_deref().and_then(|host| host.starts_with(&internal).then_some("internal".into()));
    let stated = of(&created, "scheme").or_else(|| of(&request, "scheme")).or_else(by_host);
    let is_gateway = [&created, &request].into_iter().any(|place| of(place, "type").as_deref() == Some("gateway"));
    let is_told = request.is_some() || host.is_some();
    let scheme = match &stated {
        Some(scheme) => scheme.clone(),
        None if is_gateway || !is_told => return None,
        None => INTERNET_FACING.into(),
    };
    let arn = of(&created, "loadBalancerArn");
    let is_classic = arn.is_none() && (classic.is_some() || of(&response, "dNSName").is_some());
    let mut undo: Vec<Cow<'e, str>> =
        vec![if is_classic { "elb" } else { "elbv2" }.into(), "delete-load-balancer".into()];
    let mut members = vec![
        ("scheme", Value::Str(scheme)),
        ("stated", Value::from(stated.is_some())),
        ("generation", Value::from(if is_classic { "classic" } else { "v2" })),
    ];
    if let Some(name) = classic.filter(|_| is_classic) {
        undo.extend(["--load-balancer-name".into(), name.clone()]);
        members.push(("classic_name", Value::Str(name)));
    }
    if let Some(arn) = arn {
        undo.extend(["--load-balancer-arn".into(), arn.clone()]);
        members.push(("arn", Value::Str(arn)));
    }
    if undo.len() > 2 {
        members.push(("undo", texts(undo)));
    }
    Some(object(members))
}
