//! Exemptions by what the account itself says of a VPC; off unless configured.

use crate::finding::Suppression;
use crate::live_state::resources::vpc::Vpc;
use crate::rules::LiveSettings;

/// The exemption of a finding about these VPCs: each of them has to be exempt.
pub fn suppression(settings: &LiveSettings, vpcs: &[&Vpc]) -> Option<Suppression> {
    let reasons: Option<Vec<String>> = vpcs.iter().map(|vpc| reason(settings, vpc)).collect();
    let reason = reasons?.into_iter().next()?;
    Some(Suppression {
        exemption: "live-state".to_owned(),
        owner: "the configuration".to_owned(),
        reason,
        ticket: None,
        expires: None,
        also: Vec::new(),
    })
}

fn reason(settings: &LiveSettings, vpc: &Vpc) -> Option<String> {
    let id = &vpc.vpc_id;
    if settings.exempt_default_vpc && vpc.is_default {
        return Some(format!("{id} is the default VPC"));
    }
    let tag = vpc.tags.iter().find(|tag| settings.exempt_vpc_tags.contains(&tag.key))?;
    Some(format!("{id} has the tag {}", tag.key))
}
