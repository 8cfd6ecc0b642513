//! Sorting where speed does not count. The sort of the standard library is 6 to 13 kB of machine code for each type
//! and order; here all share one.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::mem;

/// Sorts items as `sort_by` of a slice does: equal ones stay in their order.
pub(crate) fn sort_by<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let compare_at = |one: usize, other: usize| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    };
    let order = sorted(items.len(), &compare_at);
    let mut taken: Vec<_> = mem::take(items).into_iter().map(Some).collect();
    items.extend(order.into_iter().filter_map(|at| taken.get_mut(at)?.take()));
}

/// The numbers below `count` in the order that `compare` tells.
#[inline(never)]
fn sorted(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|one, other| compare(*one, *other));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ones_stay_in_order() {
        for count in [0, 1, 2, 3, 20, 21, 100, 1000] {
            let mut items: Vec<(usize, usize)> = (0..count).map(|at| (at * 7 % 10, at)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by(&mut items, |(one, _), (other, _)| one.cmp(other));
            assert_eq!(items, expected);
        }
    }
}
