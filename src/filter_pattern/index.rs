//! Which of many names a plain glob meets, without looking at each.

use super::glob::Glob;

/// Names, by their beginnings and by those of every rest of them.
pub(super) struct Index<'t> {
    names: Sorted<'t>,
    rests: Sorted<'t>,
}

impl<'t> Index<'t> {
    /// Of names with their numbers.
    pub(super) fn of(names: impl Iterator<Item = (&'t str, usize)> + Clone) -> Self {
        let rests = names
            .clone()
            .flat_map(|(name, number)| name.char_indices().filter_map(move |(at, _)| Some((name.get(at..)?, number))));
        Self { names: Sorted::of(names), rests: Sorted::of(rests) }
    }

    /// The numbers of the names that are these, in order.
    pub(super) fn matching(&self, glob: &Glob) -> Vec<usize> {
        let mut found = match glob.parts() {
            [name] => self.names.equal(name),
            [head, tail] if tail.is_empty() => self.names.beginning(head),
            [_, tail] => self.rests.equal(tail),
            [_, middle, _] => self.rests.beginning(middle),
            _ => Vec::new(),
        };
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Strings in order, to find those that begin with another.
struct Sorted<'t>(Vec<(&'t str, usize)>);

impl<'t> Sorted<'t> {
    fn of(strings: impl Iterator<Item = (&'t str, usize)>) -> Self {
        let mut sorted: Vec<_> = strings.collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    fn from(&self, start: &str) -> impl Iterator<Item = &(&'t str, usize)> {
        let first = self.0.partition_point(|(one, _)| *one < start);
        self.0.get(first..).unwrap_or_default().iter()
    }

    /// The numbers of those that begin so.
    fn beginning(&self, start: &str) -> Vec<usize> {
        let found = self.from(start).take_while(|(one, _)| one.starts_with(start));
        found.map(|(_, number)| *number).collect()
    }

    /// The numbers of those that are so.
    fn equal(&self, whole: &str) -> Vec<usize> {
        self.from(whole).take_while(|(one, _)| *one == whole).map(|(_, number)| *number).collect()
    }
}
