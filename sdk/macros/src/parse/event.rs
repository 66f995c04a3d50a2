//! `#[event]`: a struct that a contract announces.

use chancery_abi::{limits::EVENT_KEYS_MAX, schema::EventType};
use syn::{Fields, Item};

use super::{Errors, attributes, types};
use crate::model::Event;

pub(crate) fn event(item: Item) -> syn::Result<Event> {
    let Item::Struct(mut item) = item else {
        return Err(syn::Error::new_spanned(item, "put #[event] on a struct"));
    };
    attributes::no_generics(&item.generics, "an event")?;
    attributes::no_codec(&item.attrs)?;
    if let Fields::Unnamed(fields) = &item.fields {
        return Err(syn::Error::new_spanned(fields, "name the fields: readers of the event know them by their names"));
    }
    let mut errors = Errors::default();
    let mut keys = Vec::new();
    for field in &mut item.fields {
        if errors.keep(attributes::take_mark(&mut field.attrs, "index")) == Some(true) {
            if keys.len() == EVENT_KEYS_MAX {
                errors.push(syn::Error::new_spanned(
                    &*field,
                    format!("an event has at most {EVENT_KEYS_MAX} #[index] fields"),
                ));
            }
            keys.extend(field.ident.clone());
        }
    }
    let mut named = Vec::new();
    let name = errors.keep(attributes::snake_case_ident(&item.ident));
    let fields = errors.keep(types::fields(&item.fields, &mut named));
    let key_names = errors.keep(keys.iter().map(attributes::schema_ident).collect::<syn::Result<Vec<_>>>());
    let (Some(name), Some(fields), Some(key_names)) = (name, fields, key_names) else {
        return errors.finish(()).and_then(|()| Err(syn::Error::new_spanned(&item.ident, "this event cannot be read")));
    };
    let entry = EventType { name, fields, keys: key_names, docs: attributes::docs(&item.attrs) };
    errors.finish(Event { item, keys, entry, named })
}
