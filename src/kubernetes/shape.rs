//! The fields that a type has, found by reading it from a source that answers every question of its reader.
//!
//! `serde` tells a deserializer the fields of each struct that it is to read. The one here notes them, and hands out a value
//! for each, so that the types of the fields are noted as well. So the lists are those of the types that documents are
//! checked against, and can't be others.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::{cell::RefCell, collections::BTreeMap, fmt, sync::Arc};

/// What a value may hold.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// An object whose fields are known.
    Object(Arc<Fields>),
    /// A list of such values.
    List(Arc<Shape>),
    /// A mapping whose keys are anybody's.
    Map(Arc<Shape>),
    /// One value without parts.
    Scalar(Scalar),
    /// Anything: no type is known.
    Open,
}

/// What kind of value it is that has no parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// A string, or a time.
    Text,
    /// A number.
    Number,
    /// A boolean.
    Boolean,
    /// One of these, or none of them alone: a quantity, a port by number or name.
    Any,
}

/// The fields of an object.
#[derive(Debug)]
pub(crate) struct Fields {
    /// The type's name, as in `Volume`.
    pub(crate) name: &'static str,
    known: BTreeMap<&'static str, Shape>,
    /// The fields that the type has and that are never here, with the variable that has them instead.
    elsewhere: BTreeMap<&'static str, &'static str>,
    /// Whether it may have other fields as well.
    pub(crate) is_open: bool,
}

impl Fields {
    /// An object with these fields.
    pub(crate) fn new(
        name: &'static str,
        known: impl IntoIterator<Item = (&'static str, Shape)>,
        is_open: bool,
    ) -> Self {
        Self {
            name,
            known: known.into_iter().collect(),
            elsewhere: BTreeMap::new(),
            is_open,
        }
    }

    /// The shape of a field.
    pub(crate) fn get(&self, field: &str) -> Option<&Shape> {
        self.known.get(field)
    }

    /// The variable that has a field which is never here.
    pub(crate) fn elsewhere(&self, field: &str) -> Option<&'static str> {
        self.elsewhere.get(field).copied()
    }

    /// Whether it is what is left of an object of which variables have the rest.
    pub(crate) fn is_rest(&self) -> bool {
        !self.elsewhere.is_empty()
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.known.keys().copied()
    }
}

impl Shape {
    /// The shape of a type; open where the type can't be traced.
    pub(crate) fn of<T: DeserializeOwned>() -> Self {
        let found = RefCell::new(Self::Open);
        let path = RefCell::new(Vec::new());
        let tracer = Tracer {
            found: &found,
            path: &path,
            text: "",
        };
        match T::deserialize(tracer) {
            Ok(_) => found.into_inner(),
            Err(_) => Self::Open,
        }
    }

    /// A list of these.
    pub(crate) fn list(self) -> Self {
        Self::List(Arc::new(self))
    }

    /// The shape of a field of an object whose type is known.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(name),
            _ => None,
        }
    }

    /// The same object with other shapes for some of its fields.
    pub(crate) fn with(&self, others: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        let Self::Object(fields) = self else {
            return self.clone();
        };
        let mut known = fields.known.clone();
        known.extend(others);
        Self::Object(Arc::new(Fields {
            name: fields.name,
            known,
            elsewhere: fields.elsewhere.clone(),
            is_open: fields.is_open,
        }))
    }

    /// The same object without some fields, each of which a variable has instead.
    pub(crate) fn without(&self, moved: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        let Self::Object(fields) = self else {
            return self.clone();
        };
        let elsewhere: BTreeMap<_, _> = moved.into_iter().collect();
        let known = fields
            .known
            .iter()
            .filter(|(name, _)| !elsewhere.contains_key(*name));
        Self::Object(Arc::new(Fields {
            name: fields.name,
            known: known.map(|(name, shape)| (*name, shape.clone())).collect(),
            elsewhere,
            is_open: fields.is_open,
        }))
    }
}

/// What every time is, so that types which parse one can be read.
const TIME: &str = "1970-01-01T00:00:00.000000Z";

/// What a reader of any JSON says that it expects.
const ANY_JSON: &str = "any valid JSON value";

