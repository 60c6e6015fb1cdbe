//! What all conversions share: the place that they are at, and how absence is written.

use crate::{
    finding::{Kept, Statement, expected},
    operator::application::error::{missing, problem},
    strict::{Place, Problem},
};
use serde::de::{
    DeserializeOwned, IntoDeserializer,
    value::{Error as ValueError, StrDeserializer},
};
use std::{cell::RefCell, collections::BTreeMap};

/// Where in the message a conversion is, and where it reports what is wrong there.
#[derive(Clone, Copy)]
pub(super) struct MessagePlace<'a> {
    place: Place<'a>,
    problems: &'a RefCell<Kept<Problem>>,
}

impl<'a> MessagePlace<'a> {
    pub(super) fn root(name: &'a str, problems: &'a RefCell<Kept<Problem>>) -> Self {
        Self {
            place: Place::Field(&Place::Document, name),
            problems,
        }
    }

    pub(super) fn field<'b>(&'b self, name: &'b str) -> MessagePlace<'b> {
        self.below(Place::Field(&self.place, name))
    }

    fn below<'b>(&'b self, place: Place<'b>) -> MessagePlace<'b> {
        MessagePlace {
            place,
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

    fn convert(self, at: &MessagePlace<'_>) -> Self::To;
}

impl<C: Convert> Convert for Option<C> {
    type To = Option<C::To>;

    fn convert(self, at: &MessagePlace<'_>) -> Self::To {
        self.map(|message| message.convert(at))
    }
}

impl<C: Convert> Convert for Vec<C> {
    type To = Vec<C::To>;

    fn convert(self, at: &MessagePlace<'_>) -> Self::To {
        self.into_iter()
            .enumerate()
            .map(|(i, message)| message.convert(&at.below(Place::Item(&at.place, i))))
            .collect()
    }
}

impl<C: Convert> Convert for BTreeMap<String, C> {
    type To = BTreeMap<String, C::To>;

    fn convert(self, at: &MessagePlace<'_>) -> Self::To {
        self.into_iter()
            .map(|(key, message)| {
                let to = message.convert(&at.below(Place::Key(&at.place, &key)));
                (key, to)
            })
            .collect()
    }
}

/// Converts messages field by field: `MESSAGE => TYPE { field, field: how, field as other_name: how }`.
///
/// A field goes over as it is, or
/// - `set`: is absent where it has no value ([`set`]);
/// - `part`: is converted itself; `list`: likewise, and absent where nothing is in it; `always`: likewise, though the message
///   lacks it; `rest`, of the last field: what it is converted to has all other fields;
/// - `named(ENUM)`, `required(ENUM)`, `typed(ENUM)`: is the enum's value by name ([`named`], [`required`], [`typed`]);
/// - `via(function)`: is what a function of the value and its place gives.
///
/// A message is taken apart without `..`, so that the compiler names a field that is forgotten. What the messages don't have
/// is said by `..absent(fields)`, or by `..rest` for Kubernetes' types, which grow.
macro_rules! convert_fields {
    ($($message:ident => $type:ident {
        $($field:ident $(as $name:ident)? $(: $how:ident $(($with:ident))?)?),* $(,)?
        $(..$others:ident $(($($lacking:ident),*))?)?
    })*) => {$(
        impl $crate::operator::application::from_wire::convert::Convert for $crate::operator::wire::$message {
            type To = $type;

            #[allow(unused_variables, reason = "not every message has a part that may be wrong")]
            fn convert(self, at: &$crate::operator::application::from_wire::convert::MessagePlace<'_>) -> $type {
                use $crate::operator::application::from_wire::convert::*;
                let Self { $($field),* } = self;
                convert_fields!(@fields $type, at, []
                    $($field $(as $name)? $(: $how $(($with))?)?,)* $(..$others $(($($lacking),*))?)?)
            }
        }
    )*};

    // One field after the other goes into the brackets, as the type has it.
    (@fields $type:ident, $at:ident, [$($done:tt)*]
        $field:ident as $name:ident $(: $how:ident $(($with:ident))?)?, $($rest:tt)*) => {
        convert_fields!(@fields $type, $at,
            [$($done)* $name: convert_fields!(@value $at, $field $($how $(($with))?)?),] $($rest)*)
    };
    (@fields $type:ident, $at:ident, [$($done:tt)*] $field:ident: rest,) => {
        $type { $($done)* ..$field.unwrap_or_default().convert(&at_field!($at, $field)) }
    };
    (@fields $type:ident, $at:ident, [$($done:tt)*]
        $field:ident $(: $how:ident $(($with:ident))?)?, $($rest:tt)*) => {
        convert_fields!(@fields $type, $at,
            [$($done)* $field: convert_fields!(@value $at, $field $($how $(($with))?)?),] $($rest)*)
    };
    (@fields $type:ident, $at:ident, [$($done:tt)*]) => { $type { $($done)* } };
    (@fields $type:ident, $at:ident, [$($done:tt)*] ..rest) => { $type { $($done)* ..$type::default() } };
    (@fields $type:ident, $at:ident, [$($done:tt)*] ..absent($($lacking:ident),*)) => {
        $type { $($done)* $($lacking: Default::default()),* }
    };

    (@value $at:ident, $field:ident) => { $field };
    (@value $at:ident, $field:ident set) => { set($field) };
    (@value $at:ident, $field:ident part) => { $field.convert(&at_field!($at, $field)) };
    (@value $at:ident, $field:ident list) => { set($field.convert(&at_field!($at, $field))) };
    (@value $at:ident, $field:ident always) => {
        $field.unwrap_or_default().convert(&at_field!($at, $field))
    };
    (@value $at:ident, $field:ident via($function:ident)) => { $function($field, &at_field!($at, $field)) };
    (@value $at:ident, $field:ident typed($enum:ident)) => {
        typed::<$crate::operator::wire::$enum, _>($field, &at_field!($at, $field))
    };
    (@value $at:ident, $field:ident $name:ident($enum:ident)) => {
        $name::<$crate::operator::wire::$enum>($field, &at_field!($at, $field))
    };
}
pub(super) use convert_fields;

macro_rules! at_field {
    ($at:ident, r#type) => {
        $at.field("type")
    };
    ($at:ident, $field:ident) => {
        $at.field(stringify!($field))
    };
}
pub(super) use at_field;

/// A field without presence: absent when it is `""`, 0, `false` or has nothing in it.
pub(super) fn set<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

/// An enum of the contract.
pub(super) trait EnumName: TryFrom<i32> {
    /// The name that Kubernetes or the operator has for it; none for 0.
    fn name(self) -> Option<&'static str>;
}

/// The name behind an enum's number; absent for 0.
pub(super) fn named<E: EnumName>(number: i32, at: &MessagePlace<'_>) -> Option<String> {
    let value = E::try_from(number)
        .inspect_err(|_| at.problem(expected("a value of this enum").kind(number.to_string())))
        .ok()?;
    value.name().map(str::to_owned)
}

/// The same for a field that has to be there.
pub(super) fn required<E: EnumName>(number: i32, at: &MessagePlace<'_>) -> String {
    if number == 0 {
        at.missing();
    }
    named::<E>(number, at).unwrap_or_default()
}

/// The same for a field that is an enum in the application too.
pub(super) fn typed<E: EnumName, T: DeserializeOwned>(number: i32, at: &MessagePlace<'_>) -> Option<T> {
    by_name(&named::<E>(number, at)?)
}

/// An enum of the application by its name in JSON.
pub(super) fn by_name<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(name.into_deserializer() as StrDeserializer<'_, ValueError>).ok()
}
