//! The options for live state: the same as the environment variables of the function.

use clap::Args;
use trailwarden::app::{LiveStateConfiguration, external_id, member_role};

/// The name of sessions in other accounts. It differs from the function's, so that CloudTrail shows which of the two read.
const SESSION_NAME: &str = "trailwarden-replay";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Verify findings with EC2 and IAM, and find what only they show, as the function does with LIVE_STATE=on. Each payload
    /// may take 60 seconds for it. A lookup that takes longer is unknown.
    #[arg(long)]
    live_state: bool,

    /// Assume the role of this name in other accounts (MEMBER_ROLE_NAME of the function).
    #[arg(long, value_name = "NAME", value_parser = member_role, requires = "live_state")]
    member_role_name: Option<String>,

    /// The external id that the trust policy of that role requires (MEMBER_ROLE_EXTERNAL_ID).
    #[arg(long, value_name = "ID", value_parser = external_id, requires = "member_role_name")]
    member_role_external_id: Option<String>,

    /// Read names of accounts from Organizations (ACCOUNT_NAMES=organizations).
    #[arg(long, requires = "live_state")]
    account_names: bool,
}

impl Options {
    pub(super) fn configuration(&self) -> Option<LiveStateConfiguration> {
        self.live_state.then(|| LiveStateConfiguration {
            member_role: self.member_role_name.clone(),
            external_id: self.member_role_external_id.clone(),
            session_name: SESSION_NAME.to_owned(),
            account_names: self.account_names,
        })
    }
}
