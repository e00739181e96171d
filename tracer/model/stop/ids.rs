//! The cache of function ids, which the hooks of all threads use at a time.

use crate::cache::{self, Cached};
use crate::programs::one_at_a_time;

#[cfg(loom)]
use loom::thread;
#[cfg(not(loom))]
use std::thread;

/// Addresses of code objects that have the same entry in the cache.
const FUNCTIONS: [usize; 2] = [1 << 25, 1 << 26];

fn explore(program: impl Fn() + Send + Sync + 'static) {
    let _one = one_at_a_time();
    #[cfg(loom)]
    loom::model(program);
    #[cfg(not(loom))]
    (0..if cfg!(miri) { 5 } else { 1000 }).for_each(|_| program());
}

/// What the cache may have of a function: nothing, or its own id, which is the number of the function here.
fn look_at(function: usize) {
    let found = cache::get(FUNCTIONS[function]);
    assert!(found.is_none() || found == Some(known(function)), "another function's id");
}

fn known(function: usize) -> Cached {
    Cached { id: function as u32, is_async: function == 1, hides_c_calls: function == 0, is_elided: function == 1 }
}

fn put(function: usize) {
    cache::put(FUNCTIONS[function], known(function));
}

#[test]
fn a_function_never_has_the_id_of_another() {
    explore(|| {
        cache::clear();
        let others = [0, 1].map(|function| thread::spawn(move || put(function)));
        [0, 1].into_iter().for_each(look_at);
        others.into_iter().for_each(|other| other.join().unwrap());
        [0, 1].into_iter().for_each(look_at);
        assert!(FUNCTIONS.iter().any(|function| cache::get(*function).is_some()), "the last one is there");
    });
}

/// The code object is freed, and its address is that of another function now.
#[test]
fn a_removed_function_does_not_come_back() {
    explore(|| {
        cache::clear();
        put(0);
        let other = thread::spawn(|| put(1));
        cache::remove(FUNCTIONS[0]);
        assert_eq!(cache::get(FUNCTIONS[0]), None);
        other.join().unwrap();
        assert_eq!(cache::get(FUNCTIONS[0]), None);
        look_at(1);
    });
}

#[test]
fn an_address_with_too_many_bits_is_left_out() {
    explore(|| {
        cache::clear();
        let function = FUNCTIONS[0] | 1 << 60;
        cache::put(function, known(0));
        assert_eq!((cache::get(function), cache::get(FUNCTIONS[0])), (None, None));
    });
}
