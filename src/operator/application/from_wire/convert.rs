//! What all conversions share: the place that they are at, and how absence is written.

use crate::{
    finding::{Kept, Statement, expected},
    operator::application::{
        error::{missing, problem},
        place::Place,
    },
    strict::Problem,
};
use serde::de::{
    DeserializeOwned, IntoDeserializer,
    value::{Error as ValueError, StrDeserializer},
};
use std::{cell::RefCell, collections::BTreeMap};

/// Where in the message a conversion is, and where it reports what is wrong there.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    place: Place<'a>,
    problems: &'a RefCell<Kept<Problem>>,
}

impl<'a> At<'a> {
    pub(super) fn root(name: &'a str, problems: &'a RefCell<Kept<Problem>>) -> Self {
        Self {
            place: Place::Root(name),
            problems,
        }
    }

    pub(super) fn field<'b>(&'b self, name: &'b str) -> At<'b> {
        At {
            place: Place::Field(&self.place, name),
            problems: self.problems,
        }
    }

    fn item(&self, index: usize) -> At<'_> {
        At {
            place: Place::Item(&self.place, index),
            problems: self.problems,
        }
    }

    fn key<'b>(&'b self, key: &'b str) -> At<'b> {
        At {
            place: Place::Key(&self.place, key),
            problems: self.problems,
        }
    }

    /// Reports a problem here. The conversion goes on with some value; the result won't be used.
    pub(super) fn problem(&self, said: Statement) {
        self.problems
            .borrow_mut()
            .push_with(|| problem(self.place.to_string(), said));
    }

    /// Reports that what has to be here isn't.
    pub(super) fn missing(&self) {
        self.problem(missing());
    }
}

/// A message that becomes a part of the application.
///
/// Implementations take the message apart without `..`, so that the compiler names a field that is forgotten.
pub(super) trait Convert {
    type To;

    fn convert(self, at: &At<'_>) -> Self::To;
}

impl<C: Convert> Convert for Option<C> {
    type To = Option<C::To>;

    fn convert(self, at: &At<'_>) -> Self::To {
        self.map(|message| message.convert(at))
    }
}

impl<C: Convert> Convert for Vec<C> {
    type To = Vec<C::To>;

    fn convert(self, at: &At<'_>) -> Self::To {
        self.into_iter()
            .enumerate()
            .map(|(i, message)| message.convert(&at.item(i)))
            .collect()
    }
}

impl<C: Convert> Convert for BTreeMap<String, C> {
    type To = BTreeMap<String, C::To>;

    fn convert(self, at: &At<'_>) -> Self::To {
        self.into_iter()
            .map(|(key, message)| {
                let to = message.convert(&at.key(&key));
                (key, to)
            })
            .collect()
    }
}

/// A field without presence: absent when it is `""`, 0, `false` or has nothing in it.
pub(super) fn set<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

/// An enum of the contract.
pub(super) trait Named: TryFrom<i32> {
    /// The name that Kubernetes or the operator has for it; none for 0.
    fn name(self) -> Option<&'static str>;
}

/// The name behind an enum's number; absent for 0.
pub(super) fn named<E: Named>(number: i32, at: &At<'_>) -> Option<String> {
    let value = E::try_from(number)
        .inspect_err(|_| at.problem(expected("a value of this enum").kind(number.to_string())))
        .ok()?;
    value.name().map(str::to_owned)
}

/// The same for a field that has to be there.
pub(super) fn required<E: Named>(number: i32, at: &At<'_>) -> String {
    if number == 0 {
        at.missing();
    }
    named::<E>(number, at).unwrap_or_default()
}

/// The same for a field that is an enum in the application too.
pub(super) fn typed<E: Named, T: DeserializeOwned>(number: i32, at: &At<'_>) -> Option<T> {
    by_name(&named::<E>(number, at)?)
}

/// An enum of the application by its name in JSON.
pub(super) fn by_name<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(name.into_deserializer() as StrDeserializer<'_, ValueError>).ok()
}
