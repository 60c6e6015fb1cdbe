//! Exemptions: the namespaces in which a policy's refusals don't hold, as data beside the policies (`exempt.yaml`).
//!
//! ```yaml
//! host-path.policy.j2:
//! - namespace: legacy
//!   reason: moves to claims in January
//! - ingest
//! ```

use crate::{
    finding::{Hint, Kept, Words, expected, rule},
    strict::{self, Problem},
    templates::{directory::is_set_name, typed::nearest},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most namespaces that are exempt from one policy.
const MOST_NAMESPACES: usize = 1000;

/// The longest reason, in characters: it is written to the log.
const LONGEST_REASON: usize = 200;

/// A namespace in which a policy's refusals don't hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// The namespace's name. If it is missing, the finding has its place.
    #[serde(default)]
    pub namespace: String,
    /// Why, in the admin's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The names that an `exempt.yaml` may use.
#[derive(Debug)]
pub(in crate::templates) struct Names<'n> {
    /// The policies of its folder.
    pub(in crate::templates) own: Vec<&'n str>,
    /// Those of other layers, and the file that can exempt from each.
    pub(in crate::templates) others: Vec<(&'n str, String)>,
}

/// What is wrong with an `exempt.yaml`, each with its line where that is known.
pub(in crate::templates) type Mistakes = Vec<(String, Option<usize>)>;

/// Reads an `exempt.yaml`: the exemptions of each policy; else what is wrong, each with its line where that is known.
pub(in crate::templates) fn read(
    source: &str,
    names: &Names<'_>,
) -> Result<BTreeMap<String, Vec<Exemption>>, Mistakes> {
    let mut value = strict::parse_yaml(source).map_err(|problem| {
        let line = problem.said.line();
        vec![(problem.to_string(), line)]
    })?;
    if value.is_null() {
        return Ok(BTreeMap::new());
    }
    for item in value.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        for item in item.as_array_mut().into_iter().flatten() {
            if item.is_string() {
                *item = json!({"namespace": std::mem::take(item)});
            }
        }
    }
    let problems = unknown_policies(&value, names);
    let reading = strict::read::<BTreeMap<String, Vec<Exemption>>>(&value);
    let exemptions = match reading.value {
        Some(exemptions) if reading.unknown.is_empty() => exemptions,
        _ => {
            let read: Kept<Problem> = reading.problems();
            let read = read.iter().map(|problem| with_line(problem, source));
            return Err(problems
                .iter()
                .map(|problem| with_line(problem, source))
                .chain(read)
                .collect());
        }
    };
    let wrong = exemptions
        .iter()
        .flat_map(|(policy, exempt)| wrong(policy, exempt));
    let problems: Vec<_> = problems.into_iter().chain(wrong).collect();
    if problems.is_empty() {
        return Ok(exemptions);
    }
    Err(problems
        .iter()
        .map(|problem| with_line(problem, source))
        .collect())
}

/// The names that no policy of the folder has.
fn unknown_policies(value: &Value, names: &Names<'_>) -> Vec<Problem> {
    let keys = value.as_object().into_iter().flat_map(|all| all.keys());
    let unknown = keys.filter(|key| !names.own.contains(&key.as_str()));
    unknown
        .map(|key| {
            let said = expected("the file name of a policy in this folder");
            let elsewhere = names.others.iter().find(|(name, _)| name == key);
            let hint = match (elsewhere, nearest(key, names.own.iter().copied())) {
                (Some((_, file)), _) => Hint::Advice(Words::own(format!(
                    "the policy of this name is another layer's: only {file} can exempt from it"
                ))),
                (None, Some(near)) => Hint::Nearest(near.to_owned()),
                (None, None) if names.own.is_empty() => Hint::Known("no policy".into()),
                (None, None) => Hint::Known(names.own.join(", ").into()),
            };
            Problem::new(key.as_str(), said.hint(hint))
        })
        .collect()
}

/// What the types can't say.
fn wrong(policy: &str, exempt: &[Exemption]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if exempt.is_empty() {
        problems.push(Problem::new(
            policy,
            expected("a non-empty list").kind("an empty list"),
        ));
    }
    if exempt.len() > MOST_NAMESPACES {
        let most = Words::own(format!("at most {MOST_NAMESPACES} namespaces"));
        let count = exempt.len().to_string();
        problems.push(Problem::new(policy, expected(most).kind(count)));
        return problems;
    }
    for (index, exemption) in exempt.iter().enumerate() {
        let place = |field: &str| format!("{policy}[{index}].{field}");
        if !is_set_name(&exemption.namespace) {
            let said = expected("the name of a namespace");
            let said = match exemption.namespace.as_str() {
                "" => said.nothing(),
                other => said.name(other),
            };
            let advice = "each namespace has an entry of its own";
            problems.push(Problem::new(place("namespace"), said.advice(advice)));
        } else if exempt[..index]
            .iter()
            .any(|earlier| earlier.namespace == exemption.namespace)
        {
            problems.push(Problem::new(place("namespace"), rule("is there twice")));
        }
        let is_plain = |reason: &String| {
            let characters = reason.chars().count();
            (1..=LONGEST_REASON).contains(&characters) && !reason.contains(char::is_control)
        };
        if exemption.reason.as_ref().is_some_and(|reason| !is_plain(reason)) {
            let words = Words::own(format!("one line of 1 to {LONGEST_REASON} characters"));
            problems.push(Problem::new(place("reason"), expected(words)));
        }
    }
    problems
}

