//! The options for live state: what the function is told by its environment.

use clap::Args;
use trailwarden::aws::SdkConfig;
use trailwarden::config::{external_id, member_role};
use trailwarden::live_state::aws::MemberRole;
use trailwarden::pipeline::aws::AwsLive;
use trailwarden::pipeline::{Evaluator, Pipeline};

use crate::selection::warn_of_no_live_state;

/// What sessions in other accounts are called, so that the trail tells them from those of the function.
const SESSION_NAME: &str = "trailwarden-replay";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Confirms findings with what EC2 and IAM say, and finds what only they tell, as the function does with LIVE_STATE=on.
    /// Each payload may take it 60 seconds; what is not answered by then is unknown.
    #[arg(long)]
    live_state: bool,

    /// The role to assume in other accounts, by its name (MEMBER_ROLE_NAME of the function).
    #[arg(long, value_name = "NAME", value_parser = member_role, requires = "live_state")]
    member_role_name: Option<String>,

    /// The external id that the trust policy of that role wants (MEMBER_ROLE_EXTERNAL_ID).
    #[arg(long, value_name = "ID", value_parser = external_id, requires = "member_role_name")]
    member_role_external_id: Option<String>,

    /// Asks Organizations for the names of accounts (ACCOUNT_NAMES=organizations).
    #[arg(long, requires = "live_state")]
    account_names: bool,
}

impl Options {
    pub(super) fn evaluator(&self, pipeline: Pipeline, config: &SdkConfig) -> Evaluator {
        if !self.live_state {
            warn_of_no_live_state(pipeline.rules(), "give --live-state");
            return Evaluator::new(pipeline);
        }
        let member = self.member_role_name.clone().map(|name| MemberRole {
            name,
            external_id: self.member_role_external_id.clone(),
            session_name: SESSION_NAME.to_owned(),
        });
        Evaluator::new(pipeline).with_live_state(AwsLive::new(config, member, self.account_names))
    }
}
