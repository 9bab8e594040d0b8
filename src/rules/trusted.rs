//! Accounts and organizations that rules about others leave alone.

use crate::event::Event;
use crate::facts::Zone;

/// Whether `text` names an account or organization of the zone, by id or ARN, or the account of `event`. An ARN of another
/// service names the account it contains.
pub(super) fn is_trusted(text: &str, zone: &Zone, event: &Event<'_>) -> bool {
    let is_known = |id: &str| zone.organizations.iter().any(|known| known == id);
    let account = match text.strip_prefix("arn:") {
        // organization/o-…, ou/o-…/ou-…, account/o-…/111122223333
        Some(rest) if rest.split(':').nth(1) == Some("organizations") => {
            let path = rest.rsplit(':').next().unwrap_or_default();
            if path.split('/').any(is_known) {
                return true;
            }
            let account = path.strip_prefix("account/").and_then(|path| path.rsplit('/').next());
            account.unwrap_or_default()
        }
        Some(rest) => rest.split(':').nth(3).unwrap_or_default(),
        // o-…, ou-…, and o-…/r-…/ou-… as in aws:PrincipalOrgPaths.
        None if text.split('/').any(is_known) => return true,
        None => text,
    };
    is_account(account) && (event.account() == Some(account) || zone.accounts.iter().any(|trusted| trusted == account))
}

/// Whether `text` is an account id: twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The id in the id or ARN of an organization (`o-…`), its root (`r-…`) or an organizational unit (`ou-…`); `None` for
/// anything else.
pub fn organization_id(text: &str) -> Option<&str> {
    let id = match text.strip_prefix("arn:") {
        Some(rest) => rest.split_once(":organizations::")?.1.split_once('/')?.1.rsplit('/').next()?,
        None => text,
    };
    let (kind, rest) = id.split_once('-')?;
    let is_plain = |part: &str| part.len() >= 4 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_id = match kind {
        "o" => rest.len() >= 10 && is_plain(rest),
        "r" => is_plain(rest),
        "ou" => rest.split_once('-').is_some_and(|(root, unit)| is_plain(root) && unit.len() >= 8 && is_plain(unit)),
        _ => false,
    };
    is_id.then_some(id)
}
