//! Load balancers that face the internet.

use std::borrow::Cow;

use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, object, texts, wire};

/// The scheme of a new load balancer.
pub(in crate::facts) const LOAD_BALANCER: Fact = Fact {
    name: "exposure.load_balancer",
    calls: Calls::These(&[(calls::ELB, "CreateLoadBalancer")]),
    doc: "The scheme of the load balancer of CreateLoadBalancer. `scheme` is internet-facing or internal, from the response \
          or else the request. If the request omits it, the default is internet-facing. Gateway load balancers have no \
          scheme. `stated` is whether the response or the request contains the scheme, `generation` is classic or v2, \
          `classic_name` is the name of a classic load balancer, `arn` the ARN of a v2 load balancer, and `undo` the \
          command that deletes it, as arguments of `aws`.",
    derivation: Derivation::FromRecord(load_balancer),
};

const INTERNET_FACING: &str = "internet-facing";

fn load_balancer<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let request = wire::request(event);
    let response = wire::response(event);
    let created = response.as_ref().and_then(|response| response.list("loadBalancers").into_iter().next());
    let text = |parent: &Option<Parameters<'e>>, key| parent.as_ref().and_then(|parent| parent.text_of(key));
    let host = text(&response, "dNSName").or_else(|| text(&created, "dNSName"));
    let classic = text(&request, "loadBalancerName").or_else(|| text(&response, "loadBalancerName"));
    // The DNS name of an internal classic load balancer begins with `internal-` and its name.
    let internal = format!("internal-{}", classic.as_deref().unwrap_or_default());
    let by_host = || host.as_deref().and_then(|host| host.starts_with(&internal).then_some("internal".into()));
    let stated = text(&created, "scheme").or_else(|| text(&request, "scheme")).or_else(by_host);
    let is_gateway = [&created, &request].into_iter().any(|parent| text(parent, "type").as_deref() == Some("gateway"));
    let is_known = request.is_some() || host.is_some();
    let scheme = match &stated {
        Some(scheme) => scheme.clone(),
        None if is_gateway || !is_known => return None,
        None => INTERNET_FACING.into(),
    };
    let arn = text(&created, "loadBalancerArn");
    let is_classic = arn.is_none() && (classic.is_some() || text(&response, "dNSName").is_some());
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
