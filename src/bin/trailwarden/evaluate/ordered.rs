//! Many inputs worked on at a time, and what comes of them in the order of the inputs.
//!
//! In: the inputs, and what to do with one of them. Out, on the caller's thread: the same items in the same order as if
//! one input had been worked on after the other. Items of the input whose turn it is are handed on as they arise; those
//! of later inputs wait, and when [`Limits::bytes`] of them wait, so do their threads.
//!
//! Inputs are begun in their order, so the one whose turn it is has a thread as long as it is not done; and that thread
//! waits for the caller alone, who takes whatever it has. So they cannot wait for each other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, scope};

/// Size of a thread's stack: that of the main thread nearly everywhere, so that an input needs no other fate on one.
const STACK: usize = 8 * 1024 * 1024;

/// What can wait.
pub(super) trait Item: Send {
    /// The memory it takes, in bytes.
    fn bytes(&self) -> usize;
}

/// How much is done at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most inputs that are worked on at a time; one needs no thread beside the caller's.
    pub(super) threads: usize,
    /// Most bytes of items that wait for their turn, and also of those whose turn it is; each is exceeded by an item a
    /// thread at most.
    pub(super) bytes: usize,
}

/// Hands each of `inputs` to `work`, and what that emits to `sink`. An input on which `work` panics ends with what `lost`
/// makes of it.
pub(super) fn ordered<I: Sync, T: Item>(
    inputs: &[I],
    limits: Limits,
    work: impl Fn(&I, &mut dyn FnMut(T)) + Sync,
    lost: impl Fn(&I) -> T + Sync,
    mut sink: impl FnMut(T),
) {
    let one = |input: &I, emit: &mut dyn FnMut(T)| {
        if catch_unwind(AssertUnwindSafe(|| work(input, emit))).is_err() {
            emit(lost(input));
        }
    };
    let queue = Queue::new(inputs.len(), limits.bytes);
    let worker = || {
        while let Some(number) = queue.begin() {
            if let Some(input) = inputs.get(number) {
                one(input, &mut |item| queue.put(number, item));
            }
            queue.end(number);
        }
    };
    let threads = match limits.threads.min(inputs.len()) {
        0 | 1 => 0,
        threads => threads,
    };
    scope(|scope| {
        let spawn = |_| Builder::new().stack_size(STACK).spawn_scoped(scope, worker).ok();
        // Where the system grants fewer, these do.
        if (0..threads).map_while(spawn).count() == 0 {
            inputs.iter().for_each(|input| one(input, &mut sink));
        } else {
            while let Some(items) = queue.take() {
                items.into_iter().for_each(&mut sink);
            }
        }
    });
}

/// Where items wait.
struct Queue<T> {
    state: Mutex<State<T>>,
    /// Something came of the input whose turn it is.
    came: Condvar,
    /// There is room, or it is another input's turn.
    room: Condvar,
    inputs: usize,
    most: usize,
}

struct State<T> {
    /// How many inputs have been begun.
    begun: usize,
    /// The input whose turn it is.
    turn: usize,
    /// What waits of each input that was begun, from that whose turn it is.
    waiting: VecDeque<Waiting<T>>,
    /// Bytes that wait, of all inputs.
    bytes: usize,
}

struct Waiting<T> {
    items: Vec<T>,
    bytes: usize,
    ended: bool,
}

impl<T> State<T> {
    fn waiting(&mut self, number: usize) -> Option<&mut Waiting<T>> {
        self.waiting.get_mut(number.checked_sub(self.turn)?)
    }
}

impl<T: Item> Queue<T> {
    fn new(inputs: usize, most: usize) -> Self {
        let state = State { begun: 0, turn: 0, waiting: VecDeque::new(), bytes: 0 };
        Self { state: Mutex::new(state), came: Condvar::new(), room: Condvar::new(), inputs, most }
    }

    /// The state is whole whenever it can be locked: nothing panics while it is.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next input to work on.
    fn begin(&self) -> Option<usize> {
        let mut state = self.lock();
        let number = state.begun;
        if number == self.inputs {
            return None;
        }
        state.begun += 1;
        state.waiting.push_back(Waiting { items: Vec::new(), bytes: 0, ended: false });
        Some(number)
    }

    /// Adds an item of an input, as soon as there is room.
    fn put(&self, number: usize, item: T) {
        let bytes = item.bytes();
        let is_full = |state: &mut State<T>| {
            let is_its_turn = number == state.turn;
            let all = state.bytes;
            // Others must not keep the one that everybody waits for from going on.
            let waiting = if is_its_turn { state.waiting(number).map_or(0, |waiting| waiting.bytes) } else { all };
            waiting >= self.most
        };
        let mut state = self.room.wait_while(self.lock(), is_full).unwrap_or_else(PoisonError::into_inner);
        let is_its_turn = number == state.turn;
        state.bytes += bytes;
        if let Some(waiting) = state.waiting(number) {
            // The caller takes all there is, and so waits only for the first. Telling is a system call.
            if is_its_turn && waiting.items.is_empty() {
                self.came.notify_one();
            }
            waiting.items.push(item);
            waiting.bytes += bytes;
        }
    }

    /// Nothing more comes of an input.
    fn end(&self, number: usize) {
        let mut state = self.lock();
        if let Some(waiting) = state.waiting(number) {
            waiting.ended = true;
        }
        if number == state.turn {
            self.came.notify_one();
        }
    }

    /// The items that come next, as soon as there are some; `None` after the last.
    fn take(&self) -> Option<Vec<T>> {
        let mut state = self.lock();
        loop {
            if state.turn == self.inputs {
                return None;
            }
            // Otherwise nobody waits for room.
            let was_full = state.bytes >= self.most;
            match state.waiting.front_mut() {
                Some(first) if !first.items.is_empty() => {
                    let items = std::mem::take(&mut first.items);
                    let bytes = std::mem::take(&mut first.bytes);
                    state.bytes -= bytes;
                    if was_full {
                        self.room.notify_all();
                    }
                    return Some(items);
                }
                Some(first) if first.ended => {
                    state.waiting.pop_front();
                    state.turn += 1;
                    if was_full {
                        self.room.notify_all();
                    }
                }
                _ => state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
mod tests;
