//! Processes inputs in parallel, and delivers their items in the order of the inputs.
//!
//! In: the inputs, and a function that processes one of them. Out, on the caller's thread: the same items in the same order
//! as without threads. Items of the current input are delivered immediately. Items of later inputs are queued, and when
//! [`Limits::bytes`] are queued, their threads wait.
//!
//! There is no deadlock: inputs are started in order, so an unfinished current input always has a thread, and that thread
//! waits only for the caller, who takes all its items.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, scope};

/// Stack size of threads, in bytes: that of the main thread on most systems, so that results do not depend on the thread.
const STACK: usize = 8 * 1024 * 1024;

/// An item that can be queued.
pub(super) trait Queued: Send {
    /// Returns its size in memory, in bytes.
    fn bytes(&self) -> usize;
}

/// Limits of parallel processing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Maximum number of inputs in progress. With 1, the caller's thread processes them.
    pub(super) threads: usize,
    /// Maximum size, in bytes, of the queued items of all inputs, and of the queued items of the current input. Each thread
    /// may exceed it by one item.
    pub(super) bytes: usize,
}

/// Calls `work` for each input, and `handle` for each item that it emits. If `work` panics, the last item of the input is
/// the result of `on_panic`.
pub(super) fn ordered<I: Sync, T: Queued>(
    inputs: &[I],
    limits: Limits,
    work: impl Fn(&I, &mut dyn FnMut(T)) + Sync,
    on_panic: impl Fn(&I) -> T + Sync,
    mut handle: impl FnMut(T),
) {
    let run = |input: &I, emit: &mut dyn FnMut(T)| {
        if catch_unwind(AssertUnwindSafe(|| work(input, emit))).is_err() {
            emit(on_panic(input));
        }
    };
    let queue = Queue::new(inputs.len(), limits.bytes);
    let worker = || {
        while let Some(number) = queue.start_next() {
            if let Some(input) = inputs.get(number) {
                run(input, &mut |item| queue.push(number, item));
            }
            queue.finish(number);
        }
    };
    let threads = match limits.threads.min(inputs.len()) {
        0 | 1 => 0,
        threads => threads,
    };
    scope(|scope| {
        let spawn = |_| Builder::new().stack_size(STACK).spawn_scoped(scope, worker).ok();
        // Continue with fewer threads if the system refuses more.
        if (0..threads).map_while(spawn).count() == 0 {
            inputs.iter().for_each(|input| run(input, &mut handle));
        } else {
            while let Some(items) = queue.take_next() {
                items.into_iter().for_each(&mut handle);
            }
        }
    });
}

/// The queue of items.
struct Queue<T> {
    state: Mutex<State<T>>,
    /// Signals that the current input has items, or is finished.
    ready: Condvar,
    /// Signals that there is space in the queue, or that the current input has changed.
    space: Condvar,
    inputs: usize,
    max_bytes: usize,
}

struct State<T> {
    /// Number of started inputs.
    started: usize,
    /// Index of the current input.
    current: usize,
    /// The queued items of each started input, from the current one on.
    waiting: VecDeque<Waiting<T>>,
    /// Size of all queued items, in bytes.
    bytes: usize,
}

struct Waiting<T> {
    items: Vec<T>,
    bytes: usize,
    is_finished: bool,
}

impl<T> State<T> {
    fn waiting(&mut self, number: usize) -> Option<&mut Waiting<T>> {
        self.waiting.get_mut(number.checked_sub(self.current)?)
    }
}

impl<T: Queued> Queue<T> {
    fn new(inputs: usize, max_bytes: usize) -> Self {
        let state = State { started: 0, current: 0, waiting: VecDeque::new(), bytes: 0 };
        Self { state: Mutex::new(state), ready: Condvar::new(), space: Condvar::new(), inputs, max_bytes }
    }

    /// Locks the state. A poisoned lock is safe to use, because no code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the next input. Returns its index.
    fn start_next(&self) -> Option<usize> {
        let mut state = self.lock();
        let number = state.started;
        if number == self.inputs {
            return None;
        }
        state.started += 1;
        state.waiting.push_back(Waiting { items: Vec::new(), bytes: 0, is_finished: false });
        Some(number)
    }

    /// Queues an item of an input. Waits for space.
    fn push(&self, number: usize, item: T) {
        let bytes = item.bytes();
        let is_full = |state: &mut State<T>| {
            let is_its_turn = number == state.current;
            let all = state.bytes;
            // Items of later inputs must not block the current input, for which all others wait.
            let waiting = if is_its_turn { state.waiting(number).map_or(0, |waiting| waiting.bytes) } else { all };
            waiting >= self.max_bytes
        };
        let mut state = self.space.wait_while(self.lock(), is_full).unwrap_or_else(PoisonError::into_inner);
        let is_its_turn = number == state.current;
        state.bytes += bytes;
        if let Some(waiting) = state.waiting(number) {
            // The caller takes all items at once, so only the first needs a signal, which is a system call.
            if is_its_turn && waiting.items.is_empty() {
                self.ready.notify_one();
            }
            waiting.items.push(item);
            waiting.bytes += bytes;
        }
    }

    /// Marks an input as finished.
    fn finish(&self, number: usize) {
        let mut state = self.lock();
        if let Some(waiting) = state.waiting(number) {
            waiting.is_finished = true;
        }
        if number == state.current {
            self.ready.notify_one();
        }
    }

    /// Waits for the next items. Returns `None` after the last.
    fn take_next(&self) -> Option<Vec<T>> {
        let mut state = self.lock();
        loop {
            if state.current == self.inputs {
                return None;
            }
            // If the queue was not full, no thread waits for space.
            let was_full = state.bytes >= self.max_bytes;
            match state.waiting.front_mut() {
                Some(first) if !first.items.is_empty() => {
                    let items = std::mem::take(&mut first.items);
                    let bytes = std::mem::take(&mut first.bytes);
                    state.bytes -= bytes;
                    if was_full {
                        self.space.notify_all();
                    }
                    return Some(items);
                }
                Some(first) if first.is_finished => {
                    state.waiting.pop_front();
                    state.current += 1;
                    if was_full {
                        self.space.notify_all();
                    }
                }
                _ => state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
mod tests;
