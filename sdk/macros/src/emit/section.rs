//! Entries of the schema section, as statics that the linker joins.
//!
//! On wasm32 a static with a section of its own becomes a custom section and takes no room in memory. Elsewhere it is
//! left out: contracts run as Wasm only.

use chancery_abi::schema::{Entry, SECTION};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// The static that holds `entry`. It must stand in a block of its own.
pub(super) fn section(entry: &Entry) -> TokenStream {
    let bytes = entry.to_section_bytes();
    let length = bytes.len();
    let bytes = Literal::byte_string(&bytes);
    quote! {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = #SECTION)]
            static ENTRY: [u8; #length] = *#bytes;
        };
    }
}
