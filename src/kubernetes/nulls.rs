//! Keys whose value is null count as not written, as Kubernetes reads them.

use serde_json::Value;

/// Removes each key whose value is null, at any depth, and says whether there was one. A mapping that is empty afterwards stays
/// (`emptyDir: {}` says something), and so does an item of a list.
pub(crate) fn drop_nulls(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let before = fields.len();
            fields.retain(|_, value| !value.is_null());
            let here = fields.len() < before;
            fields
                .values_mut()
                .fold(here, |dropped, value| drop_nulls(value) | dropped)
        }
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |dropped, item| drop_nulls(item) | dropped),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_go_and_what_is_around_them_stays() {
        let mut value = json!({
            "a": null, "b": {"c": null}, "d": [null, {"e": null, "f": 0}], "g": "", "h": [], "i": false,
        });
        assert!(drop_nulls(&mut value));
        assert!(!drop_nulls(&mut value));
        let left = json!({"b": {}, "d": [null, {"f": 0}], "g": "", "h": [], "i": false});
        assert_eq!(value, left);
        let mut null = Value::Null;
        drop_nulls(&mut null);
        assert_eq!(null, Value::Null);
    }
}
