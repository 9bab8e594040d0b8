//! VPC block public access (DescribeVpcBlockPublicAccessOptions and DescribeVpcBlockPublicAccessExclusions).

use std::io;
use std::path::Path;

#[cfg(feature = "live")]
use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use serde_json::json;

use super::resource;
use crate::live_state::files::{Reader, remove, write, write_list};
#[cfg(feature = "live")]
use crate::live_state::kind::Batching;
use crate::live_state::kind::{IamPermission, LAYOUT, Location, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::QueryKind;
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::response::Unavailable;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, unavailable};

resource! {
    /// The mode of VPC block public access and its exclusions.
    BlockPublicAccess {
        /// `off`, `block-bidirectional` or `block-ingress`.
        internet_gateway_block_mode: String,
        /// VPCs and subnets that are excluded.
        exclusions: Vec<BlockPublicAccessExclusion>,
    }
}

resource! {
    /// An excluded VPC or subnet.
    BlockPublicAccessExclusion from VpcBlockPublicAccessExclusion {
        /// ARN of the VPC or subnet.
        resource_arn: String,
        /// `allow-bidirectional` or `allow-egress`.
        internet_gateway_exclusion_mode: String,
        /// `create-complete`, `delete-complete`, …
        state: String,
    }
}

const OPTIONS_COMMAND: &str = "describe-vpc-block-public-access-options";
const EXCLUSIONS_COMMAND: &str = "describe-vpc-block-public-access-exclusions";
const OPTIONS_KEY: &str = "VpcBlockPublicAccessOptions";
const EXCLUSIONS_KEY: &str = "VpcBlockPublicAccessExclusions";
const OPTIONS: &str = "ec2:DescribeVpcBlockPublicAccessOptions";
const EXCLUSIONS: &str = "ec2:DescribeVpcBlockPublicAccessExclusions";
/// The mode in which exclusions do not matter and are not read.
const OFF: &str = "off";

impl Resource for BlockPublicAccess {
    const KIND: &'static ResourceKind = &ResourceKind {
        files: &[OPTIONS_COMMAND, EXCLUSIONS_COMMAND],
        location: Location::Region,
        permissions: &[IamPermission { on: PolicyResource::All, actions: &[OPTIONS, EXCLUSIONS] }],
        snapshot_actions: &[OPTIONS, EXCLUSIONS],
        lifetime: LAYOUT,
        #[cfg(feature = "live")]
        batching: Batching::All,
        read: read_files,
        write: write_files,
        #[cfg(feature = "live")]
        fetch,
        #[cfg(feature = "live")]
        ids: None,
    };
}

fn read_files(reader: &mut Reader, path: &Path) -> Result<Response, &'static str> {
    let has_mode = |options: &BlockPublicAccess| !options.internet_gateway_block_mode.is_empty();
    let options = reader.one(path, OPTIONS_KEY, has_mode);
    let has_arn = |exclusion: &BlockPublicAccessExclusion| !exclusion.resource_arn.is_empty();
    let exclusions = reader.list(&exclusions_file(path), EXCLUSIONS_KEY, has_arn);
    let mut options = options.ok_or(OPTIONS_COMMAND)?;
    if exclusions.is_none() && options.internet_gateway_block_mode != OFF {
        return Err(EXCLUSIONS_COMMAND);
    }
    options.exclusions = exclusions.unwrap_or_default();
    Ok(Response::new(vec![options]))
}

fn write_files(path: &Path, response: &Response) -> io::Result<()> {
    let Some([options]) = response.resources::<BlockPublicAccess>() else { return Ok(()) };
    let exclusions = exclusions_file(path);
    if options.internet_gateway_block_mode == OFF {
        remove(&exclusions)?;
    } else {
        write_list(&exclusions, EXCLUSIONS_KEY, &options.exclusions)?;
    }
    write(path, &json!({OPTIONS_KEY: {"InternetGatewayBlockMode": options.internet_gateway_block_mode}}))
}

fn exclusions_file(options: &Path) -> std::path::PathBuf {
    options.with_file_name(format!("{EXCLUSIONS_COMMAND}.json"))
}

/// Reads the mode and, unless it is off, the exclusions.
///
/// If EC2 in a Region answers `InvalidAction`, the feature does not exist there and is off. Any other error, such as
/// `UnsupportedOperation`, may be about the caller and leaves the state unknown.
#[cfg(feature = "live")]
fn fetch(session: &Session, _: ReadSelection) -> Fetched<'_> {
    Box::pin(session.deadline.before(OPTIONS, async move {
        let options = match session.ec2.describe_vpc_block_public_access_options().send().await {
            Ok(output) => output.vpc_block_public_access_options,
            Err(error) if error.as_service_error().and_then(|error| error.code()) == Some("InvalidAction") => {
                let off = BlockPublicAccess { internet_gateway_block_mode: OFF.to_owned(), exclusions: Vec::new() };
                return Ok(Response::new(vec![off]));
            }
            Err(error) => return Err(unavailable(OPTIONS, &error)),
        };
        let mode = options.and_then(|options| options.internet_gateway_block_mode);
        let Some(mode) = mode.map(|mode| mode.as_str().to_owned()) else {
            return Err(Unavailable(format!("{OPTIONS}: no mode in the response")));
        };
        let exclusions = if mode == OFF { Vec::new() } else { exclusions(session).await? };
        Ok(Response::new(vec![BlockPublicAccess { internet_gateway_block_mode: mode, exclusions }]))
    }))
}

/// The exclusions, including deleted ones, which their state tells.
#[cfg(feature = "live")]
async fn exclusions(session: &Session) -> Result<Vec<BlockPublicAccessExclusion>, Unavailable> {
    let mut exclusions = Vec::new();
    let mut token = None;
    loop {
        let request = session.ec2.describe_vpc_block_public_access_exclusions().set_next_token(token).max_results(PAGE);
        let page = request.send().await.map_err(|error| unavailable(EXCLUSIONS, &error))?;
        exclusions.extend(page.vpc_block_public_access_exclusions.unwrap_or_default().into_iter().map(Into::into));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(exclusions);
        }
    }
}

impl BlockPublicAccess {
    /// The state of a Region. The id is empty.
    pub const OF_REGION: &'static QueryKind<Self> = &QueryKind::new("region", |_| Ok(("", String::new())), None);
}