/// Notes which type is read, and returns the smallest value of that type.
#[derive(Clone, Copy)]
struct Tracer<'t> {
    found: &'t RefCell<Shape>,
    /// The types that it is within: one that holds itself is open there.
    path: &'t RefCell<Vec<&'static str>>,
    /// What a string is.
    text: &'static str,
}

/// A type that no answer of the tracer's satisfies.
#[derive(Debug)]
struct Untraceable;

impl fmt::Display for Untraceable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this type can't be traced")
    }
}

impl std::error::Error for Untraceable {}

impl serde::de::Error for Untraceable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What a visitor says that it expects.
struct Expects<'v, V>(&'v V);

impl<'de, V: Visitor<'de>> fmt::Display for Expects<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

impl Tracer<'_> {
    fn scalar<T>(self, kind: Scalar, value: Result<T, Untraceable>) -> Result<T, Untraceable> {
        self.found.replace(Shape::Scalar(kind));
        value
    }

    /// The same for what is inside of this value, whose shape then stands in `found`.
    fn inner<'t>(&self, found: &'t RefCell<Shape>) -> Tracer<'t>
    where
        Self: 't,
    {
        Tracer {
            found,
            path: self.path,
            text: "",
        }
    }
}

macro_rules! scalars {
    ($($kind:ident $method:ident $visit:ident $value:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
            self.scalar(Scalar::$kind, visitor.$visit($value))
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Untraceable;

    scalars! {
        Boolean deserialize_bool visit_bool false;
        Number deserialize_i8 visit_i8 0;
        Number deserialize_i16 visit_i16 0;
        Number deserialize_i32 visit_i32 0;
        Number deserialize_i64 visit_i64 0;
        Number deserialize_i128 visit_i128 0;
        Number deserialize_u8 visit_u8 0;
        Number deserialize_u16 visit_u16 0;
        Number deserialize_u32 visit_u32 0;
        Number deserialize_u64 visit_u64 0;
        Number deserialize_u128 visit_u128 0;
        Number deserialize_f32 visit_f32 0.0;
        Number deserialize_f64 visit_f64 0.0;
        Any deserialize_char visit_char 'a';
        Any deserialize_bytes visit_bytes &[];
        Any deserialize_byte_buf visit_byte_buf Vec::new();
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        let is_open = Expects(&visitor).to_string() == ANY_JSON;
        self.found.replace(if is_open {
            Shape::Open
        } else {
            Shape::Scalar(Scalar::Any)
        });
        visitor.visit_u64(0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        self.scalar(Scalar::Text, visitor.visit_str(self.text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        self.scalar(Scalar::Text, visitor.visit_str(self.text))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        self.scalar(Scalar::Text, visitor.visit_str(self.text))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        self.scalar(Scalar::Any, visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        self.scalar(Scalar::Any, visitor.visit_unit())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        self.found.replace(Shape::Open);
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        let text = if name.ends_with("Time") { TIME } else { "" };
        let value = visitor.visit_newtype_struct(Tracer { text, ..self });
        // `1` and `"1"` are the same.
        if name == "Quantity" {
            self.found.replace(Shape::Scalar(Scalar::Any));
        }
        value
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        let item = RefCell::new(Shape::Open);
        let value = visitor.visit_seq(One(Some(self.inner(&item))))?;
        self.found.replace(item.into_inner().list());
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Untraceable> {
        Err(Untraceable)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Untraceable> {
        Err(Untraceable)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        let item = RefCell::new(Shape::Open);
        let value = visitor.visit_map(One(Some(self.inner(&item))))?;
        self.found.replace(Shape::Map(Arc::new(item.into_inner())));
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        if self.path.borrow().contains(&name) {
            self.found.replace(Shape::Open);
            return visitor.visit_map(One(None));
        }
        self.path.borrow_mut().push(name);
        let mut known = BTreeMap::new();
        let value = visitor.visit_map(Each {
            fields: fields.iter(),
            field: "",
            known: &mut known,
            tracer: self,
        });
        self.path.borrow_mut().pop();
        let value = value?;
        self.found
            .replace(Shape::Object(Arc::new(Fields::new(name, known, false))));
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        self.scalar(
            Scalar::Any,
            visitor.visit_enum(Variant(variants.first().copied().unwrap_or_default())),
        )
    }
}

/// A list or a mapping of one item, or of none.
struct One<'t>(Option<Tracer<'t>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Untraceable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Untraceable> {
        self.0.take().map(|tracer| seed.deserialize(tracer)).transpose()
    }
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Untraceable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Untraceable> {
        let key = || seed.deserialize(serde::de::value::StrDeserializer::new("key"));
        self.0.is_some().then(key).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Untraceable> {
        seed.deserialize(self.0.take().ok_or(Untraceable)?)
    }
}

/// Every field of a struct, one after the other.
struct Each<'k, 't> {
    fields: std::slice::Iter<'static, &'static str>,
    field: &'static str,
    known: &'k mut BTreeMap<&'static str, Shape>,
    tracer: Tracer<'t>,
}

impl<'de> MapAccess<'de> for Each<'_, '_> {
    type Error = Untraceable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Untraceable> {
        for field in self.fields.by_ref() {
            // A type that is a kind takes none but its own, and needs neither.
            if ["apiVersion", "kind"].contains(field) {
                self.known.insert(field, Shape::Scalar(Scalar::Any));
                continue;
            }
            self.field = field;
            return seed
                .deserialize(serde::de::value::StrDeserializer::new(field))
                .map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Untraceable> {
        let found = RefCell::new(Shape::Open);
        let value = seed.deserialize(self.tracer.inner(&found))?;
        self.known.insert(self.field, found.into_inner());
        Ok(value)
    }
}

/// A variant without content.
struct Variant(&'static str);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Untraceable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Untraceable> {
        let name = serde::de::value::StrDeserializer::new(self.0);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Untraceable;

    fn unit_variant(self) -> Result<(), Untraceable> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Untraceable> {
        Err(Untraceable::custom(""))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Untraceable> {
        Err(Untraceable)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Untraceable> {
        Err(Untraceable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;

    /// Every path below a shape that ends in a scalar or in what is open, the latter with a `*`.
    fn paths(shape: &Shape, at: &str, paths: &mut Vec<String>) {
        match shape {
            Shape::Object(fields) => {
                for name in fields.names() {
                    let below = format!("{at}.{name}");
                    paths_of(fields.get(name).unwrap(), &below, paths);
                }
            }
            other => paths_of(other, at, paths),
        }
    }

    fn paths_of(shape: &Shape, at: &str, found: &mut Vec<String>) {
        match shape {
            Shape::Object(_) => paths(shape, at, found),
            Shape::List(item) => paths_of(item, &format!("{at}[]"), found),
            Shape::Map(item) => paths_of(item, &format!("{at}{{}}"), found),
            Shape::Scalar(_) => found.push(at.to_owned()),
            Shape::Open => found.push(format!("{at}*")),
        }
    }

    #[test]
    fn a_pod_has_all_of_its_fields_and_only_what_has_no_type_is_open() {
        let mut found = Vec::new();
        paths(&Shape::of::<Pod>(), "", &mut found);
        for path in [
            ".kind",
            ".metadata.labels{}",
            ".metadata.creationTimestamp",
            ".spec.volumes[].hostPath.path",
            ".spec.volumes[].ephemeral.volumeClaimTemplate.spec.selector.matchExpressions[].values[]",
            ".spec.containers[].resources.limits{}",
            ".spec.containers[].livenessProbe.httpGet.port",
            ".spec.containers[].securityContext.capabilities.add[]",
            ".spec.hostNetwork",
            ".status.conditions[].lastTransitionTime",
        ] {
            assert!(found.contains(&path.to_owned()), "{path} is not among {found:#?}");
        }
        let open: Vec<_> = found.iter().filter(|path| path.ends_with('*')).collect();
        let of_claims = ".spec.volumes[].ephemeral.volumeClaimTemplate.metadata.managedFields[].fieldsV1*";
        assert_eq!(open, [".metadata.managedFields[].fieldsV1*", of_claims]);
        assert!(found.len() > 800, "{}", found.len());
    }

    #[test]
    fn a_type_that_holds_itself_ends() {
        #[derive(serde::Deserialize)]
        #[allow(dead_code, reason = "only its fields are of interest")]
        struct Node {
            name: Option<String>,
            below: Option<Box<Node>>,
        }
        let mut found = Vec::new();
        paths(&Shape::of::<Node>(), "", &mut found);
        assert_eq!(found, [".below*", ".name"]);
    }
}
