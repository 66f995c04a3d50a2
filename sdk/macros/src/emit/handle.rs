//! `handle!`: a module with another contract's types, its errors, and a method for each of its methods.

use chancery_abi::schema::{Docs, TypeRef};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, ext::IdentExt};

use crate::model::{Handle, HandleField, HandleMethod, HandleShape, HandleType};

pub(crate) fn handle(handle: &Handle) -> TokenStream {
    let Handle { attrs, visibility, ident, path, contract, .. } = handle;
    let refusal = format_ident!("{}Refusal", contract.unraw());
    let types = handle.types.iter().map(own_type);
    let errors = errors(handle, &refusal);
    let methods = handle.methods.iter().map(|method| self::method(method, &refusal));
    let docs = doc(&handle.docs);
    quote! {
        #(#attrs)*
        #[allow(dead_code, missing_docs, clippy::all)]
        #visibility mod #ident {
            // Cargo compiles this again when the file changes; its bytes are not part of the contract.
            const _: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path));

            #(#types)*

            #errors

            #docs
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct #contract {
                address: ::chancery_sdk::Address,
                gas: u64,
            }

            impl #contract {
                /// The contract at an address. Nothing is called yet.
                pub fn at(address: ::chancery_sdk::Address) -> Self {
                    Self { address, gas: u64::MAX }
                }

                /// The contract's address.
                pub fn address(&self) -> ::chancery_sdk::Address {
                    self.address
                }

                /// The same, giving each call at most so much gas.
                pub fn with_gas(mut self, gas: u64) -> Self {
                    self.gas = gas;
                    self
                }

                #(#methods)*
            }
        }
    }
}

fn derives() -> TokenStream {
    quote! {
        #[derive(
            Clone,
            Debug,
            PartialEq,
            Eq,
            ::chancery_sdk::__private::codec::Encode,
            ::chancery_sdk::__private::codec::Decode,
        )]
        #[codec(crate = ::chancery_sdk::__private::codec)]
    }
}

