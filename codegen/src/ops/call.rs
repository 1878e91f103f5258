//! `call`: another kernel, called where its source would have been too long to be traced again.
//!
//! See [`crate::frontend`] for which callees these are. Their bodies are not there: what is known of one is its signature.

use std::rc::Rc;

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Primitive, Tangent, param, refuse};
use crate::text::{Param, Params};

/// The leaves of the result of a kernel, given those of its arguments. It may print, so it runs, in order, even if nothing reads
/// its result. Transformations need the callee's body: the tracer asks for it before they get here.
#[derive(Clone, Debug)]
pub struct Call {
    /// The callee, as the program being compiled knows it.
    pub kernel: Rc<str>,
    /// The types of its parameters.
    pub params: Vec<Aval>,
    /// The types of its results.
    pub results: Vec<Aval>,
    /// The parameters that it changes: its last results are what they become.
    pub changes: Vec<usize>,
}

impl Call {
    /// From the text form.
    pub fn parse(p: &Params) -> Result<Call, String> {
        let (params, results) = (avals(p, "params")?, avals(p, "results")?);
        let changes = if p.get("changes").is_ok() { p.usizes("changes")? } else { Vec::new() };
        Ok(Call { kernel: p.string("kernel")?.into(), params, results, changes })
    }
}

/// `((f32,4,3),(i32))`.
fn list(avals: &[Aval]) -> Param {
    let one = |a: &Aval| {
        Param::List([Param::DType(a.dtype)].into_iter().chain(a.shape.iter().map(|n| Param::from(*n))).collect())
    };
    Param::List(avals.iter().map(one).collect())
}

fn avals(p: &Params, key: &str) -> Result<Vec<Aval>, String> {
    let one = |item: &Param| -> Option<Aval> {
        let Param::List(parts) = item else { return None };
        let (Param::DType(dtype), shape) = parts.split_first()? else { return None };
        let extent = |p: &Param| if let Param::Int(n) = p { usize::try_from(*n).ok() } else { None };
        Some(Aval::new(*dtype, &shape.iter().map(extent).collect::<Option<Vec<_>>>()?))
    };
    p.list(key)?.iter().map(one).collect::<Option<_>>().ok_or_else(|| format!("parameter `{key}` holds more than types"))
}

/// As values of this type are passed: bools are bytes, as they are in arenas.
pub fn passed(aval: &Aval) -> Aval {
    if aval.dtype == DType::Bool { aval.with_dtype(DType::U8) } else { aval.clone() }
}

impl Primitive for Call {
    fn name(&self) -> &'static str {
        "call"
    }

    fn params(&self) -> Params {
        let mut params: Params = [
            param("kernel", self.kernel.to_string()),
            param("params", list(&self.params)),
            param("results", list(&self.results)),
        ]
        .into();
        if !self.changes.is_empty() {
            let changes = Param::List(self.changes.iter().map(|n| Param::from(*n)).collect());
            params.0.push(("changes".into(), changes));
        }
        params
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        if ins.len() != self.params.len() {
            return Err(OpError::new(format!("`{}` takes {} arrays", self.kernel, self.params.len())));
        }
        match ins.iter().zip(&self.params).position(|(found, wanted)| *found != wanted) {
            Some(n) => {
                Err(OpError::new(format!("`{}` takes {}, found {}", self.kernel, self.params[n], ins[n])).at(n))
            }
            None => Ok(self.results.clone()),
        }
    }

    /// The evaluator works on graphs that hold everything.
    fn eval(&self, _ins: &[&Array]) -> Vec<Array> {
        refuse(format!("the body of `{}` is not here", self.kernel))
    }

    fn jvp(&self, _g: &mut Graph, _x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        refuse(format!("the body of `{}` is not here", self.kernel))
    }

    fn batch(&self, _g: &mut Graph, _ins: &[Batched], _size: usize) -> Vec<Batched> {
        refuse(format!("the body of `{}` is not here", self.kernel))
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Kernel { name: self.kernel.clone(), changes: self.changes.clone() }
    }

    fn has_effect(&self) -> bool {
        true
    }
}

#[test]
fn a_call_prints_and_parses_and_runs_unread() {
    use crate::passes::optimise;
    use crate::text::{parse, print};
    let text = r#"graph f(x: f32[4,3]) -> (x) {
        y: i32[], z: f32[2] = call[kernel="a::g", params=((f32,4,3)), results=((i32),(f32,2))] x
    }"#;
    let g = parse(text).unwrap_or_else(|e| panic!("{e}"));
    let printed = print(&optimise(&g), &|_| None);
    assert!(printed.contains(r#"call[kernel="a::g", params=((f32,4,3)), results=((i32),(f32,2))] a"#), "{printed}");
    assert_eq!(print(&parse(&printed).unwrap_or_else(|e| panic!("{e}")), &|_| None), printed);
    let wrong = parse(&text.replace("f32[4,3]", "f32[3,4]")).map(drop);
    let wrong = wrong.map_err(|e| e.to_string()).unwrap_err();
    assert!(wrong.contains("`a::g` takes f32[4,3], found f32[3,4]"), "{wrong}");
}
