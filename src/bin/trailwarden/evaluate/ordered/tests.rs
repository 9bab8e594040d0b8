use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::{sleep, yield_now};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Time until a test fails if an expected item does not arrive.
const LONG: Duration = Duration::from_secs(60);

/// An input, and the number of an item. The item for an input that panicked has no number.
#[derive(Debug, PartialEq, Eq)]
struct NumberedItem(usize, Option<usize>);

impl Queued for NumberedItem {
    fn bytes(&self) -> usize {
        1
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn items_arrive_in_the_order_of_the_inputs(
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
                    emit(NumberedItem(*input, Some(item)));
                    if (input + item) % 3 == 0 {
                        yield_now();
                    }
                }
                // Like `panic!`, but without a message.
                if *panics {
                    std::panic::resume_unwind(Box::new(()));
                }
            },
            |(input, _)| NumberedItem(*input, None),
            |item| seen.push(item),
        );
        let expected = numbered.iter().flat_map(|(input, (items, panics))| {
            (0..*items).map(Some).chain(panics.then_some(None)).map(|item| NumberedItem(*input, item))
        });
        prop_assert_eq!(seen, expected.collect::<Vec<_>>());
    }
}

#[test]
fn items_of_the_current_input_are_delivered_immediately() {
    let (handled, handled_items) = channel();
    let handled_items = Mutex::new(handled_items);
    ordered(
        &[0, 1, 2],
        Limits { threads: 3, bytes: 2 },
        |input, emit| {
            for item in 0..10 {
                emit(NumberedItem(*input, Some(item)));
                if *input == 0 {
                    assert_eq!(handled_items.lock().unwrap().recv_timeout(LONG), Ok(NumberedItem(0, Some(item))));
                }
            }
        },
        |input| panic!("input {input} was lost"),
        |item| handled.send(item).unwrap(),
    );
}

#[test]
fn the_queue_is_bounded() {
    /// An item that counts its instances.
    struct Counted<'c>(&'c AtomicUsize);
    impl Queued for Counted<'_> {
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
    let (alive, max_alive, emitted) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    ordered(
        &[0, 1, 2, 3, 4, 5, 6],
        Limits { threads: THREADS, bytes: MAX_BYTES },
        |input, emit| {
            // The first input waits until the others have filled the queue.
            while *input == 0 && emitted.load(Ordering::SeqCst) < MAX_BYTES {
                yield_now();
            }
            if *input == 0 {
                sleep(Duration::from_millis(20));
            }
            for _ in 0..1000 {
                max_alive.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                emit(Counted(&alive));
                emitted.fetch_add(1, Ordering::SeqCst);
            }
        },
        |_| panic!("an input was lost"),
        drop,
    );
    assert_eq!(emitted.into_inner(), 7000);
    // Queued items of later inputs and of the current one, items that the caller has taken, and two per thread.
    let max_alive = max_alive.into_inner();
    assert!((MAX_BYTES..=3 * MAX_BYTES + 2 * THREADS).contains(&max_alive), "{max_alive}");
}
