//! `#[event]`: SCALE, the index fields, and the event's entry.

use chancery_abi::schema::Entry;
use proc_macro2::TokenStream;
use quote::quote;

use super::{checks, section::section};
use crate::model::Event;

pub(crate) fn event(event: &Event) -> TokenStream {
    let (item, ident, keys) = (&event.item, &event.item.ident, &event.keys);
    let (name, key_count) = (event.entry.name.as_str(), event.keys.len());
    let (checks, schema) = (checks(&event.named), section(&Entry::Event(event.entry.clone())));
    quote! {
        #[derive(::chancery_sdk::__private::codec::Encode)]
        #[codec(crate = ::chancery_sdk::__private::codec)]
        #item

        const _: () = {
            impl ::chancery_sdk::Event for #ident {
                const NAME: &'static str = #name;
                const KEYS: u32 = #key_count as u32;

                fn push_keys(&self, __keys: &mut ::chancery_sdk::__private::EventKeys) {
                    #(__keys.push(&self.#keys);)*
                }
            }
            #checks
            #schema
        };
    }
}
