//! What `${…}` in a conf's values comes to.
//!
//! Each value is expanded once and remembered, so that time and text follow from the length of the conf and of what it
//! comes to, however the values refer to one another. Both are drawn from the submission's budget.

use super::{super::refusal::Refusal, REFERENCE};
use crate::limits::{Budget, Limit, REFERENCED_TEXT, REFERENCES};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The expansions of one conf.
#[derive(Default)]
pub(super) struct Expansions(Mutex<State>);

#[derive(Default)]
struct State {
    /// What was expanded, by its reference.
    known: BTreeMap<String, Arc<str>>,
    /// What was looked up on the way, found or not. A change to one of these makes `known` stale.
    looked_up: BTreeSet<String>,
    budget: Budget,
}

impl Clone for Expansions {
    /// As much is left, and nothing is known.
    fn clone(&self) -> Self {
        Self::new(self.budgeted(|budget| budget.clone()))
    }
}

/// A value that is being expanded, for another one or for the caller.
struct Frame<'v> {
    reference: String,
    raw: &'v str,
    /// Up to where `raw` is expanded.
    at: usize,
    expanded: String,
}

impl Expansions {
    pub(super) fn new(budget: Budget) -> Self {
        Self(Mutex::new(State {
            budget,
            ..State::default()
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn budgeted<R>(&self, draw: impl FnOnce(&mut Budget) -> R) -> R {
        draw(&mut self.state().budget)
    }

    /// The value of `key` changes.
    pub(super) fn changed(&mut self, key: &str) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.looked_up.contains(key) {
            state.known.clear();
            state.looked_up.clear();
        }
    }

    /// `raw`, the value of `key`, with every `${name}` replaced by what `referred` finds, expanded in turn. What it doesn't find
    /// stays as it is, as Spark's `ConfigReader` has it.
    ///
    /// # Errors
    /// Where values refer to one another in a circle, where there is more than the budget has, or as `referred` says.
    pub(super) fn of<'v>(
        &self,
        key: &str,
        raw: &'v str,
        referred: impl Fn(&str) -> Result<Option<&'v str>, Refusal>,
    ) -> Result<Arc<str>, Refusal> {
        let over = |limit: Limit| Refusal::from(limit.at(key));
        let mut state = self.state();
        let state = &mut *state;
        if let Some(known) = state.known.get(key) {
            return Ok(Arc::clone(known));
        }
        let mut under_way = BTreeSet::from([key.to_owned()]);
        let mut frames = vec![Frame::new(key, raw)];
        state.looked_up.insert(key.to_owned());
        while let Some(frame) = frames.last_mut() {
            let Some((start, end)) = next_reference(frame.raw, frame.at) else {
                frame.expanded.push_str(&frame.raw[frame.at..]);
                let Some(Frame {
                    reference, expanded, ..
                }) = frames.pop()
                else {
                    break;
                };
                let expanded: Arc<str> = expanded.into();
                under_way.remove(&reference);
                state.known.insert(reference, Arc::clone(&expanded));
                match frames.last_mut() {
                    None => return Ok(expanded),
                    Some(outer) => outer.push(&expanded, &mut state.budget, over)?,
                }
                continue;
            };
            frame.expanded.push_str(&frame.raw[frame.at..start]);
            frame.at = end;
            if !state.budget.reference() {
                return Err(over(REFERENCES));
            }
            let name = &frame.raw[start + REFERENCE.len()..end - 1];
            // `${spark:spark.a}` is `${spark.a}`.
            let name = name.strip_prefix("spark:").unwrap_or(name);
            if !state.looked_up.contains(name) {
                state.looked_up.insert(name.to_owned());
            }
            match referred(name)? {
                None => frame.expanded.push_str(&frame.raw[start..end]),
                Some(value) if !value.contains(REFERENCE) => {
                    frame.push(value, &mut state.budget, over)?;
                }
                Some(value) => match state.known.get(name) {
                    Some(known) => frame.push(known, &mut state.budget, over)?,
                    None if under_way.insert(name.to_owned()) => frames.push(Frame::new(name, value)),
                    None => return Err(Refusal::new(key, "its ${…} refer to one another in a circle")),
                },
            }
        }
        // The loop returns with the last frame.
        Ok(raw.into())
    }
}

impl<'v> Frame<'v> {
    fn new(reference: &str, raw: &'v str) -> Self {
        Self {
            reference: reference.to_owned(),
            raw,
            at: 0,
            expanded: String::new(),
        }
    }

    /// Puts in what a reference stands for.
    fn push(
        &mut self,
        text: &str,
        budget: &mut Budget,
        over: impl Fn(Limit) -> Refusal,
    ) -> Result<(), Refusal> {
        if !budget.referenced_text(text.len()) {
            return Err(over(REFERENCED_TEXT));
        }
        self.expanded.push_str(text);
        Ok(())
    }
}

/// The next `${name}` from `at` on: where it begins, and where it ends. A name is not empty and has none of the blanks of Java's
/// regular expressions, which are all ASCII. Each character is looked at twice at most.
fn next_reference(raw: &str, mut at: usize) -> Option<(usize, usize)> {
    loop {
        let start = at + raw[at..].find(REFERENCE)?;
        let name = start + REFERENCE.len();
        // Without any of these no later reference ends either.
        let length = raw[name..].find(['}', ' ', '\t', '\n', '\u{b}', '\u{c}', '\r'])?;
        if length > 0 && raw[name + length..].starts_with('}') {
            return Some((start, name + length + 1));
        }
        // Before white space every other `${` would run into it, too.
        at = name + length;
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ConfReader, SparkConf},
        *,
    };
    use crate::spark::submission::SubmitterContext;

    fn conf(entries: impl IntoIterator<Item = (String, String)>) -> SparkConf {
        entries.into_iter().collect()
    }

    fn read(conf: &SparkConf, key: &str) -> Result<String, String> {
        let context = SubmitterContext::golden();
        let read = ConfReader::new(conf, &context).text(key);
        read.map(Option::unwrap_or_default)
            .map_err(|refusal| refusal.to_string())
    }

    /// `spark.a0` is `last`, and `spark.aN` what `link` makes of `spark.aN-1`.
    fn chain(length: usize, last: &str, link: impl Fn(&str) -> String) -> SparkConf {
        let first = ("spark.a0".to_owned(), last.to_owned());
        let links = (1..=length).map(|n| (format!("spark.a{n}"), link(&format!("${{spark.a{}}}", n - 1))));
        conf(std::iter::once(first).chain(links))
    }

    #[test]
    fn a_chain_is_no_circle_however_long_and_a_circle_is_one_however_long() {
        for length in [1, 33, 1_000, REFERENCES.most] {
            let conf = chain(length, "end", |link| link.to_owned() + ".");
            let expanded = read(&conf, &format!("spark.a{length}"));
            if length == REFERENCES.most {
                // 10,000 links and growing text: the text comes first.
                assert!(expanded.unwrap_err().contains("bytes of text made by references"));
            } else {
                assert_eq!(expanded.unwrap(), format!("end{}", ".".repeat(length)));
            }
        }
        let long = chain(REFERENCES.most, "end", str::to_owned);
        assert_eq!(
            read(&long, &format!("spark.a{}", REFERENCES.most)),
            Ok("end".to_owned())
        );
        let longer = chain(REFERENCES.most + 1, "end", str::to_owned);
        assert_eq!(
            read(&longer, &format!("spark.a{}", REFERENCES.most + 1)),
            Err(format!(
                "spark.a{}: expected at most 10000 references (`${{…}}`) in one submission, found more",
                REFERENCES.most + 1
            ))
        );
        for length in [0, 1, 40, 5_000] {
            let circle = chain(length, &format!("${{spark.a{length}}}"), str::to_owned);
            let refused = read(&circle, &format!("spark.a{length}")).unwrap_err();
            assert!(refused.contains("in a circle"), "{length}: {refused}");
        }
    }

    #[test]
    fn a_value_that_many_refer_to_is_expanded_once() {
        // Doubled at each link: 2^30 times nothing.
        let conf = chain(30, "", |link| link.repeat(2));
        assert_eq!(read(&conf, "spark.a30"), Ok(String::new()));
        let conf = chain(30, "x", |link| link.repeat(2));
        let refused = read(&conf, "spark.a30").unwrap_err();
        assert!(refused.contains("bytes of text made by references"), "{refused}");
    }

    #[test]
    fn the_text_of_references_ends_at_the_limit() {
        let value = "x".repeat(1 << 16);
        for (times, fits) in [(64, true), (65, false)] {
            let conf = conf([
                ("spark.a".to_owned(), "${spark.b}".repeat(times)),
                ("spark.b".to_owned(), value.clone()),
            ]);
            assert_eq!(read(&conf, "spark.a").is_ok(), fits, "{times}");
        }
    }

    #[test]
    fn all_keys_of_a_conf_share_one_budget_and_a_key_draws_once() {
        let conf = conf((0..3).map(|n| (format!("spark.k{n}"), "${spark.none}".repeat(4_000))));
        for _ in 0..5 {
            for key in ["spark.k0", "spark.k1"] {
                assert_eq!(read(&conf, key).unwrap().len(), 4_000 * "${spark.none}".len());
            }
        }
        let refused = read(&conf, "spark.k2").unwrap_err();
        assert!(refused.contains("expected at most 10000 references"), "{refused}");
    }

    #[test]
    fn what_is_known_is_forgotten_where_it_changes() {
        let mut conf = conf([
            ("spark.a".to_owned(), "${spark.b}${spark.c}".to_owned()),
            ("spark.b".to_owned(), "1".to_owned()),
        ]);
        assert_eq!(read(&conf, "spark.a"), Ok("1${spark.c}".to_owned()));
        conf.set("spark.other", "x");
        conf.set("spark.b", "2");
        assert_eq!(read(&conf, "spark.a"), Ok("2${spark.c}".to_owned()));
        conf.set_default("spark.c", "3");
        assert_eq!(read(&conf, "spark.a"), Ok("23".to_owned()));
        conf.remove("spark.b");
        assert_eq!(read(&conf, "spark.a"), Ok("${spark.b}3".to_owned()));
        conf.set("spark.a", "${spark.c}");
        assert_eq!(read(&conf, "spark.a"), Ok("3".to_owned()));
    }

    #[test]
    fn a_name_has_no_blank_of_ascii_and_any_other() {
        for blank in [
            ' ', '\t', '\n', '\u{b}', '\u{c}', '\r', '\u{a0}', '\u{2003}', '\u{85}', '\u{1c}',
        ] {
            let inner = format!("${{a{blank}${{spark.b}}}}");
            let conf = conf([
                ("spark.a".to_owned(), inner.clone()),
                ("spark.b".to_owned(), "1".to_owned()),
            ]);
            let ends = " \t\n\u{b}\u{c}\r".contains(blank);
            let expected = if ends { format!("${{a{blank}1}}") } else { inner };
            assert_eq!(read(&conf, "spark.a"), Ok(expected), "{blank:?}");
        }
    }

    #[test]
    fn what_looks_like_many_references_is_read_in_one_go() {
        for text in [
            "${".repeat(1 << 19),
            "${".repeat(1 << 18) + " " + &"${".repeat(1 << 18),
            "${ ".repeat(1 << 18) + "}",
            "${}".repeat(1 << 18),
        ] {
            let conf = conf([("spark.a".to_owned(), text.clone())]);
            assert_eq!(read(&conf, "spark.a"), Ok(text));
        }
    }
}
