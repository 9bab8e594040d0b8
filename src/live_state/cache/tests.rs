use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::live_state::question::{Answer, Place, Topic, Unanswered};
use pollster::block_on;

/// A clock that stands until it is set, in seconds.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn cache(&self, most: usize) -> Cache {
        let clock = self.clone();
        Cache::with(move || Timestamp::from_second(clock.0.load(Ordering::Relaxed)).unwrap(), most)
    }
}

/// Answers everything with nothing, unless it has a reason not to, and keeps what it was asked.
#[derive(Default)]
struct Source {
    asked: RefCell<Vec<Question>>,
    refusal: Option<Unanswered>,
}

impl LiveState for &Source {
    async fn answer(&self, questions: Vec<Question>) -> Vec<Answered> {
        self.asked.borrow_mut().extend(questions.clone());
        let answer = self.refusal.clone().map_or(Ok(Answer::Vpcs(Vec::new())), Err);
        let all = questions.into_iter().map(|question| Answered { question, answer: answer.clone(), at: None });
        all.collect()
    }
}

fn question(topic: Topic, id: &str) -> Question {
    let place = Place { account: "111122223333".to_owned(), region: "eu-west-1".to_owned() };
    Question { place, topic, id: id.to_owned() }
}

/// How often the source is asked when the same question comes each second, for so many seconds.
fn calls(topic: Topic, refusal: Option<Unanswered>, seconds: i64) -> usize {
    let (clock, source) = (Clock::default(), Source { refusal, ..Source::default() });
    let cache = clock.cache(10);
    for second in 0..seconds {
        clock.set(second);
        assert_eq!(block_on(cache.over(&source).answer(vec![question(topic, "x")])).len(), 1);
    }
    source.asked.take().len()
}

#[test]
fn answers_are_remembered_for_as_long_as_their_topic_allows() {
    for (topic, seconds) in [
        (Topic::GroupRules, 15),
        (Topic::InterfacesOfGroup, 15),
        (Topic::Instance, 15),
        (Topic::Role, 60),
        (Topic::RouteTablesOfVpc, 120),
        (Topic::AclsOfVpc, 120),
        (Topic::BlockPublicAccess, 120),
        (Topic::PrefixList, 120),
    ] {
        assert_eq!(calls(topic, None, seconds), 1, "{topic:?}");
        assert_eq!(calls(topic, None, seconds + 1), 2, "{topic:?}");
    }
}

#[test]
fn refusals_are_remembered_shortly_and_want_of_time_not_at_all() {
    let denied = Unanswered("ec2:DescribeRouteTables: UnauthorizedOperation".to_owned());
    assert_eq!(calls(Topic::RouteTablesOfVpc, Some(denied.clone()), 15), 1);
    assert_eq!(calls(Topic::RouteTablesOfVpc, Some(denied), 16), 2);
    let late = Unanswered::for_want_of_time("ec2:DescribeRouteTables");
    assert_eq!(calls(Topic::RouteTablesOfVpc, Some(late), 3), 3);
}

#[test]
fn only_what_is_open_is_asked() {
    let (clock, source) = (Clock::default(), Source::default());
    let cache = clock.cache(10);
    let (one, two) = (question(Topic::Vpc, "vpc-1"), question(Topic::Vpc, "vpc-2"));
    block_on(cache.over(&source).answer(vec![one.clone()]));
    let answered = block_on(cache.over(&source).answer(vec![two.clone(), one.clone()]));
    assert_eq!(answered.len(), 2);
    assert_eq!(source.asked.take(), [one, two]);
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_last_longer() {
    let (clock, source) = (Clock::default(), Source::default());
    let cache = clock.cache(10);
    for second in [10_000, 9_000, 9_001] {
        clock.set(second);
        block_on(cache.over(&source).answer(vec![question(Topic::Vpc, "vpc-1")]));
    }
    assert_eq!(source.asked.take().len(), 2);
}

#[test]
fn what_ends_first_is_forgotten_first_when_there_is_too_much() {
    let (clock, source) = (Clock::default(), Source::default());
    let cache = clock.cache(8);
    let short: Vec<Question> = (0..6).map(|id| question(Topic::GroupRules, &id.to_string())).collect();
    let long: Vec<Question> = (0..6).map(|id| question(Topic::Vpc, &id.to_string())).collect();
    block_on(cache.over(&source).answer(short));
    block_on(cache.over(&source).answer(long.clone()));
    assert_eq!(cache.len(), 6);
    source.asked.take();
    block_on(cache.over(&source).answer(long));
    assert_eq!(source.asked.take(), []);
}
