//! How the parts of the application are declared.

use std::collections::BTreeMap;

/// Declares parts of the application: each field with its Rust name, its type and its name in JSON.
///
/// Everything may be absent when it is read, and what is absent isn't written. `FIELDS` lists the JSON names.
macro_rules! record {
    ($(
        $(#[$about:meta])*
        pub struct $name:ident {
            $( $(#[$doc:meta])* $field:ident: $type:ty = $json:literal, )*
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$doc])*
                #[serde(rename = $json, skip_serializing_if = "crate::operator::application::record::Absent::is_absent")]
                pub $field: $type,
            )*
        }

        impl $name {
            /// The names of the fields in JSON.
            pub const FIELDS: &'static [&'static str] = &[$($json),*];
        }
    )*};
}
pub(super) use record;

/// Declares a part that others inline: its fields stand among theirs in JSON, and in a field of its own in Rust.
///
/// `#[serde(flatten)]` would hide from the reader which fields are known (it asks for a map, not for a struct),
/// and so every misspelt field would pass. Instead the outer struct reads the keys and offers each to the
/// inlined part.
macro_rules! inlined_record {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $( $(#[$doc:meta])* $field:ident: $type:ty = $json:literal, )*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
        pub struct $name {
            $(
                $(#[$doc])*
                #[serde(rename = $json, skip_serializing_if = "crate::operator::application::record::Absent::is_absent")]
                pub $field: $type,
            )*
        }

        impl $name {
            /// The names of the fields in JSON.
            pub const FIELDS: &'static [&'static str] = &[$($json),*];

            /// Reads the value of `key`, if that is a field of this part.
            pub(super) fn accept<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                match key {
                    $( $json => self.$field = map.next_value()?, )*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}
pub(super) use inlined_record;

/// Declares a struct with fields of its own and an inlined part, its last field.
macro_rules! record_with_inlined {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $( $(#[$doc:meta])* $field:ident: $type:ty = $json:literal, )*
            ..
            $(#[$inner_doc:meta])* $inner:ident: $inlined:ty,
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
        pub struct $name {
            $(
                $(#[$doc])*
                #[serde(rename = $json, skip_serializing_if = "crate::operator::application::record::Absent::is_absent")]
                pub $field: $type,
            )*
            $(#[$inner_doc])*
            #[serde(flatten)]
            pub $inner: $inlined,
        }

        impl $name {
            const OWN_FIELDS: &'static [&'static str] = &[$($json),*];

            /// The names of the fields in JSON, those of the inlined part included.
            pub const FIELDS: &'static [&'static str] = &crate::operator::application::record::joined::<
                { Self::OWN_FIELDS.len() + <$inlined>::FIELDS.len() },
            >(Self::OWN_FIELDS, <$inlined>::FIELDS);
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("struct ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$name, A::Error> {
                        let mut read = $name::default();
                        while let Some(key) = map.next_key::<String>()? {
                            match key.as_str() {
                                $( $json => read.$field = map.next_value()?, )*
                                other => {
                                    if !read.$inner.accept(other, &mut map)? {
                                        map.next_value::<serde::de::IgnoredAny>()?;
                                    }
                                }
                            }
                        }
                        Ok(read)
                    }
                }

                deserializer.deserialize_struct(stringify!($name), Self::FIELDS, Fields)
            }
        }
    };
}
pub(super) use record_with_inlined;

/// `own` and then `inlined`, which together are `N` long.
pub(super) const fn joined<const N: usize>(
    own: &[&'static str],
    inlined: &[&'static str],
) -> [&'static str; N] {
    let mut all = [""; N];
    let mut i = 0;
    while i < N {
        all[i] = if i < own.len() {
            own[i]
        } else {
            inlined[i - own.len()]
        };
        i += 1;
    }
    all
}

/// Whether a field is left out of the JSON, as Go's `omitempty` would.
pub(super) trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Absent for BTreeMap<K, V> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Required fields, which are always written.
macro_rules! never_absent {
    ($($type:ty)*) => {$(
        impl Absent for $type {
            fn is_absent(&self) -> bool {
                false
            }
        }
    )*};
}
pub(super) use never_absent;

never_absent! { String bool i32 i64 }
