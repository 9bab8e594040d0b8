//! Runs what waits for nothing, without a runtime.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The value of a future that is ready at once.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("this waits for something"),
    }
}
