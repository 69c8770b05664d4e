//! Reads JSON in which structs are objects, as serde_json writes them.
//!
//! serde_json also accepts arrays for structs, for which the page would carry each type's code twice.
//! So this sits between serde_json and the types and asks for a map wherever a type asks for a struct; everything else is passed on.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// Reads a value from the text that serde_json made of it.
///
/// # Errors
/// When the text is not JSON, or not JSON of this type.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Objects(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// One of serde's roles (reader, visitor, seed, access) below which structs are objects.
struct Objects<T>(T);

/// Reads a struct variant's fields.
struct Fields<V>(V);

/// Passes a request on as it is: nothing below it can be a struct.
macro_rules! plain {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(visitor)
        }
    )* };
}

/// Passes a request on, and keeps an eye on what is below it.
macro_rules! nested {
    ($($method:ident($($name:ident: $type:ty),*))*) => { $(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* Objects(visitor))
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    // A type that accepts anything also accepts arrays for structs.
    plain! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_identifier
        deserialize_ignored_any
    }

    nested! {
        deserialize_option()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Objects(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(reader))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        // A key is never a struct.
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, content) = self.0.variant_seed(seed)?;
        Ok((name, Objects(content)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Fields(visitor))
    }
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        reader.deserialize_map(Objects(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, Debug, PartialEq, PartialOrd, Eq, Ord, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Id(u64);

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Pair(i32, Option<Id>);

    /// Every form that derived code can ask for.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Form {
        Bare,
        Wrapped(Box<Record>),
        Two(f32, String),
        Named { pair: Pair, flags: Vec<bool> },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Record {
        name: Rc<str>,
        form: Option<Form>,
        by_id: BTreeMap<Id, Vec<Form>>,
        place: [f64; 2],
        #[serde(default)]
        late: u8,
    }

    fn forms() -> impl Strategy<Value = Form> {
        let pairs = (any::<i32>(), any::<Option<u64>>());
        let pairs = pairs.prop_map(|(number, id)| Pair(number, id.map(Id)));
        let leaf = prop_oneof![
            Just(Form::Bare),
            (any::<i16>(), ".*").prop_map(|(number, text)| Form::Two(number.into(), text)),
            (pairs, any::<Vec<bool>>()).prop_map(|(pair, flags)| Form::Named { pair, flags }),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            let lists = prop::collection::btree_map(
                any::<u64>().prop_map(Id),
                prop::collection::vec(inner.clone(), 0..3),
                0..3,
            );
            let record = (
                ".*",
                prop::option::of(inner),
                lists,
                // Whole numbers: serde_json may read fractions one bit off.
                any::<[i32; 2]>().prop_map(|place| place.map(f64::from)),
                0..9_u8,
            );
            record.prop_map(|(name, form, by_id, place, late)| {
                Form::Wrapped(Box::new(Record {
                    name: name.into(),
                    form,
                    by_id,
                    place,
                    late,
                }))
            })
        })
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_writes_as_serde_json_does(form in forms()) {
            let text = serde_json::to_string(&form).expect("is plain data");
            let read: Form = from_json(&text).expect("was just written");
            let other: Form = serde_json::from_str(&text).expect("was just written");
            prop_assert_eq!(&read, &other);
            prop_assert_eq!(read, form);
        }
    }

    #[test]
    fn refuses_what_it_is_not_made_for() {
        let record = r#"{"name":"a","form":null,"by_id":{},"place":[0,1],"extra":[{}]}"#;
        assert!(
            from_json::<Record>(record).is_ok(),
            "unknown fields are passed over"
        );
        assert!(
            from_json::<Record>(r#"["a",null,{},[0,1],2]"#).is_err(),
            "an array is no struct"
        );
        assert!(from_json::<Form>(r#"{"named":[[1,2],[]]}"#).is_err());
        assert!(
            from_json::<Record>(r#"{"name":"a"}"#).is_err(),
            "fields are missing"
        );
        assert!(
            from_json::<Form>(r#""bare" 1"#).is_err(),
            "something follows"
        );
        assert!(from_json::<Form>(r#""named""#).is_err());
        assert!(
            from_json::<Form>(r#"{"two":[1.0"#).is_err(),
            "it is cut off"
        );
    }
}
