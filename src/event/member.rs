//! The index of the most frequently read members of a record, built in one pass.

use super::Object;

/// Defines the members, their keys and the look-up of a member by its key from one list.
macro_rules! members {
    ($($member:ident: $key:literal,)*) => {
        /// A member in the index.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Member {
            $($member,)*
        }

        const KEYS: &[(Member, &str)] = &[$((Member::$member, $key),)*];

        /// Has bit n set if some key is n bytes long.
        const LENGTHS: u32 = $(1 << $key.len() |)* 0;

        impl Member {
            /// The member with this key.
            pub(super) fn of(key: &str) -> Option<Self> {
                match key {
                    $($key => Some(Self::$member),)*
                    _ => None,
                }
            }
        }
    };
}

members! {
    Version: "eventVersion",
    Identity: "userIdentity",
    Time: "eventTime",
    Source: "eventSource",
    Name: "eventName",
    Region: "awsRegion",
    Address: "sourceIPAddress",
    Agent: "userAgent",
    ErrorCode: "errorCode",
    Request: "requestParameters",
    Response: "responseElements",
    RequestId: "requestID",
    Id: "eventID",
    Account: "recipientAccountId",
}

impl Member {
    /// The member with this key in any case.
    fn in_any_case(key: &str) -> Option<Self> {
        if !u32::try_from(key.len()).is_ok_and(|length| LENGTHS.unbounded_shr(length) & 1 == 1) {
            return None;
        }
        KEYS.iter().find(|(_, known)| known.eq_ignore_ascii_case(key)).map(|(member, _)| *member)
    }
}

/// The positions of the members in one record.
#[derive(Debug, Default)]
pub(super) struct MemberIndex {
    positions: [Option<usize>; KEYS.len()],
}

impl MemberIndex {
    /// Indexes the first occurrence of each key. An exact match takes precedence over a match in another case.
    pub(super) fn of(record: &Object<'_>) -> Self {
        let (mut exact, mut in_other_case) = (Self::default(), Self::default());
        for (position, key) in record.keys().enumerate() {
            if let Some(member) = Member::of(key) {
                exact.insert_first(member, position);
            } else if let Some(member) = Member::in_any_case(key) {
                in_other_case.insert_first(member, position);
            }
        }
        let pairs = exact.positions.iter_mut().zip(in_other_case.positions);
        pairs.for_each(|(position, other)| *position = position.or(other));
        exact
    }

    fn insert_first(&mut self, member: Member, position: usize) {
        if let Some(known) = self.positions.get_mut(member as usize) {
            known.get_or_insert(position);
        }
    }

    /// The position of a member in the record.
    pub(super) fn index(&self, member: Member) -> Option<usize> {
        *self.positions.get(member as usize)?
    }
}
