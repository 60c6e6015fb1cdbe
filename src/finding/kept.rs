//! Collections that keep the first few and count the rest, so that a hostile input can't fill the memory with findings.

use super::{counted, cut, listed, one_line};
use crate::limits::{ANSWER_BYTES, FINDINGS, WARNING_BYTES};
use serde::{Deserialize, Serialize};
use std::{fmt, ops::Deref};

/// The first [`FINDINGS`] of what was found; of the rest only the count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<T> {
    kept: Vec<T>,
    more: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            more: 0,
        }
    }
}

impl<T> Kept<T> {
    /// Keeps `item`, or counts it.
    pub fn push(&mut self, item: T) {
        self.push_with(|| item);
    }

    /// The same; `item` is made only if it is kept.
    pub fn push_with(&mut self, item: impl FnOnce() -> T) {
        if self.kept.len() < FINDINGS {
            self.kept.push(item());
        } else {
            self.more += 1;
        }
    }

    /// How many were counted and not kept.
    pub fn more(&self) -> usize {
        self.more
    }

    /// How many were kept so far; what is found from now on stands behind these.
    pub(crate) fn since(&mut self, kept: usize) -> &mut [T] {
        self.kept.get_mut(kept..).unwrap_or_default()
    }

    /// Those that are kept, to be changed.
    pub(crate) fn each(&mut self) -> std::slice::IterMut<'_, T> {
        self.kept.iter_mut()
    }

    /// Takes out those that are kept and fit.
    pub(crate) fn take(&mut self, fits: impl Fn(&T) -> bool) -> Vec<T> {
        let (taken, kept) = std::mem::take(&mut self.kept).into_iter().partition(fits);
        self.kept = kept;
        taken
    }

    /// Puts them in order; equal ones in a row become one.
    pub(crate) fn sort_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> &K)
    where
        T: PartialEq,
    {
        self.kept.sort_by(|a, b| key(a).cmp(key(b)));
        self.kept.dedup();
    }

    /// Takes over all of another.
    pub fn append(&mut self, other: Self) {
        self.more += other.more;
        self.extend(other.kept);
    }
}

impl<T> Extend<T> for Kept<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<T> FromIterator<T> for Kept<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut kept = Self::default();
        kept.extend(items);
        kept
    }
}

impl<T> Deref for Kept<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.kept
    }
}

impl<T: fmt::Display> Kept<T> {
    /// The text as a part of another message: one line.
    pub(crate) fn in_one_line(&self) -> String {
        self.to_string().replace('\n', "; ")
    }
}

impl<T: fmt::Display> fmt::Display for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&listed(&self.kept, self.more))
    }
}

/// What is odd about a submission and stops nobody, one line each: at most [`FINDINGS`] lines and [`ANSWER_BYTES`] in
/// all, the rest counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Lines", into = "Lines")]
pub struct Warnings {
    kept: Vec<String>,
    bytes: usize,
    more: usize,
}

/// As a submission's JSON has them. Reading keeps the limits, whatever the JSON has.
#[derive(Serialize, Deserialize)]
struct Lines {
    lines: Vec<String>,
    more: usize,
}

impl From<Lines> for Warnings {
    fn from(read: Lines) -> Self {
        let mut warnings: Self = read.lines.into_iter().collect();
        warnings.more = warnings.more.saturating_add(read.more);
        warnings
    }
}

impl From<Warnings> for Lines {
    fn from(warnings: Warnings) -> Self {
        Self {
            lines: warnings.kept,
            more: warnings.more,
        }
    }
}

impl<T: fmt::Display> From<Kept<T>> for Warnings {
    fn from(kept: Kept<T>) -> Self {
        let mut warnings: Self = kept.kept.into_iter().collect();
        warnings.count(kept.more);
        warnings
    }
}

impl Warnings {
    /// Keeps a line, or counts it.
    pub fn push(&mut self, line: impl fmt::Display) {
        self.push_with(|| line);
    }

    /// The same; the line is made only if there is room for one.
    pub(crate) fn push_with<S: fmt::Display>(&mut self, line: impl FnOnce() -> S) {
        if self.kept.len() == FINDINGS {
            self.more += 1;
            return;
        }
        let line = cut(&one_line(&line().to_string()), WARNING_BYTES).into_owned();
        if self.bytes + line.len() > ANSWER_BYTES {
            self.more += 1;
        } else {
            self.bytes += line.len();
            self.kept.push(line);
        }
    }

    /// Counts so many that nobody will see.
    pub(crate) fn count(&mut self, more: usize) {
        self.more = self.more.saturating_add(more);
    }

    /// Takes over all of another.
    pub fn append(&mut self, other: Self) {
        self.count(other.more);
        self.extend(other.kept);
    }

    /// The lines to tell, the count of what was left out last.
    pub fn lines(&self) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
        let count = (self.more > 0).then(|| format!("and {}", counted(self.more, "more warning")));
        let kept = self.kept.iter().map(|line| line.as_str().into());
        kept.chain(count.map(Into::into))
    }
}

impl<S: fmt::Display> Extend<S> for Warnings {
    fn extend<I: IntoIterator<Item = S>>(&mut self, lines: I) {
        lines.into_iter().for_each(|line| self.push(line));
    }
}

impl<S: fmt::Display> FromIterator<S> for Warnings {
    fn from_iter<I: IntoIterator<Item = S>>(lines: I) -> Self {
        let mut warnings = Self::default();
        warnings.extend(lines);
        warnings
    }
}

impl Deref for Warnings {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_findings_are_kept_and_the_next_is_counted() {
        let mut kept: Kept<usize> = (0..FINDINGS).collect();
        assert_eq!((kept.len(), kept.more()), (FINDINGS, 0));
        assert!(!kept.to_string().contains("more"));
        kept.push_with(|| unreachable!());
        assert_eq!((kept.len(), kept.more()), (FINDINGS, 1));
        assert!(kept.to_string().ends_with("\nand 1 more"), "{kept}");
        let mut other: Kept<usize> = (0..FINDINGS + 2).collect();
        other.append(kept);
        assert_eq!((other.len(), other.more()), (FINDINGS, FINDINGS + 3));
    }

    #[test]
    fn warnings_have_a_most_number_and_a_most_length() {
        let mut warnings: Warnings = std::iter::repeat_n("x", FINDINGS).collect();
        assert_eq!(warnings.lines().count(), FINDINGS);
        warnings.push("x");
        assert_eq!(warnings.lines().last().unwrap(), "and 1 more warning");
        let quarter = "x".repeat(ANSWER_BYTES / 4);
        let mut long: Warnings = std::iter::repeat_n(quarter, 4).collect();
        assert_eq!(long.lines().count(), 4);
        long.push("x");
        assert_eq!(long.lines().count(), 5);
        assert_eq!(long.len(), 4);
        long.append(warnings);
        assert_eq!(long.lines().last().unwrap(), "and 22 more warnings");
        let one: Warnings = ["x".repeat(1 << 20)].into_iter().collect();
        assert!(one[0].len() <= WARNING_BYTES);
    }

    #[test]
    fn warnings_that_somebody_sends_keep_to_the_limits() {
        let sent = serde_json::json!({"lines": vec!["x"; 1000], "more": 1});
        let warnings: Warnings = serde_json::from_value(sent).unwrap();
        assert_eq!(warnings.len(), FINDINGS);
        assert_eq!(warnings.lines().last().unwrap(), "and 981 more warnings");
        let again: Warnings = serde_json::from_value(serde_json::to_value(&warnings).unwrap()).unwrap();
        assert_eq!(again, warnings);
    }
}
