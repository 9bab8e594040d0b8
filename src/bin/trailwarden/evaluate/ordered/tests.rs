use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::{sleep, yield_now};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// How long a test waits for what must come before it fails.
const LONG: Duration = Duration::from_secs(60);

/// `(input, item)`; an item of an input that was lost has no number.
#[derive(Debug, PartialEq, Eq)]
struct One(usize, Option<usize>);

impl Item for One {
    fn bytes(&self) -> usize {
        1
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn items_come_in_the_order_of_the_inputs(
        inputs in prop::collection::vec((0_usize..30, any::<bool>()), 0..60),
        threads in 1_usize..9,
        bytes in 1_usize..20,
    ) {
        let numbered: Vec<(usize, (usize, bool))> = inputs.into_iter().enumerate().collect();
        let mut seen = Vec::new();
        ordered(
            &numbered,
            Limits { threads, bytes },
            |(input, (items, panics)), emit| {
                for item in 0..*items {
                    emit(One(*input, Some(item)));
                    if (input + item) % 3 == 0 {
                        yield_now();
                    }
                }
                // As `panic!`, but without a message for each.
                if *panics {
                    std::panic::resume_unwind(Box::new(()));
                }
            },
            |(input, _)| One(*input, None),
            |one| seen.push(one),
        );
        let expected = numbered.iter().flat_map(|(input, (items, panics))| {
            (0..*items).map(Some).chain(panics.then_some(None)).map(|item| One(*input, item))
        });
        prop_assert_eq!(seen, expected.collect::<Vec<_>>());
    }
}

#[test]
fn items_of_the_input_whose_turn_it_is_are_handed_on_as_they_arise() {
    let (taken, takes) = channel();
    let takes = Mutex::new(takes);
    ordered(
        &[0, 1, 2],
        Limits { threads: 3, bytes: 2 },
        |input, emit| {
            for item in 0..10 {
                emit(One(*input, Some(item)));
                if *input == 0 {
                    assert_eq!(takes.lock().unwrap().recv_timeout(LONG), Ok(One(0, Some(item))));
                }
            }
        },
        |input| panic!("input {input} was lost"),
        |one| taken.send(one).unwrap(),
    );
}

#[test]
fn what_waits_is_bounded() {
    /// An item that counts how many of it there are.
    struct Counted<'c>(&'c AtomicUsize);
    impl Item for Counted<'_> {
        fn bytes(&self) -> usize {
            1
        }
    }
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    const MAX_BYTES: usize = 10;
    const THREADS: usize = 4;
    let (alive, most, emitted) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    ordered(
        &[0, 1, 2, 3, 4, 5, 6],
        Limits { threads: THREADS, bytes: MAX_BYTES },
        |input, emit| {
            // The first lets the others run ahead as far as they can.
            while *input == 0 && emitted.load(Ordering::SeqCst) < MAX_BYTES {
                yield_now();
            }
            if *input == 0 {
                sleep(Duration::from_millis(20));
            }
            for _ in 0..1000 {
                most.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                emit(Counted(&alive));
                emitted.fetch_add(1, Ordering::SeqCst);
            }
        },
        |_| panic!("an input was lost"),
        drop,
    );
    assert_eq!(emitted.into_inner(), 7000);
    // Of the later ones, of the one whose turn it is, and of that what was taken at once; and in each thread's hand.
    let most = most.into_inner();
    assert!((MAX_BYTES..=3 * MAX_BYTES + 2 * THREADS).contains(&most), "{most}");
}
