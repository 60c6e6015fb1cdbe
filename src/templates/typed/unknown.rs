//! A field or a variable that a template reads and that can't be there.

use crate::{
    kubernetes::{Fields, Shape},
    limits::SUGGESTED_NAME,
};

/// What was read, and what could be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The name that was read. It may be a value of a user's, where a template reads `x[y]`.
    pub(crate) name: String,
    /// The type that has no such field; none for a variable.
    of: Option<&'static str>,
    /// What to read instead.
    advice: Option<String>,
}

/// What templates see and policies don't, and what policies see in its place.
const OF_TEMPLATES: [(&str, &str); 4] = [
    ("application", "submission"),
    ("config_map", "config_maps"),
    ("pod", "driver"),
    ("executor_pod", "executor"),
];

impl Unknown {
    /// A field that this object can't have.
    pub(crate) fn new(fields: &Fields, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            of: Some(fields.name),
            advice: advice(fields, name),
        }
    }

    /// A variable that no template has.
    pub(crate) fn variable<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Self {
        let known: Vec<_> = known.collect();
        let is_of_policy = known.contains(&"submission");
        let meant = OF_TEMPLATES
            .iter()
            .find(|(other, _)| is_of_policy && *other == name);
        let near = match meant {
            Some((_, meant)) => Some(*meant),
            None => nearest(name, known.iter().copied()),
        };
        Self {
            name: name.to_owned(),
            of: None,
            advice: match near {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None => is_of_policy.then(|| format!("a policy sees {}", known.join(", "))),
            },
        }
    }

    /// What is wrong, behind words that have the name.
    pub(crate) fn without_name(&self) -> String {
        let advice = self.advice.as_ref().map(|advice| format!("; {advice}"));
        let advice = advice.unwrap_or_default();
        match self.of {
            Some(_) => format!("unknown field{}{advice}", self.of()),
            None => format!("unknown variable{advice}"),
        }
    }

    /// The type that has no such field, where its name says something to authors of templates.
    fn of(&self) -> String {
        let of = self.of.filter(|name| !name.ends_with("Plan"));
        of.map(|name| format!(" of {name}")).unwrap_or_default()
    }

    /// What is wrong; with the name only where a template has it in its text.
    pub(crate) fn message(&self, is_written: bool) -> String {
        let name = if is_written {
            format!(" `{}`", self.name)
        } else {
            String::new()
        };
        let advice = match &self.advice {
            Some(advice) if is_written => format!("; {advice}"),
            _ => String::new(),
        };
        match self.of {
            Some(_) => format!("unknown field{name}{}{advice}", self.of()),
            None => format!("unknown variable{name}{advice}"),
        }
    }
}

/// What to read instead of a field that is not of this type.
fn advice(fields: &Fields, name: &str) -> Option<String> {
    if let Some(variable) = fields.elsewhere(name) {
        return Some(format!("it is in `{variable}`"));
    }
    if name.len() > SUGGESTED_NAME.most {
        return None;
    }
    if let Some(same) = fields.names().find(|field| plain(field) == plain(name)) {
        return Some(format!("did you mean `{same}`?"));
    }
    // A variable holds what others don't: `pod.hostNetwork` is in `pod.other_spec`.
    let within = fields.names().find(|field| match fields.get(field) {
        Some(Shape::Object(inner)) => inner.is_rest() && inner.get(name).is_some(),
        _ => false,
    });
    let meant = match within {
        Some(field) => format!("{field}.{name}"),
        None => nearest(name, fields.names())?.to_owned(),
    };
    Some(format!("did you mean `{meant}`?"))
}

/// `; did you mean …?` with the name that is most like another one; empty where none is.
pub(crate) fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let near = nearest(name, known);
    near.map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

/// The name that is most like another one, whether its words begin with a capital or follow an underscore.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > SUGGESTED_NAME.most {
        return None;
    }
    let wanted = plain(name);
    let distance = |known: &str| strsim::damerau_levenshtein(&wanted, &plain(known));
    let (distance, near) = known.map(|known| (distance(known), known)).min()?;
    (distance <= wanted.chars().count().div_ceil(3)).then_some(near)
}

/// A name without what tells Kubernetes' spelling from ours.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}
