//! The trait of a block's methods as seen from outside, for tests and tools; nothing of it is in the Wasm.

use chancery_abi::schema::{MethodKind, TypeRef};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Type, spanned::Spanned};

use crate::model::{Method, Methods, Returns};

pub(crate) fn calls(methods: &Methods) -> TokenStream {
    let contract = &*methods.item.self_ty;
    let Some(first) = methods.methods.first() else { return TokenStream::new() };
    // One for each block, so it is named by the block's first method, which no other block has.
    let name = format_ident!("{}{}Calls", last_segment(contract), camel(first.entry.name.as_str()));
    // Messages come from other chains, so nothing calls those methods from outside.
    let from_outside = |method: &&Method| !matches!(method.entry.kind, MethodKind::Message | MethodKind::Bounce);
    let functions = methods.methods.iter().filter(from_outside).map(function);
    let docs = format!(" The methods of `{}` as seen from outside.", last_segment(contract));
    quote! {
        #[doc = #docs]
        #[cfg(not(target_arch = "wasm32"))]
        #[allow(dead_code, private_interfaces, private_bounds, clippy::too_many_arguments, clippy::new_ret_no_self)]
        pub trait #name: ::chancery_sdk::calls::Calls<#contract> {
            #(#functions)*
        }

        #[cfg(not(target_arch = "wasm32"))]
        impl<__Handle: ::chancery_sdk::calls::Calls<#contract> + ?::core::marker::Sized> #name for __Handle {}
    }
}

fn function(method: &Method) -> TokenStream {
    let (ident, name) = (&method.ident, method.entry.name.as_str());
    let places: Vec<_> = (0..method.arguments.len()).map(|place| argument(method, place)).collect();
    let parameters =
        places.iter().zip(method.entry.arguments.iter().zip(&method.arguments)).map(|(place, (field, ty))| {
            // What a test writes as a literal need not be made an owned text first.
            match field.ty {
                TypeRef::Text | TypeRef::Bytes => quote!(#place: impl ::core::convert::Into<#ty>),
                _ => quote!(#place: #ty),
            }
        });
    let encoded =
        places.iter().zip(method.entry.arguments.iter().zip(&method.arguments)).map(|(place, (field, ty))| {
            let value = match field.ty {
                TypeRef::Text | TypeRef::Bytes => quote!(#place.into()),
                _ => quote!(#place),
            };
            quote!(::chancery_sdk::__private::encode_to::<#ty>(&#value, &mut __input);)
        });
    let (returns, how) = match method.entry.kind {
        MethodKind::Call => {
            let ty = returned(&method.returns);
            (quote_spanned!(ty.span() => Self::Call<#ty>), quote_spanned!(ty.span() => self.call(#name, __input)))
        }
        MethodKind::Query => {
            let ty = returned(&method.returns);
            (quote_spanned!(ty.span() => Self::Query<#ty>), quote_spanned!(ty.span() => self.query(#name, __input)))
        }
        MethodKind::Init => {
            (quote!(Self::Begin), quote!(self.begin(::chancery_sdk::calls::Kind::Init, #name, __input)))
        }
        MethodKind::Migrate | MethodKind::Message | MethodKind::Bounce => {
            (quote!(Self::Begin), quote!(self.begin(::chancery_sdk::calls::Kind::Migrate, #name, __input)))
        }
    };
    let docs = method.entry.docs.en.lines().map(|line| format!(" {line}"));
    quote! {
        #(#[doc = #docs])*
        fn #ident(&self, #(#parameters),*) -> #returns {
            #[allow(unused_mut)]
            let mut __input = ::chancery_sdk::prelude::Vec::<u8>::new();
            #(#encoded)*
            #how
        }
    }
}

fn argument(method: &Method, place: usize) -> Ident {
    let name = method.entry.arguments[place].name.as_str();
    // A name of the user's that is a keyword is raw in the source too.
    syn::parse_str::<Ident>(name).unwrap_or_else(|_| Ident::new_raw(name, super::here()))
}

fn returned(returns: &Returns) -> TokenStream {
    match returns {
        Returns::Nothing => quote!(()),
        Returns::Value(ty) | Returns::Fallible(ty) => quote!(#ty),
    }
}

fn last_segment(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// `file_batch` as `FileBatch`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    name.split('_').map(word).collect()
}
