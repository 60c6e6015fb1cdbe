//! Which words of the engine's errors may be shown, and which variables could have been meant.

use crate::limits::SUGGESTED_NAME;
use minijinja::value::{Value, ValueKind};

/// The parts of the context whose keys are fields of the plan. Those of all others (labels, properties, data, …)
/// are the user's, and are not listed.
const STRUCTURES: [&str; 12] = [
    "",
    "application",
    "pod",
    "driver",
    "driver.resources",
    "service",
    "config_map",
    "executor",
    "network_policy",
    "pod_group",
    "object",
    "loop",
];

/// The words that the engine builds its messages from, without the parts that it quotes.
const WORDS: &str = "
    a all an and argument arguments array assign at be block bool boolean bytes calculate call callable
    cannot characters check containment convert create cycle decimal divide elements error exceeded
    exists expected extend failed filter float for format formatted found from function get got has i128
    i64 in inheritance integer integers into invalid is isize item items iterable iterables keyword
    known kwargs large length limit list literal loop macro many map maps method missing more multiplied
    name named namespaces negative no non none not number numbers object of offset on once only operator
    or outside pair parent perform plain positive range recurse recursion recursive referenced repeat
    repeated required reverse round second sequence sequences size slice sliced sort spec step stop
    string strings sum takes template test than that the this time to too tried tuple type types u64
    unable undefined unknown unpack unsized unsupported use usize value values was when with wrong zero
";

/// Whether a message is made of the engine's own words and of such as the failing piece of the template has.
pub(crate) fn is_harmless(detail: &str, source: &str) -> bool {
    let is_separator = |character: char| !(character.is_alphanumeric() || character == '_');
    let is_known = |word: &str| {
        WORDS
            .split_whitespace()
            .any(|known| known.eq_ignore_ascii_case(word))
            || source.split(is_separator).any(|written| written == word)
    };
    detail
        .split(is_separator)
        .all(|word| word.is_empty() || is_known(word))
        && detail
            .chars()
            .all(|character| character.is_ascii_graphic() || character == ' ')
}

/// What to do instead of what other template engines have and this one hasn't, by the engine's message.
pub(crate) fn advice(detail: &str) -> Option<&'static str> {
    const ENCODED: &str = "Kubernetes encodes what a Secret's `stringData` has";
    const JSON: &str = "a value is always written as JSON, which is YAML: `{{ value }}` is enough";
    const ADVICE: [(&str, &str); 18] = [
        ("filter quote is unknown", JSON),
        ("filter squote is unknown", JSON),
        ("filter to_yaml is unknown", JSON),
        ("filter toYaml is unknown", JSON),
        ("filter toJson is unknown", JSON),
        ("filter to_json is unknown", JSON),
        ("filter b64enc is unknown", ENCODED),
        ("filter b64encode is unknown", ENCODED),
        ("filter nindent is unknown", JSON),
        ("fail is unknown", "`refuse(\"text\")` refuses a submission"),
        ("deny is unknown", "`refuse(\"text\")` refuses a submission"),
        ("reject is unknown", "`refuse(\"text\")` refuses a submission"),
        ("raise is unknown", "`refuse(\"text\")` refuses a submission"),
        (
            "filter safe is unknown",
            "a value is always written as JSON; only a macro or a block writes text",
        ),
        (
            "filter escape is unknown",
            "a value is always written as JSON, without a filter",
        ),
        (
            "filter e is unknown",
            "a value is always written as JSON, without a filter",
        ),
        (
            "filter pprint is unknown",
            "`{{ value }}` writes any value as JSON",
        ),
        (
            "namespace is unknown",
            "use `select`, `selectattr` or `map` instead of a variable that a loop changes",
        ),
    ];
    ADVICE
        .iter()
        .find(|(message, _)| *message == detail)
        .map(|(_, advice)| *advice)
}

