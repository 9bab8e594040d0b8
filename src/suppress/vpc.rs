//! Exemptions by the live state of a VPC. They are off unless configured.

use serde::Deserialize;

use crate::finding::Suppression;
use crate::live_state::resources::vpc::Vpc;

/// The VPCs that live state exempts: the key `live-state:` of the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VpcExemptions {
    /// Whether default VPCs are exempt.
    #[serde(default)]
    pub exempt_default_vpc: bool,
    /// Tag keys. A VPC with one of these tags is exempt, whatever the tag's value.
    #[serde(default)]
    pub exempt_vpc_tags: Vec<String>,
}

impl VpcExemptions {
    /// Whether no VPC is exempt.
    pub fn is_empty(&self) -> bool {
        !self.exempt_default_vpc && self.exempt_vpc_tags.is_empty()
    }

    /// Returns the suppression of a finding about these VPCs if every one of them is exempt.
    pub fn suppression(&self, vpcs: &[&Vpc]) -> Option<Suppression> {
        let reasons: Option<Vec<String>> = vpcs.iter().map(|vpc| self.reason(vpc)).collect();
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

    fn reason(&self, vpc: &Vpc) -> Option<String> {
        let id = &vpc.vpc_id;
        if self.exempt_default_vpc && vpc.is_default {
            return Some(format!("{id} is the default VPC"));
        }
        let tag = vpc.tags.iter().find(|tag| self.exempt_vpc_tags.contains(&tag.key))?;
        Some(format!("{id} has the tag {}", tag.key))
    }
}
