//! The callers of an account. They are few and call often, so their part of a record compresses well, as in real logs.

use fastrand::Rng;

use super::template::{By, some};

const ACCOUNTS: &[&str] = &["111122223333", "444455556666", "777788889999"];
const REGIONS: &[&str] = &["eu-west-1", "eu-west-1", "us-east-1", "eu-central-1"];
const ID: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const ROLES: &[&str] = &[
    "web-instance",
    "checkout-task",
    "ingest-worker",
    "AWSServiceRoleForAutoScaling",
    "eks-node",
    "ci-deploy",
    "reporting-lambda",
    "AWSReservedSSO_ReadOnlyAccess_0123456789abcdef",
    "AWSReservedSSO_Administrator_fedcba9876543210",
    "monitoring",
    "backup",
    "terraform-plan",
];

const USER_AGENTS: &[&str] = &[
    "aws-sdk-java/1.12.782 Linux/5.10.230-223.885.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.14+7-LTS java/17.0.14",
    "aws-cli/2.24.10 md/awscrt#0.23.8 ua/2.1 os/linux#6.8.0-1021-aws md/arch#x86_64 lang/python#3.12.9 md/pyimpl#CPython cfg/retry-mode#standard",
    "Boto3/1.37.4 md/Botocore#1.37.4 ua/2.0 os/linux#5.10.234-225.895.amzn2.x86_64 md/arch#x86_64 lang/python#3.12.9 md/pyimpl#CPython exec-env/AWS_Lambda_python3.12 cfg/retry-mode#legacy Botocore/1.37.4",
    "APN/1.0 HashiCorp/1.0 Terraform/1.11.0 (+https://www.terraform.io) terraform-provider-aws/5.89.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.36.2 ua/2.1 os/linux lang/go#1.23.6 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.204.0",
    "aws-sdk-go/1.55.5 (go1.22.5; linux; amd64) amazon-ssm-agent/3.3.1611.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36",
];

/// A caller.
#[derive(Debug)]
pub(super) struct Caller {
    /// The account, which is also the recipient's.
    pub(super) account: &'static str,
    /// The Region of most calls.
    pub(super) region: &'static str,
    /// `sourceIPAddress`.
    pub(super) address: String,
    /// `userAgent`.
    pub(super) user_agent: &'static str,
    /// `userIdentity` up to its last brace.
    identity: String,
}

impl Caller {
    /// A session of a role.
    fn session(number: usize, rng: &mut Rng) -> Self {
        let (account, region) = (*rng.choice(ACCOUNTS).unwrap(), *rng.choice(REGIONS).unwrap());
        let role = ROLES[number % ROLES.len()];
        let id = format!("AROA{}", some(ID, 17, rng));
        let name = match number % 3 {
            0 => format!("i-0{}", some("0123456789abcdef", 16, rng)),
            1 => format!("{role}-{}", some("0123456789", 10, rng)),
            _ => format!("{}@example.com", ["dana", "kim", "alex", "robin", "sasha"][number % 5]),
        };
        let key = some(ID, 16, rng);
        let (hour, minute, mfa) = (rng.u8(4..10), rng.u8(10..60), number % 4 == 2);
        let identity = format!(
            r#"{{"type":"AssumedRole","principalId":"{id}:{name}","arn":"arn:aws:sts::{account}:assumed-role/{role}/{name}","accountId":"{account}","accessKeyId":"ASIA{key}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{id}","arn":"arn:aws:iam::{account}:role/{role}","accountId":"{account}","userName":"{role}"}},"attributes":{{"creationDate":"2026-03-04T0{hour}:{minute}:12Z","mfaAuthenticated":"{mfa}"}},"ec2RoleDelivery":"2.0"}}"#
        );
        Self { account, region, address: address(rng), user_agent: rng.choice(USER_AGENTS).unwrap(), identity }
    }

    /// An IAM user.
    fn user(number: usize, rng: &mut Rng) -> Self {
        let (account, region) = (*rng.choice(ACCOUNTS).unwrap(), *rng.choice(REGIONS).unwrap());
        let name = ["jenkins", "legacy-upload", "robin", "partner-sync"][number % 4];
        let (id, key) = (some(ID, 17, rng), some(ID, 16, rng));
        let identity = format!(
            r#"{{"type":"IAMUser","principalId":"AIDA{id}","arn":"arn:aws:iam::{account}:user/{name}","accountId":"{account}","accessKeyId":"AKIA{key}","userName":"{name}""#
        );
        Self { account, region, address: address(rng), user_agent: rng.choice(USER_AGENTS).unwrap(), identity }
    }
}

/// An address outside AWS, of the ranges for documentation.
fn address(rng: &mut Rng) -> String {
    format!("{}.{}", ["192.0.2", "198.51.100", "203.0.113"][rng.usize(0..3)], rng.u8(1..255))
}

/// The callers of a workload.
#[derive(Debug)]
pub(super) struct Callers {
    sessions: Vec<Caller>,
    users: Vec<Caller>,
}

/// A caller in one call.
#[derive(Debug)]
pub(super) struct Call<'c> {
    /// The account of the call.
    pub(super) account: &'static str,
    /// The Region of the call.
    pub(super) region: &'static str,
    /// `userIdentity`, as JSON.
    pub(super) identity: String,
    /// `sourceIPAddress`.
    pub(super) address: &'c str,
    /// `userAgent`.
    pub(super) user_agent: &'c str,
    /// Whether the record has `tlsDetails`, because the caller made the connection itself.
    pub(super) is_direct: bool,
}

impl Callers {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            sessions: (0..48).map(|number| Caller::session(number, rng)).collect(),
            users: (0..8).map(|number| Caller::user(number, rng)).collect(),
        }
    }

    /// A caller that makes calls of this kind.
    pub(super) fn pick(&self, by: By, rng: &mut Rng) -> Call<'_> {
        let one = match by {
            By::User => rng.choice(&self.users).unwrap(),
            _ => rng.choice(&self.sessions).unwrap(),
        };
        let whole = |rest: &str| format!("{}{rest}}}", one.identity);
        let (identity, address, user_agent) = match by {
            By::Session | By::User => (whole(""), one.address.as_str(), one.user_agent),
            By::Through(service) => (whole(&format!(r#","invokedBy":"{service}""#)), service, service),
            By::Service(service) => (format!(r#"{{"type":"AWSService","invokedBy":"{service}"}}"#), service, service),
            By::Root => {
                let account = one.account;
                let root = format!(
                    r#"{{"type":"Root","principalId":"{account}","arn":"arn:aws:iam::{account}:root","accountId":"{account}","accessKeyId":""}}"#
                );
                (root, one.address.as_str(), one.user_agent)
            }
        };
        let is_direct = matches!(by, By::Session | By::User | By::Root);
        Call { account: one.account, region: one.region, identity, address, user_agent, is_direct }
    }
}
