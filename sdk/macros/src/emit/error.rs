//! `#[error]`: each variant's number and data, and its entry.

use chancery_abi::schema::Entry;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{checks, section::section};
use crate::model::Errors;

pub(crate) fn error(errors: &Errors) -> TokenStream {
    let (item, ident) = (&errors.item, &errors.item.ident);
    let codes = errors.variants.iter().map(|variant| {
        let (variant, code) = (&variant.ident, variant.entry.code);
        quote!(Self::#variant { .. } => #code)
    });
    let data = errors.variants.iter().map(|variant| {
        let (ident, members) = (&variant.ident, &variant.fields);
        let bound: Vec<_> = (0..members.len()).map(|place| format_ident!("__field{place}")).collect();
        quote!(Self::#ident { #(#members: #bound),* } => { #(::chancery_sdk::__private::encode_to(#bound, __data);)* })
    });
    let schema = errors.variants.iter().map(|variant| section(&Entry::Error(variant.entry.clone())));
    let checks = checks(&errors.named);
    quote! {
        #item

        const _: () = {
            impl ::chancery_sdk::ContractError for #ident {
                fn code(&self) -> u32 {
                    match self { #(#codes),* }
                }

                #[allow(unused_variables)]
                fn push_data(&self, __data: &mut ::chancery_sdk::prelude::Vec<u8>) {
                    match self { #(#data)* }
                }
            }
            #checks
            #(#schema)*
        };
    }
}
