//! The typed, purely functional, first-order program that every stage works on: graphs of equations between variables.
//!
//! A [`Graph`] is also its own builder: [`Graph::bind`] appends an equation. Control flow lives in primitives that hold
//! graphs. The text form (see [`crate::text`]) prints and parses.

use std::fmt;
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::ops::{Constant, Op, OpError};

/// A value of a graph, numbered within it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Var(pub u32);

/// What is known of a value while tracing: dtype and shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Aval {
    /// Type of the elements.
    pub dtype: DType,
    /// Extent of each axis; empty for a scalar.
    pub shape: Vec<usize>,
}

impl Aval {
    /// An array of `dtype` and `shape`.
    pub fn new(dtype: DType, shape: &[usize]) -> Aval {
        Aval { dtype, shape: shape.to_vec() }
    }

    /// A scalar.
    pub fn scalar(dtype: DType) -> Aval {
        Aval { dtype, shape: Vec::new() }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.size() * self.dtype.bytes()
    }

    /// The same shape with another dtype.
    pub fn with_dtype(&self, dtype: DType) -> Aval {
        Aval { dtype, shape: self.shape.clone() }
    }

    /// The same dtype with another shape.
    pub fn with_shape(&self, shape: &[usize]) -> Aval {
        Aval::new(self.dtype, shape)
    }

    /// With a new leading axis of extent `n`.
    pub fn batched(&self, n: usize) -> Aval {
        let mut shape = vec![n];
        shape.extend(&self.shape);
        Aval { dtype: self.dtype, shape }
    }

    /// Without the leading axis.
    pub fn unbatched(&self) -> Aval {
        Aval::new(self.dtype, &self.shape[1..])
    }
}

/// `f32[2,3]`; a scalar is `f32[]`.
impl fmt::Display for Aval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.dtype)?;
        for (n, d) in self.shape.iter().enumerate() {
            write!(f, "{}{d}", if n == 0 { "" } else { "," })?;
        }
        f.write_str("]")
    }
}

/// Where an equation comes from: an opaque number that the owner of the source map can resolve; 0 is nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Src(pub u32);

/// `outputs = op inputs`.
#[derive(Clone, Debug)]
pub struct Eqn {
    /// What is computed.
    pub op: Op,
    /// Operands.
    pub inputs: Vec<Var>,
    /// Results; each variable is defined once.
    pub outputs: Vec<Var>,
    /// The source expression that asked for it.
    pub src: Src,
}

/// A typed SSA program.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Shown in the text form; has no meaning.
    pub name: String,
    /// Parameters, in order.
    pub inputs: Vec<Var>,
    /// Equations, each after those it reads.
    pub eqns: Vec<Eqn>,
    /// Results, in order; may repeat and may be inputs.
    pub outputs: Vec<Var>,
    /// Source given to the equations bound from now on.
    pub src: Src,
    vars: Vec<VarInfo>,
}

