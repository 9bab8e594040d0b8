//! What live state adds to a record: its member `liveState`, under the names of EC2's and IAM's own answers. Without live
//! state these facts are absent.

mod ingress;
mod reached;
mod role;
mod route;
mod unanswered;

pub(super) use ingress::INGRESS;
pub(super) use reached::REACHED;
pub(super) use role::ROLE;
pub(super) use route::ROUTE;
pub(super) use unanswered::UNANSWERED;