/// The expression that was undefined, in the template's words: `application.nmae`.
pub(crate) fn undefined_name(error: &minijinja::Error) -> Option<String> {
    let detail = error
        .detail()
        .filter(|_| error.kind() == minijinja::ErrorKind::UndefinedError)?;
    let (name, rest) = detail.strip_prefix('`')?.split_once('`')?;
    rest.starts_with(" is undefined").then(|| name.to_owned())
}

/// The variables that could have been meant by `name`, the most similar first, each with its type.
pub(crate) fn in_reach(context: &Value, name: Option<&str>) -> Vec<String> {
    let name = name.unwrap_or_default();
    let (parent, last) = name.rsplit_once('.').unwrap_or(("", name));
    let (parent, value) = match value_at(context, parent) {
        Some(value) if value.kind() == ValueKind::Map && STRUCTURES.contains(&parent) => (parent, value),
        Some(_) if !parent.is_empty() => return Vec::new(),
        _ => ("", context.clone()),
    };
    let Ok(keys) = value.try_iter() else {
        return Vec::new();
    };
    let mut names: Vec<(u64, String)> = keys
        .filter_map(|key| {
            let key_name = key.as_str()?.to_owned();
            let kind = value.get_attr(&key_name).ok()?.kind();
            // A whole number of millionths, because floats have no total order.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let distance = ((1.0 - strsim::jaro_winkler(last, &key_name)) * 1e6) as u64;
            let dot = if parent.is_empty() { "" } else { "." };
            Some((distance, format!("{parent}{dot}{key_name} ({kind})")))
        })
        .collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

/// Whether a template's text has this name as a word of its own.
pub(crate) fn mentions(source: &str, name: &str) -> bool {
    place_of(source, name).is_some()
}

/// Where a template's text has this name as a word of its own for the first time.
pub(crate) fn place_of(source: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let places = source
        .match_indices(name)
        .map(|(start, _)| start..start + name.len());
    let mut alone = places.filter(|place| {
        !source[..place.start].ends_with(is_word) && !source[place.end..].starts_with(is_word)
    });
    alone.next().filter(|_| !name.is_empty())
}

/// The known name that `name` is most like, if it is like one.
pub(crate) fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    if name.len() > SUGGESTED_NAME.most {
        return None;
    }
    let near = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .min()?;
    (near.0 <= name.chars().count().div_ceil(3)).then_some(near.1)
}

fn value_at(context: &Value, path: &str) -> Option<Value> {
    path.split('.')
        .filter(|segment| !segment.is_empty())
        .try_fold(context.clone(), |value, segment| {
            value.get_attr(segment).ok().filter(|value| !value.is_undefined())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    #[test]
    fn a_message_with_a_word_of_its_own_is_shown_only_if_the_template_has_it() {
        let operator = "tried to use + operator on unsupported types string and number";
        assert!(is_harmless(operator, ""));
        assert!(is_harmless("recursion limit exceeded", ""));
        assert!(!is_harmless("unable to calculate 12 / 0", "a / b"));
        assert!(is_harmless("unable to calculate 12 / 0", "12 / 0"));
        assert!(!is_harmless("string has no method named hunter2", "x[y]()"));
        assert!(!is_harmless("string has no method named hunter2", "x.hunter()"));
        assert!(is_harmless("string has no method named nope", "x.nope()"));
    }

    #[test]
    fn the_nearest_field_of_the_same_parent_comes_first() {
        let context = context! { application => context! { id => 1, name => "x" }, pod => context! {} };
        assert_eq!(
            in_reach(&context, Some("application.nmae")),
            ["application.name (string)", "application.id (number)"]
        );
        assert_eq!(
            in_reach(&context, Some("applicaton")),
            ["application (map)", "pod (map)"]
        );
    }

    #[test]
    fn the_users_keys_are_not_listed() {
        let context = context! { pod => context! { labels => context! { hunter2 => "x" } } };
        assert_eq!(in_reach(&context, Some("pod.labels.foo")), Vec::<String>::new());
    }
}
