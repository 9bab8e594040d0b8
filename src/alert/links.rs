//! Links from an alert: the CloudTrail event, the resource and its documentation.
//!
//! A link consists of a host and a path of the tables below. Of the record, only ids of a known form and names are in it,
//! percent-encoded.

use std::sync::LazyLock;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;

use crate::finding::{Finding, LogSource, Origin, Resource};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it leads to: one word.
    pub label: &'static str,
    /// The URL.
    pub url: String,
}

/// The host of the AWS Management Console in each partition.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
const CONSOLES: [(&str, &str); 3] = [
    ("aws", "console.aws.amazon.com"),
    ("aws-cn", "console.amazonaws.cn"),
    ("aws-us-gov", "console.amazonaws-us-gov.com"),
];

/// The page of an event.
const EVENT: &str = "cloudtrailv2/home?region={region}#/events/{id}";

/// The page of a resource, by CloudFormation type. `{id}` is its id.
const RESOURCES: [(&str, &str); 27] = [
    ("AWS::CloudTrail::Trail", "cloudtrailv2/home?region={region}#/trails"),
    ("AWS::EC2::EIP", "vpcconsole/home?region={region}#ElasticIpDetails:AllocationId={id}"),
    ("AWS::EC2::Image", "ec2/home?region={region}#ImageDetails:imageId={id}"),
    ("AWS::EC2::Instance", "ec2/home?region={region}#InstanceDetails:instanceId={id}"),
    ("AWS::EC2::InternetGateway", "vpcconsole/home?region={region}#InternetGateway:internetGatewayId={id}"),
    ("AWS::EC2::LaunchTemplate", "ec2/home?region={region}#LaunchTemplateDetails:launchTemplateId={id}"),
    ("AWS::EC2::NatGateway", "vpcconsole/home?region={region}#NatGatewayDetails:natGatewayId={id}"),
    ("AWS::EC2::NetworkAcl", "vpcconsole/home?region={region}#NetworkAclDetails:networkAclId={id}"),
    ("AWS::EC2::NetworkInterface", "ec2/home?region={region}#NetworkInterface:networkInterfaceId={id}"),
    ("AWS::EC2::PrefixList", "vpcconsole/home?region={region}#ManagedPrefixListDetails:prefixListId={id}"),
    ("AWS::EC2::RouteTable", "vpcconsole/home?region={region}#RouteTableDetails:RouteTableId={id}"),
    ("AWS::EC2::SecurityGroup", "ec2/home?region={region}#SecurityGroup:groupId={id}"),
    ("AWS::EC2::Snapshot", "ec2/home?region={region}#SnapshotDetails:snapshotId={id}"),
    ("AWS::EC2::Subnet", "vpcconsole/home?region={region}#SubnetDetails:subnetId={id}"),
    ("AWS::EC2::TransitGateway", "vpcconsole/home?region={region}#TransitGatewayDetails:transitGatewayId={id}"),
    ("AWS::EC2::Volume", "ec2/home?region={region}#VolumeDetails:volumeId={id}"),
    ("AWS::EC2::VPC", "vpcconsole/home?region={region}#VpcDetails:VpcId={id}"),
    ("AWS::EC2::VPCEndpoint", "vpcconsole/home?region={region}#EndpointDetails:vpcEndpointId={id}"),
    (
        "AWS::EC2::VPCPeeringConnection",
        "vpcconsole/home?region={region}#PeeringConnectionDetails:VpcPeeringConnectionId={id}",
    ),
    ("AWS::Events::Rule", "events/home?region={region}#/rules"),
    ("AWS::IAM::OIDCProvider", "iam/home#/identity_providers"),
    ("AWS::IAM::Role", "iam/home#/roles/details/{id}"),
    ("AWS::IAM::SAMLProvider", "iam/home#/identity_providers"),
    ("AWS::KMS::Key", "kms/home?region={region}#/kms/keys/{id}"),
    ("AWS::Lambda::Function", "lambda/home?region={region}#/functions/{id}"),
    ("AWS::S3::Bucket", "s3/buckets/{id}?region={region}"),
    ("AWS::SNS::Topic", "sns/v3/home?region={region}#/topics"),
];

/// Characters of an id that stay as they are.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Maximum characters of an id. IAM has the longest names, 64 characters, and S3 has 63.
const MAX_ID: usize = 64;

#[expect(clippy::expect_used, reason = "the expression is constant and covered by tests")]
static REGION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$").expect("valid"));

#[expect(clippy::expect_used, reason = "the expression is constant and covered by tests")]
static EC2_ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[a-z]+-[0-9a-f]{8,17}$").expect("valid"));

#[expect(clippy::expect_used, reason = "the expression is constant and covered by tests")]
static EVENT_ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$").expect("valid"));

/// The links of a finding. `runbook` is configured.
pub(super) fn of(finding: &Finding, runbook: Option<&str>) -> Vec<Link> {
    let links = [
        ("Runbook", runbook.map(str::to_owned)),
        ("Event", event(&finding.origin)),
        ("Resource", finding.primary_resource().and_then(|resource| page(resource, &finding.origin))),
        ("About", finding.rule.references.first().filter(|url| is_link(url)).cloned()),
    ];
    links.into_iter().filter_map(|(label, url)| Some(Link { label, url: url? })).collect()
}

/// Whether a URL of a rule or of the configuration can be shown as a link.
pub fn is_link(url: &str) -> bool {
    url.strip_prefix("https://").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"'`|\\()[]{}".contains(&byte))
    })
}

fn event(origin: &Origin) -> Option<String> {
    // The id of a configuration item is not known to CloudTrail.
    let id = match origin.log {
        LogSource::CloudTrail => Some(&origin.event_id),
        LogSource::Config => origin.related_events.first(),
    };
    let id = id.filter(|id| EVENT_ID.is_match(id))?;
    url(EVENT, id, origin)
}

fn page(resource: &Resource, origin: &Origin) -> Option<String> {
    let (_, path) = RESOURCES.iter().find(|(kind, _)| *kind == resource.kind)?;
    // The pages of EC2 do not find resources by name.
    let is_known = !resource.kind.starts_with("AWS::EC2::") || EC2_ID.is_match(&resource.id);
    let is_id = is_known && !resource.id.is_empty() && resource.id.chars().count() <= MAX_ID;
    if !is_id { None } else { url(path, &resource.id, origin) }
}

/// `None` in partitions and Regions whose form is unknown.
fn url(path: &str, id: &str, origin: &Origin) -> Option<String> {
    let (_, host) = CONSOLES.iter().find(|(partition, _)| *partition == origin.partition)?;
    if !REGION.is_match(&origin.region) {
        return None;
    }
    let path = path.replace("{region}", &origin.region).replace("{id}", &utf8_percent_encode(id, IN_URL).to_string());
    Some(format!("https://{host}/{path}"))
}
