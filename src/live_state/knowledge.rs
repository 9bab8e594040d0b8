//! What is known of accounts, and what would have to be asked to decide.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::describe::{
    BlockPublicAccess, Instance, InternetGateway, NetworkAcl, NetworkInterface, PrefixListEntry, Role, RouteTable,
    SecurityGroup, SecurityGroupRule, Subnet, Vpc,
};
use super::question::{Answer, Answered, Place, Question, Topic, Unanswered};

/// Every answer there is.
#[derive(Debug, Default)]
pub struct Knowledge {
    answers: HashMap<Question, Known>,
}

#[derive(Debug)]
struct Known {
    answer: Result<Answer, Unanswered>,
    at: Option<Timestamp>,
}

impl Knowledge {
    /// Adds answers.
    pub fn learn(&mut self, answers: Vec<Answered>) {
        for Answered { question, answer, at } in answers {
            self.answers.insert(question, Known { answer, at });
        }
    }

    /// Counts those of `questions` that are still open as unanswered, so that nothing waits for them.
    pub fn give_up(&mut self, questions: &BTreeSet<Question>) {
        for question in questions {
            let answer = Err(Unanswered("there was no answer".to_owned()));
            self.answers.entry(question.clone()).or_insert(Known { answer, at: None });
        }
    }
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// It has not been asked yet.
    Open,
    /// It was asked in vain; why.
    Unknown(String),
}

/// Looks into the knowledge about one place, and notes what is missing.
#[derive(Debug)]
pub struct Inquiry<'k> {
    knowledge: &'k Knowledge,
    place: Place,
    open: RefCell<BTreeSet<Question>>,
    oldest: Cell<Option<Timestamp>>,
}

/// Declares how one kind of answer is looked up.
macro_rules! looked_up {
    ($($name:ident: $answer:ident => $kind:ty,)*) => {
        impl<'k> Inquiry<'k> {
            $(
                pub(super) fn $name(&self, topic: Topic, id: &str) -> Result<&'k $kind, Gap> {
                    match self.look(topic, id)? {
                        Answer::$answer(answer) => Ok(answer),
                        _ => Err(Gap::Unknown("the answer was to another question".to_owned())),
                    }
                }
            )*
        }
    };
}

looked_up! {
    interfaces: Interfaces => [NetworkInterface],
    group_rules: GroupRules => [SecurityGroupRule],
    groups: Groups => [SecurityGroup],
    route_tables: RouteTables => [RouteTable],
    gateways: Gateways => [InternetGateway],
    acls: Acls => [NetworkAcl],
    vpcs: Vpcs => [Vpc],
    subnets: Subnets => [Subnet],
    instances: Instances => [Instance],
    prefix_list: PrefixList => [PrefixListEntry],
    block_public_access: BlockPublicAccess => BlockPublicAccess,
    roles: Roles => [Role],
}

impl<'k> Inquiry<'k> {
    /// An inquiry into `place`.
    pub fn new(knowledge: &'k Knowledge, place: Place) -> Self {
        Self { knowledge, place, open: RefCell::default(), oldest: Cell::default() }
    }

    /// The account it is about.
    pub(super) fn account(&self) -> &str {
        &self.place.account
    }

    /// What would have to be asked.
    pub fn into_open(self) -> BTreeSet<Question> {
        self.open.into_inner()
    }

    /// When the oldest answer that was used was true, where that is known.
    pub fn checked_at(&self) -> Option<Timestamp> {
        self.oldest.get()
    }

    fn look(&self, topic: Topic, id: &str) -> Result<&'k Answer, Gap> {
        let question = Question { place: self.place.clone(), topic, id: id.to_owned() };
        let Some(known) = self.knowledge.answers.get(&question) else {
            self.open.borrow_mut().insert(question);
            return Err(Gap::Open);
        };
        if let Some(at) = known.at {
            self.oldest.set(Some(self.oldest.get().map_or(at, |oldest| oldest.min(at))));
        }
        known.answer.as_ref().map_err(|Unanswered(why)| Gap::Unknown(why.clone()))
    }
}