/// A problem as text, with the line of the policy's name.
fn with_line(problem: &Problem, source: &str) -> (String, Option<usize>) {
    // A name with dots is quoted in paths, and that of a policy has no other meaning.
    let plain = problem
        .path
        .strip_prefix("[\"")
        .and_then(|rest| rest.split_once("\"]"));
    let path = plain.map_or_else(|| problem.path.clone(), |(name, rest)| format!("{name}{rest}"));
    let problem = &Problem::new(path, problem.said.clone());
    let name = problem.path.split('[').next().unwrap_or_default();
    let is_of_name = |line: &str| {
        let line = line.trim_start_matches(['"', '\'']);
        !name.is_empty()
            && line
                .strip_prefix(name)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    };
    let line = source.lines().position(is_of_name);
    (problem.to_string(), line.map(|index| index + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names<'static> {
        Names {
            own: vec!["host-path.policy.j2", "labels.policy.j2"],
            others: vec![("gpus.policy.j2", "always/exempt.yaml".to_owned())],
        }
    }

    #[test]
    fn namespaces_are_exempt_with_a_reason_or_without() {
        let text = "host-path.policy.j2:\n- namespace: legacy\n  reason: until January\n- ingest\nlabels.policy.j2: [ingest]\n";
        let read = read(text, &names()).unwrap();
        let exemption = |namespace: &str, reason: Option<&str>| Exemption {
            namespace: namespace.to_owned(),
            reason: reason.map(str::to_owned),
        };
        let expected = [
            exemption("legacy", Some("until January")),
            exemption("ingest", None),
        ];
        assert_eq!(read["host-path.policy.j2"], expected);
        assert_eq!(read["labels.policy.j2"], expected[1..]);
        assert_eq!(super::read("# none yet\n", &names()), Ok(BTreeMap::new()));
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        for (text, says, line) in [
            (
                "host-paht.policy.j2: [a]\n",
                "did you mean `host-path.policy.j2`?",
                Some(1),
            ),
            (
                "\ngpus.policy.j2: [a]\n",
                "only always/exempt.yaml can exempt from it",
                Some(2),
            ),
            (
                "xyz: [a]\n",
                "known here: host-path.policy.j2, labels.policy.j2",
                Some(1),
            ),
            (
                "labels.policy.j2:\n- namespaces: a\n",
                "labels.policy.j2[0].namespaces: unknown field; did you mean `namespace`?",
                Some(1),
            ),
            (
                "labels.policy.j2: [a]\nlabels.policy.j2: [b]\n",
                "duplicate mapping key",
                Some(2),
            ),
            (
                "labels.policy.j2: [a, b, a]\n",
                "labels.policy.j2[2].namespace: is there twice",
                Some(1),
            ),
            (
                "labels.policy.j2: [team-*]\n",
                "labels.policy.j2[0].namespace: expected the name of a namespace",
                Some(1),
            ),
            (
                "labels.policy.j2: []\n",
                "labels.policy.j2: expected a non-empty list, found an empty list",
                Some(1),
            ),
            (
                "labels.policy.j2: a\n",
                "labels.policy.j2: expected a list",
                Some(1),
            ),
            (
                "labels.policy.j2: [{reason: b}]\n",
                "labels.policy.j2[0].namespace: expected the name of a namespace, found nothing",
                Some(1),
            ),
            (
                "labels.policy.j2: [1]\n",
                "labels.policy.j2[0]: expected a mapping",
                Some(1),
            ),
            (
                "labels.policy.j2: [{namespace: a, reason: ''}]\n",
                "labels.policy.j2[0].reason: expected one line",
                Some(1),
            ),
            ("- a\n", "expected a mapping, found a list", None),
            ("a: [\n", "expected valid YAML", Some(1)),
        ] {
            let problems = read(text, &names()).unwrap_err();
            let (message, found) = &problems[0];
            assert!(message.contains(says), "{text}: {problems:?}");
            assert_eq!(*found, line, "{text}: {message}");
        }
    }
}
