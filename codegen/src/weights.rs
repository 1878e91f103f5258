//! `include_tree!`: what a file of tensors holds, as tokens that `kiln::rt::layout::tree` makes a value of.
//!
//! Three kinds of file: safetensors, `.npz` (an archive of NumPy's arrays) and `.npy` (one of them). Nothing is known here of
//! the type that is asked for, so nothing about it can be wrong here; only the file can.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use safetensors::{Dtype, SafeTensors};
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token, Type};

/// Reads a file as bytes.
pub type ReadBytes<'a> = &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>;

/// `facade; Type, "file"`: an expression of that type.
pub fn include_tree(input: TokenStream, read: ReadBytes<'_>) -> TokenStream {
    let expanded = syn::parse2::<Request>(input).and_then(|request| request.expand(read));
    expanded.unwrap_or_else(|error| error.to_compile_error())
}

struct Request {
    facade: TokenStream,
    ty: Type,
    file: LitStr,
}

impl Parse for Request {
    fn parse(input: ParseStream<'_>) -> syn::Result<Request> {
        let facade = input.parse::<syn::Path>()?;
        input.parse::<Token![;]>()?;
        let usage = |error: syn::Error| {
            syn::Error::new(error.span(), format!("{error}; write `include_tree!(Type, \"file.safetensors\")`"))
        };
        let ty = input.parse().map_err(usage)?;
        input.parse::<Token![,]>().map_err(usage)?;
        let file = input.parse().map_err(usage)?;
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(usage(input.error("a type and a file are all that is needed")));
        }
        Ok(Request { facade: quote!(#facade), ty, file })
    }
}

impl Request {
    fn expand(&self, read: ReadBytes<'_>) -> syn::Result<TokenStream> {
        let Request { facade, ty, file } = self;
        let error = |text: String| syn::Error::new(file.span(), text);
        let name = file.value();
        let bytes = read(&self.path()).map_err(|e| {
            error(format!("cannot read `{name}`: {e}; it is looked for in the folder of this source file, as `include_bytes!` does"))
        })?;
        let content = Content::of(&name, &bytes).map_err(|why| error(format!("`{name}`: {why}")))?;
        // rustc learns through this that the program depends on the file.
        let included = quote!(::core::include_bytes!(#file));
        let data = match content.data {
            Data::InPlace => quote!(const BYTES: &[u8] = #included;),
            Data::Unpacked(data) => {
                let data = Literal::byte_string(&data);
                quote!(const _: &[u8] = #included; const BYTES: &[u8] = #data;)
            }
        };
        let tensors = content.tensors.iter().map(|Tensor { name, dtype, shape, offset }| {
            let dtype = format_ident!("{}", dtype);
            quote!(#facade::rt::layout::Tensor {
                name: #name, dtype: #facade::rt::layout::Dtype::#dtype, shape: &[#(#shape),*], offset: #offset,
            })
        });
        let place = syn::spanned::Spanned::span(ty);
        // The type is where rustc says what does not fit.
        let value = quote_spanned!(place=> #facade::rt::layout::tree::<#ty, _>(#name, TENSORS, BYTES));
        let count = content.tensors.len();
        Ok(quote!(const {
            #data
            const TENSORS: &[#facade::rt::layout::Tensor; #count] = &[#(#tensors),*];
            #value
        }))
    }

    /// Beside the source file that the name is written in.
    fn path(&self) -> PathBuf {
        let source = self.file.span().local_file().unwrap_or_default();
        source.parent().unwrap_or(Path::new("")).join(self.file.value())
    }
}

/// What a file holds.
struct Content {
    /// Sorted by name.
    tensors: Vec<Tensor>,
    data: Data,
}

/// Where the numbers are.
enum Data {
    /// In the file, as they are.
    InPlace,
    /// Here: they were compressed, or in another order.
    Unpacked(Vec<u8>),
}

struct Tensor {
    name: String,
    /// The variant of `kiln::rt::layout::Dtype`.
    dtype: &'static str,
    shape: Vec<usize>,
    offset: usize,
}

impl Content {
    fn of(file: &str, bytes: &[u8]) -> Result<Content, String> {
        let mut content = match Path::new(file).extension().and_then(|e| e.to_str()) {
            Some("npz") => npz(bytes)?,
            Some("npy") => {
                let mut data = Vec::new();
                let tensor = npy(String::new(), bytes, &mut data)?;
                Content { tensors: vec![tensor], data: Data::Unpacked(data) }
            }
            Some("safetensors") => safetensors(bytes)?,
            _ => return Err("weights are read from `.safetensors`, `.npz` and `.npy`".into()),
        };
        content.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        match content
            .tensors
            .windows(2)
            .find_map(|pair| if let [a, b] = pair { (a.name == b.name).then_some(a) } else { None })
        {
            Some(twice) => Err(format!("it has two tensors named `{}`", twice.name)),
            None => Ok(content),
        }
    }
}

fn safetensors(bytes: &[u8]) -> Result<Content, String> {
    // Checks that the tensors fill the file.
    SafeTensors::deserialize(bytes).map_err(|e| format!("this is no safetensors file: {e}"))?;
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let tensors = metadata.tensors().into_iter().map(|(name, info)| Tensor {
        name,
        dtype: dtype(info.dtype),
        shape: info.shape.clone(),
        // The length of the header is eight bytes in front of it.
        offset: 8 + header + info.data_offsets.0,
    });
    Ok(Content { tensors: tensors.collect(), data: Data::InPlace })
}

fn dtype(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::BOOL => "Bool",
        Dtype::I8 => "I8",
        Dtype::I16 => "I16",
        Dtype::I32 => "I32",
        Dtype::I64 => "I64",
        Dtype::U8 => "U8",
        Dtype::U16 => "U16",
        Dtype::U32 => "U32",
        Dtype::U64 => "U64",
        Dtype::F16 => "F16",
        Dtype::BF16 => "Bf16",
        Dtype::F32 => "F32",
        Dtype::F64 => "F64",
        Dtype::C64 => "Complex64",
        _ => "Other",
    }
}

fn npz(bytes: &[u8]) -> Result<Content, String> {
    let wrong = |e: zip::result::ZipError| format!("this is no `.npz` file: {e}");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(wrong)?;
    let (mut tensors, mut data) = (Vec::new(), Vec::new());
    for i in 0..archive.len() {
        let mut member = archive.by_index(i).map_err(wrong)?;
        let name = member.name().map_err(wrong)?.into_owned();
        let Some(name) = name.strip_suffix(".npy") else { continue };
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).map_err(|e| format!("`{name}` cannot be unpacked: {e}"))?;
        tensors.push(npy(name.to_owned(), &bytes, &mut data).map_err(|why| format!("`{name}`: {why}"))?);
    }
    Ok(Content { tensors, data: Data::Unpacked(data) })
}

/// An array in NumPy's format (numpy.lib.format, versions 1 to 3): its numbers are added to `data`, row by row, least byte
/// first.
fn npy(name: String, bytes: &[u8], data: &mut Vec<u8>) -> Result<Tensor, String> {
    let (header, numbers) = npy_header(bytes).ok_or("this is no `.npy` file")?;
    let entry = |key: &str| header.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
    let incomplete = || format!("its header is not understood: {header}");
    let descr = entry("descr").ok_or_else(incomplete)?;
    let Some(descr) = descr.strip_prefix('\'').and_then(|d| d.split_once('\'')).map(|(d, _)| d) else {
        return Err("its elements are records; store each field as an array of its own".into());
    };
    let (dims, _) = entry("shape").and_then(|s| s.strip_prefix('(')?.split_once(')')).ok_or_else(incomplete)?;
    let dims = dims.split(',').map(str::trim).filter(|d| !d.is_empty());
    let shape: Vec<usize> = dims.map(|d| d.parse().ok()).collect::<Option<_>>().ok_or_else(incomplete)?;
    let by_columns = entry("fortran_order").ok_or_else(incomplete)?.starts_with("True");

    let (order, kind) = descr.split_at(descr.len().min(1));
    // Bytes of a number, and of each part of it that has an order of bytes.
    let (dtype, size, part) = match kind {
        "b1" => ("Bool", 1, 1),
        "i1" => ("I8", 1, 1),
        "i2" => ("I16", 2, 2),
        "i4" => ("I32", 4, 4),
        "i8" => ("I64", 8, 8),
        "u1" => ("U8", 1, 1),
        "u2" => ("U16", 2, 2),
        "u4" => ("U32", 4, 4),
        "u8" => ("U64", 8, 8),
        "f2" => ("F16", 2, 2),
        "f4" => ("F32", 4, 4),
        "f8" => ("F64", 8, 8),
        "c8" => ("Complex64", 8, 4),
        "c16" => ("Complex128", 16, 8),
        // NumPy lacks it, and stores what `ml_dtypes` adds as two bytes of no type.
        "V2" => ("Bf16", 2, 2),
        _ => return Err(format!("its elements are `{descr}`, which kernels lack")),
    };
    let count = shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim)).ok_or_else(incomplete)?;
    if count.checked_mul(size) != Some(numbers.len()) {
        return Err(format!(
            "it has {} bytes of numbers where its shape {shape:?} says {count} times {size}",
            numbers.len()
        ));
    }
    let offset = data.len();
    data.reserve(numbers.len());
    let mut index = vec![0; shape.len()];
    for flat in 0..count {
        let at = match by_columns {
            true => index.iter().zip(&shape).rev().fold(0, |at, (i, dim)| at * dim + i),
            false => flat,
        };
        let number = numbers.get(at * size..(at + 1) * size).unwrap_or_default();
        match order {
            ">" => number.chunks(part).for_each(|part| data.extend(part.iter().rev())),
            _ => data.extend(number),
        }
        for (i, dim) in index.iter_mut().zip(&shape).rev() {
            *i += 1;
            if *i < *dim {
                break;
            }
            *i = 0;
        }
    }
    Ok(Tensor { name, dtype, shape, offset })
}

/// The header of an array, and the bytes behind it.
fn npy_header(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (&[major, _], rest) = rest.split_first_chunk::<2>()?;
    let (len, rest) = match major {
        1 => rest.split_first_chunk::<2>().map(|(len, rest)| (usize::from(u16::from_le_bytes(*len)), rest))?,
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_le_bytes(*len)).ok()?, rest)
        }
        _ => return None,
    };
    let (header, numbers) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(header).ok()?.trim_end(), numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(descr: &str, by_columns: bool, shape: &str, numbers: &[u8]) -> Vec<u8> {
        let by_columns = if by_columns { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {by_columns}, 'shape': {shape}, }}\n");
        let len = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), numbers].concat()
    }

    #[test]
    fn arrays_by_columns_are_turned_and_great_bytes_first_are_reversed() {
        let mut data = Vec::new();
        let bytes = array(">u2", true, "(2, 3)", &[0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 1, 6]);
        let tensor = npy("x".into(), &bytes, &mut data).unwrap();
        assert_eq!((tensor.dtype, &tensor.shape[..]), ("U16", &[2, 3][..]));
        assert_eq!(data, [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1]);
    }

    #[test]
    fn a_scalar_and_an_empty_array_have_their_shapes() {
        let mut data = Vec::new();
        assert!(npy(String::new(), &array("<f4", false, "()", &[0; 4]), &mut data).unwrap().shape.is_empty());
        assert_eq!(npy(String::new(), &array("<f4", true, "(3, 0)", &[]), &mut data).unwrap().shape, [3, 0]);
        assert_eq!(data.len(), 4);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let said = |file: &str, bytes: &[u8]| Content::of(file, bytes).err().unwrap();
        assert!(said("x.npy", b"hello").contains("no `.npy` file"));
        assert!(said("x.npz", b"hello").contains("no `.npz` file"));
        assert!(said("x.safetensors", b"hello").contains("no safetensors file"));
        assert!(said("x.pt", b"hello").contains("`.safetensors`, `.npz` and `.npy`"));
        assert!(said("x.npy", &array("<U3", false, "(1,)", &[0; 12])).contains("`<U3`"));
        assert!(said("x.npy", &array("<f4", false, "(2,)", &[0; 4])).contains("[2]"));
        assert!(said("x.npy", &array("<f4", false, "(99999999999, 99999999999)", &[0; 4])).contains("not understood"));
    }
}