fn own_type(own: &HandleType) -> TokenStream {
    let (ident, docs, derives) = (&own.ident, doc(&own.docs), derives());
    match &own.shape {
        HandleShape::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                let (member, docs) = (member(field), doc(&field.docs));
                quote!(#docs pub #member)
            });
            quote!(#docs #derives pub struct #ident { #(#fields),* })
        }
        HandleShape::Enum(variants) => {
            let variants = variants.iter().map(|(ident, index, docs, fields)| {
                let (docs, fields) = (doc(docs), variant_fields(fields));
                quote!(#docs #[codec(index = #index)] #ident #fields)
            });
            quote!(#docs #derives pub enum #ident { #(#variants),* })
        }
    }
}

fn variant_fields(fields: &[HandleField]) -> TokenStream {
    if fields.is_empty() {
        return TokenStream::new();
    }
    let members = fields.iter().map(|field| {
        let (member, docs) = (member(field), doc(&field.docs));
        quote!(#docs #member)
    });
    quote!({ #(#members),* })
}

fn errors(handle: &Handle, refusal: &Ident) -> TokenStream {
    let variants = handle.errors.iter().map(|error| {
        let (ident, docs, fields) = (&error.ident, doc(&error.message), variant_fields(&error.fields));
        quote!(#docs #ident #fields)
    });
    let arms = handle.errors.iter().map(|error| {
        let (code, ident) = (error.code, &error.ident);
        let fields = error.fields.iter().map(|field| {
            let ident = &field.ident;
            quote!(#ident: ::chancery_sdk::__private::codec::Decode::decode(__fields).ok()?)
        });
        quote!(#code => Self::#ident { #(#fields),* })
    });
    let docs = format!(" What {} refuses with.", handle.contract);
    quote! {
        #[doc = #docs]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum #refusal { #(#variants),* }

        impl ::chancery_sdk::Refusals for #refusal {
            #[allow(unused_variables)]
            fn read(__code: u32, __fields: &mut &[u8]) -> ::core::option::Option<Self> {
                ::core::option::Option::Some(match __code {
                    #(#arms,)*
                    _ => return ::core::option::Option::None,
                })
            }
        }
    }
}

fn method(method: &HandleMethod, refusal: &Ident) -> TokenStream {
    let (ident, name, docs) = (&method.ident, method.name.as_str(), doc(&method.docs));
    let parameters = method.arguments.iter().map(|argument| {
        let (ident, ty) = (&argument.ident, borrowed(&argument.ty));
        quote!(#ident: #ty)
    });
    let encoded = method.arguments.iter().map(|argument| {
        let ident = &argument.ident;
        quote!(::chancery_sdk::__private::codec::Encode::encode_to(&#ident, &mut __input);)
    });
    let returns = owned(&method.returns);
    quote! {
        #docs
        pub fn #ident(
            &self,
            __cx: &::chancery_sdk::Cx,
            #(#parameters),*
        ) -> ::core::result::Result<#returns, ::chancery_sdk::CallError<#refusal>> {
            #[allow(unused_mut)]
            let mut __input = ::chancery_sdk::prelude::Vec::<u8>::new();
            #(#encoded)*
            ::chancery_sdk::__private::call(__cx, &self.address, #name, &__input, self.gas)
        }
    }
}

fn member(field: &HandleField) -> TokenStream {
    let (ident, ty) = (&field.ident, owned(&field.ty));
    quote!(#ident: #ty)
}

/// A type as a field or result has it.
fn owned(ty: &TypeRef) -> TokenStream {
    match ty {
        TypeRef::Unit => quote!(()),
        TypeRef::Bool => quote!(bool),
        TypeRef::Unsigned(bits) => integer("u", *bits),
        TypeRef::Signed(bits) => integer("i", *bits),
        TypeRef::Text => quote!(::chancery_sdk::prelude::String),
        TypeRef::Bytes => quote!(::chancery_sdk::prelude::Vec<u8>),
        TypeRef::FixedBytes(count) => {
            let count = *count as usize;
            quote!([u8; #count])
        }
        TypeRef::Address => quote!(::chancery_sdk::Address),
        TypeRef::Digest => quote!(::chancery_sdk::Digest),
        TypeRef::Optional(inner) => {
            let inner = owned(inner);
            quote!(::core::option::Option<#inner>)
        }
        TypeRef::List(inner) => {
            let inner = owned(inner);
            quote!(::chancery_sdk::prelude::Vec<#inner>)
        }
        TypeRef::Tuple(parts) => {
            let parts = parts.iter().map(owned);
            quote!((#(#parts,)*))
        }
        // The parser has made sure that every name is one.
        TypeRef::Named(name) => {
            let name = syn::parse_str::<Ident>(name).unwrap_or_else(|_| Ident::new_raw(name, crate::emit::here()));
            quote!(self::#name)
        }
    }
}

/// A type as an argument has it: without a copy where it has a size of its own.
fn borrowed(ty: &TypeRef) -> TokenStream {
    match ty {
        TypeRef::Unit | TypeRef::Bool | TypeRef::Unsigned(_) | TypeRef::Signed(_) => owned(ty),
        TypeRef::Text => quote!(&str),
        TypeRef::Bytes => quote!(&[u8]),
        TypeRef::List(inner) => {
            let inner = owned(inner);
            quote!(&[#inner])
        }
        other => {
            let other = owned(other);
            quote!(&#other)
        }
    }
}

fn integer(kind: &str, bits: u8) -> TokenStream {
    let name = Ident::new(&format!("{kind}{bits}"), crate::emit::here());
    quote!(#name)
}

/// Documentation in both languages, as the SDK writes it.
fn doc(docs: &Docs) -> TokenStream {
    let lines = docs.en.lines().map(|line| format!(" {line}"));
    let lines = lines.chain(docs.zh.lines().map(|line| format!(" zh: {line}")));
    quote!(#(#[doc = #lines])*)
}
