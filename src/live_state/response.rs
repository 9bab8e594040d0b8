//! Responses to queries.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A list of resources of one kind. A resource that does not exist is not in the list.
#[derive(Clone)]
pub struct Response(Arc<dyn Resources>);

trait Resources: Any + fmt::Debug + Send + Sync {}

impl<T: fmt::Debug + Send + Sync + 'static> Resources for Vec<T> {}

impl Response {
    /// A response with these resources.
    pub fn new<T: fmt::Debug + Send + Sync + 'static>(resources: Vec<T>) -> Self {
        Self(Arc::new(resources))
    }

    /// The resources, if they are of type `T`.
    pub fn resources<T: fmt::Debug + Send + Sync + 'static>(&self) -> Option<&[T]> {
        let resources: &dyn Any = &*self.0;
        resources.downcast_ref::<Vec<T>>().map(Vec::as_slice)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The reason why there is no response, such as `ec2:DescribeRouteTables: UnauthorizedOperation`. Not yet safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// Prefix of an error that is due to the deadline.
const PAST_DEADLINE: &str = "no time left: ";

impl Unavailable {
    /// The deadline passed before this call returned.
    pub fn past_deadline(call: &str) -> Self {
        Self(format!("{PAST_DEADLINE}{call}"))
    }

    /// Whether the deadline was the reason, so that the query may be repeated at once.
    pub fn is_past_deadline(&self) -> bool {
        self.0.starts_with(PAST_DEADLINE)
    }
}
