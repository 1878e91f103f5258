//! `threefry2x32`: the counter-based generator behind `random::`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::call;
use crate::ops::{Elementwise, OpError, Tangent, param};
use crate::text::Params;

/// One word of the Threefry-2x32 block of operands `k0`, `k1` (the key) and `x0`, `x1` (the counter), all u32.
#[derive(Clone, Debug)]
pub struct Threefry2x32 {
    /// Which word.
    pub word: Word,
}

/// What of the two words of a block is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// The first.
    First,
    /// The second.
    Second,
    /// Both, combined by exclusive or: 32 random bits of JAX's partitionable generator.
    Both,
}

impl Word {
    const ALL: [(Word, &'static str); 3] = [(Word::First, "first"), (Word::Second, "second"), (Word::Both, "both")];

    /// The word called `name`.
    pub fn from_name(name: &str) -> Result<Word, String> {
        let found = Self::ALL.iter().find(|(_, n)| *n == name);
        found.map(|(w, _)| *w).ok_or_else(|| format!("`{name}` is not a word of a block"))
    }
}

impl Elementwise for Threefry2x32 {
    const NAME: &'static str = "threefry2x32";
    const ARITY: usize = 4;

    fn params(&self) -> Params {
        [param("word", Word::ALL[self.word as usize].1)].into()
    }

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        match ins.iter().position(|d| *d != DType::U32) {
            Some(n) => Err(OpError::new(format!("keys and counters are u32, found {}", ins[n])).at(n)),
            None => Ok(DType::U32),
        }
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        let [k0, k1, x0, x1] = [0, 1, 2, 3].map(|n| match x[n] {
            Scalar::U32(x) => x,
            other => panic!("a block of {}", other.dtype()),
        });
        let (a, b) = kiln_math::threefry2x32(k0, k1, x0, x1);
        Scalar::U32(match self.word {
            Word::First => a,
            Word::Second => b,
            Word::Both => a ^ b,
        })
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let block = call("threefry2x32", x);
        match self.word {
            Word::First => quote!(#block.0),
            Word::Second => quote!(#block.1),
            Word::Both => quote!({ let block = #block; block.0 ^ block.1 }),
        }
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    for (word, _) in Word::ALL {
        crate::ops::laws::check_elementwise(Threefry2x32 { word });
    }
}

/// `jax.random.bits(jax.random.key(42), (3,))` of JAX 0.10: key (0, 42), counters (0, i).
#[test]
fn bits_of_jax() {
    let op = Threefry2x32 { word: Word::Both };
    let bits = [0, 1, 2].map(|i| op.scalar(&[0, 42, 0, i].map(Scalar::U32)).to_i128());
    assert_eq!(bits, [2098992034, 2919706841, 2646866425].map(Some));
    // `jax.random.split(jax.random.key(42))`: the words of the blocks are the keys.
    let word = |word, i| Threefry2x32 { word }.scalar(&[0, 42, 0, i].map(Scalar::U32)).to_i128();
    assert_eq!([word(Word::First, 0), word(Word::Second, 0)], [1832780943, 270669613].map(Some));
    assert_eq!([word(Word::First, 1), word(Word::Second, 1)], [64467757, 2916123636].map(Some));
}
