//! A list whose members keep their numbers while others come and go.
//!
//! Compiled rules name proxies by number, so that one that goes leaves its number free, and the others theirs
//! alone. Who comes takes a free number and stands last: the order is that of coming, not of numbers.

/// Members by number, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    places: Vec<Option<T>>,
    order: Vec<usize>,
}

// === impl Numbered ===

impl<T> Numbered<T> {
    /// The member with this number.
    pub fn get(&self, number: usize) -> Option<&T> {
        self.places.get(number)?.as_ref()
    }

    /// The members in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.numbered().map(|(_, member)| member)
    }

    /// The members in their order, with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &T)> + Clone {
        self.order.iter().filter_map(|&number| Some((number, self.get(number)?)))
    }

    /// The member that came as the `rank`th, from 0, of those that are there.
    pub fn ranked(&self, rank: usize) -> Option<&T> {
        self.get(*self.order.get(rank)?)
    }

    /// The number of the first member that is meant.
    pub fn position(&self, is_meant: impl Fn(&T) -> bool) -> Option<usize> {
        self.numbered().find(|(_, member)| is_meant(member)).map(|(number, _)| number)
    }

    /// One for each number up to the last that anybody has: `None` where it is free.
    pub fn places(&self) -> &[Option<T>] {
        &self.places
    }

    /// The number that the next one gets.
    pub fn free(&self) -> usize {
        self.places.iter().position(Option::is_none).unwrap_or(self.places.len())
    }

    /// The same members, seen otherwise.
    pub fn map<U>(&self, change: impl FnMut(&T) -> U) -> Numbered<U> {
        let mut change = change;
        let places = self.places.iter().map(|place| place.as_ref().map(&mut change)).collect();
        Numbered { places, order: self.order.clone() }
    }

    /// Puts a member into a place: of another, which keeps its rank, or a free one.
    pub fn put(&mut self, number: usize, member: T) {
        if self.places.len() <= number {
            self.places.resize_with(number + 1, || None);
        }
        if let Some(place) = self.places.get_mut(number)
            && place.replace(member).is_none()
        {
            self.order.push(number);
        }
    }

    /// Lets a member go.
    pub fn remove(&mut self, number: usize) -> Option<T> {
        let gone = self.places.get_mut(number)?.take()?;
        self.order.retain(|&n| n != number);
        Some(gone)
    }
}

impl<T> FromIterator<T> for Numbered<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let places: Vec<Option<T>> = members.into_iter().map(Some).collect();
        Self { order: (0..places.len()).collect(), places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_who_comes_stands_last() {
        let mut list: Numbered<&str> = ["a", "b", "c"].into_iter().collect();
        assert_eq!(list.remove(1), Some("b"));
        assert_eq!(list.remove(1), None);
        assert_eq!((list.free(), list.get(1), list.get(2)), (1, None, Some(&"c")));
        list.put(list.free(), "d");
        list.put(list.free(), "e");
        list.put(2, "C");
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), ["a", "C", "d", "e"]);
        assert_eq!(list.position(|m| *m == "d"), Some(1));
        assert_eq!(list.map(|m| m.len()).places(), [Some(1), Some(1), Some(1), Some(1)]);
    }
}