#[derive(Clone, Debug)]
struct VarInfo {
    aval: Aval,
    name: Option<Rc<str>>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: &str) -> Graph {
        Graph { name: name.to_string(), ..Graph::default() }
    }

    /// Appends a parameter.
    pub fn input(&mut self, aval: &Aval) -> Var {
        let var = self.fresh(aval.clone());
        self.inputs.push(var);
        var
    }

    /// A variable without a definition yet; for passes that rebuild graphs.
    pub fn fresh(&mut self, aval: Aval) -> Var {
        self.vars.push(VarInfo { aval, name: None });
        Var(self.vars.len() as u32 - 1)
    }

    /// dtype and shape of a variable.
    pub fn aval(&self, var: Var) -> &Aval {
        &self.vars[var.0 as usize].aval
    }

    /// Extent of each axis of a variable.
    pub fn shape(&self, var: Var) -> &[usize] {
        &self.aval(var).shape
    }

    /// Element type of a variable.
    pub fn dtype(&self, var: Var) -> DType {
        self.aval(var).dtype
    }

    /// The user's name for a variable, where there is one.
    pub fn var_name(&self, var: Var) -> Option<&str> {
        self.vars[var.0 as usize].name.as_deref()
    }

    /// Gives a variable the user's name, unless it already has one.
    pub fn name_var(&mut self, var: Var, name: &str) {
        self.vars[var.0 as usize].name.get_or_insert_with(|| name.into());
    }

    /// Number of variables; they are numbered from 0.
    pub fn n_vars(&self) -> usize {
        self.vars.len()
    }

    /// Types of the parameters.
    pub fn in_avals(&self) -> Vec<Aval> {
        self.inputs.iter().map(|v| self.aval(*v).clone()).collect()
    }

    /// Types of the results.
    pub fn out_avals(&self) -> Vec<Aval> {
        self.outputs.iter().map(|v| self.aval(*v).clone()).collect()
    }

    /// Appends `op inputs` if its shape rule accepts them.
    pub fn try_bind(&mut self, op: impl Into<Op>, inputs: &[Var]) -> Result<Vec<Var>, OpError> {
        let op = op.into();
        let avals: Vec<&Aval> = inputs.iter().map(|v| self.aval(*v)).collect();
        let outs = op.abstract_eval(&avals)?;
        let outputs: Vec<Var> = outs.into_iter().map(|a| self.fresh(a)).collect();
        self.eqns.push(Eqn { op, inputs: inputs.to_vec(), outputs: outputs.clone(), src: self.src });
        Ok(outputs)
    }

    /// Appends `op inputs`, whose shapes the caller has made sure of. A refusal is a defect of the rule that called, so
    /// it panics with the message; the front end turns that into a report.
    pub fn bind(&mut self, op: impl Into<Op>, inputs: &[Var]) -> Vec<Var> {
        let op = op.into();
        match self.try_bind(op.clone(), inputs) {
            Ok(outs) => outs,
            Err(e) => {
                let avals: Vec<String> = inputs.iter().map(|v| self.aval(*v).to_string()).collect();
                panic!("{} {}: {e}", op.text(), avals.join(" "))
            }
        }
    }

    /// [`Graph::bind`] for an op with one result.
    pub fn bind1(&mut self, op: impl Into<Op>, inputs: &[Var]) -> Var {
        self.bind(op, inputs)[0]
    }

    /// A constant array.
    pub fn constant(&mut self, value: Array) -> Var {
        self.bind1(Constant { value: Rc::new(value) }, &[])
    }

    /// The value of a variable that is a constant.
    pub fn as_constant(&self, var: Var) -> Option<Rc<Array>> {
        let eqn = self.eqns.iter().rev().find(|e| e.outputs.contains(&var))?;
        eqn.op.downcast::<Constant>().map(|c| c.value.clone())
    }

    /// Whether an integer is known to be at least zero: a loop index, a count.
    pub fn is_nonnegative(&self, var: Var) -> bool {
        self.dtype(var).is_unsigned()
            || self
                .eqns
                .iter()
                .rev()
                .find(|e| e.outputs.contains(&var))
                .is_some_and(|e| e.op.downcast::<crate::ops::Iota>().is_some())
    }

    /// `value` rounded to `dtype`, everywhere in `shape`.
    pub fn full(&mut self, dtype: DType, shape: &[usize], value: f64) -> Var {
        self.constant(Array::full(&Aval::new(dtype, shape), Scalar::from_f64(dtype, value)))
    }

    /// Zeros of the given type.
    pub fn zeros(&mut self, aval: &Aval) -> Var {
        self.constant(Array::full(aval, Scalar::zero(aval.dtype)))
    }

    /// Appends all equations of `other`, applied to `args`; returns its results.
    pub fn inline(&mut self, other: &Graph, args: &[Var]) -> Vec<Var> {
        let mut env = Env::new(other);
        for (v, a) in other.inputs.iter().zip(args) {
            env.set(*v, *a);
            if let Some(name) = other.var_name(*v) {
                self.name_var(*a, name);
            }
        }
        for eqn in &other.eqns {
            let inputs = env.get_all(&eqn.inputs);
            let outputs: Vec<Var> = eqn.outputs.iter().map(|v| self.fresh(other.aval(*v).clone())).collect();
            for (v, new) in eqn.outputs.iter().zip(&outputs) {
                env.set(*v, *new);
                if let Some(name) = other.var_name(*v) {
                    self.name_var(*new, name);
                }
            }
            self.eqns.push(Eqn { op: eqn.op.clone(), inputs, outputs, src: eqn.src });
        }
        env.get_all(&other.outputs)
    }
}

/// A map from the variables of one graph to something, as every interpreter over graphs keeps.
#[derive(Debug)]
pub struct Env<T> {
    slots: Vec<Option<T>>,
}

impl<T: Clone> Env<T> {
    /// Nothing is mapped yet.
    pub fn new(graph: &Graph) -> Env<T> {
        Env { slots: vec![None; graph.n_vars()] }
    }

    /// Maps `var`.
    pub fn set(&mut self, var: Var, value: T) {
        self.slots[var.0 as usize] = Some(value);
    }

    /// Maps each of `vars`.
    pub fn set_all(&mut self, vars: &[Var], values: impl IntoIterator<Item = T>) {
        for (v, x) in vars.iter().zip(values) {
            self.set(*v, x);
        }
    }

    /// What `var` was mapped to, if anything.
    pub fn find(&self, var: Var) -> Option<&T> {
        self.slots[var.0 as usize].as_ref()
    }

    /// What `var` was mapped to; a graph in SSA order has always set it.
    pub fn get(&self, var: Var) -> T {
        self.find(var).expect("SSA order").clone()
    }

    /// What each of `vars` was mapped to.
    pub fn get_all(&self, vars: &[Var]) -> Vec<T> {
        vars.iter().map(|v| self.get(*v)).collect()
    }

    /// Takes the mapping of `var` out.
    pub fn take(&mut self, var: Var) -> Option<T> {
        self.slots[var.0 as usize].take()
    }
}
