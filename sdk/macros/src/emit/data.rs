//! `#[data]`: SCALE, and the entry that explains the type.

use chancery_abi::schema::Entry;
use proc_macro2::TokenStream;
use quote::quote;

use super::{checks, section::section};
use crate::model::Data;

pub(crate) fn data(data: &Data) -> TokenStream {
    let (item, ident) = (&data.item, &data.ident);
    let Entry::Type { name, .. } = &data.entry else { return quote!(#item) };
    let (checks, schema) = (checks(&data.named), section(&data.entry));
    quote! {
        #[derive(::chancery_sdk::__private::codec::Encode, ::chancery_sdk::__private::codec::Decode)]
        #[codec(crate = ::chancery_sdk::__private::codec)]
        #item

        const _: () = {
            impl ::chancery_sdk::Data for #ident {
                const NAME: &'static str = #name;
            }
            #checks
            #schema
        };
    }
}
