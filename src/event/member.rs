//! The record's own members that nearly every question is about, found in one pass over the record.

use super::Object;

/// From one list: the members, their keys and the way from a key to its member.
macro_rules! members {
    ($($member:ident: $key:literal,)*) => {
        /// One of these members.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Member {
            $($member,)*
        }

        const KEYS: &[(Member, &str)] = &[$((Member::$member, $key),)*];

        /// A bit for each length that a key has.
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
    /// The member with this key in whatever case.
    fn of_any_case(key: &str) -> Option<Self> {
        let may_be = u32::try_from(key.len()).is_ok_and(|length| LENGTHS.unbounded_shr(length) & 1 == 1);
        let mut keys = KEYS.iter().filter(|_| may_be);
        keys.find(|(_, known)| known.eq_ignore_ascii_case(key)).map(|(member, _)| *member)
    }
}

/// Where the members of one record are.
#[derive(Debug, Default)]
pub(super) struct Members {
    places: [Option<usize>; KEYS.len()],
}

impl Members {
    /// The first of each key; of those that are written in another case where none is written exactly.
    pub(super) fn of(record: &Object<'_>) -> Self {
        let (mut exact, mut alike) = (Self::default(), Self::default());
        for (place, key) in record.keys().enumerate() {
            if let Some(member) = Member::of(key) {
                exact.note(member, place);
            } else if let Some(member) = Member::of_any_case(key) {
                alike.note(member, place);
            }
        }
        exact.places.iter_mut().zip(alike.places).for_each(|(place, other)| *place = place.or(other));
        exact
    }

    fn note(&mut self, member: Member, place: usize) {
        if let Some(known) = self.places.get_mut(member as usize) {
            known.get_or_insert(place);
        }
    }

    /// The place of a member.
    pub(super) fn place(&self, member: Member) -> Option<usize> {
        *self.places.get(member as usize)?
    }
}
