//! The text form of graphs: printing and parsing.
//!
//! ```text
//! graph f(x: f32[3]) -> (c) {
//!   a: f32[3] = sin x
//!   b: f32[3] = constant[value=f32[3]{2.0}]
//!   c: f32[3] = mul a b
//! }
//! ```

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Eqn, Graph, Src, Var};
use crate::ops::parse_op;

/// A parameter of a primitive.
#[derive(Clone, Debug)]
pub enum Param {
    /// An integer.
    Int(i64),
    /// A list, `(1,2)`; lists nest.
    List(Vec<Param>),
    /// A bare word: an enumeration's variant, `true`, `none`.
    Word(Cow<'static, str>),
    /// A dtype.
    DType(DType),
    /// An array.
    Array(Rc<Array>),
    /// A graph.
    Graph(Rc<Graph>),
    /// A text in quotes.
    Text(String),
}

/// Named parameters in a fixed order.
#[derive(Clone, Debug, Default)]
pub struct Params(pub Vec<(Cow<'static, str>, Param)>);

impl Params {
    /// No parameters?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parameter called `key`.
    pub fn get(&self, key: &str) -> Result<&Param, String> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, p)| p).ok_or_else(|| format!("parameter `{key}` is missing"))
    }

    /// The integer called `key`.
    pub fn int(&self, key: &str) -> Result<i64, String> {
        self.get(key)?.as_int().ok_or_else(|| format!("parameter `{key}` is not an integer"))
    }

    /// The non-negative integer called `key`.
    pub fn usize(&self, key: &str) -> Result<usize, String> {
        usize::try_from(self.int(key)?).map_err(|_| format!("parameter `{key}` is negative"))
    }

    /// The bool called `key`.
    pub fn bool(&self, key: &str) -> Result<bool, String> {
        match self.get(key)? {
            Param::Word(w) if w == "true" => Ok(true),
            Param::Word(w) if w == "false" => Ok(false),
            _ => Err(format!("parameter `{key}` is not a bool")),
        }
    }

    /// The bare word called `key`.
    pub fn word(&self, key: &str) -> Result<&str, String> {
        match self.get(key)? {
            Param::Word(w) => Ok(w),
            _ => Err(format!("parameter `{key}` is not a word")),
        }
    }

    /// The quoted text called `key`.
    pub fn string(&self, key: &str) -> Result<String, String> {
        match self.get(key)? {
            Param::Text(t) => Ok(t.clone()),
            _ => Err(format!("parameter `{key}` is not a text")),
        }
    }

    /// The list called `key`.
    pub fn list(&self, key: &str) -> Result<&[Param], String> {
        match self.get(key)? {
            Param::List(items) => Ok(items),
            _ => Err(format!("parameter `{key}` is not a list")),
        }
    }

    /// The list of integers called `key`.
    pub fn ints(&self, key: &str) -> Result<Vec<i64>, String> {
        self.list(key)?
            .iter()
            .map(|p| p.as_int().ok_or_else(|| format!("parameter `{key}` holds more than integers")))
            .collect()
    }

    /// The list of non-negative integers called `key`.
    pub fn usizes(&self, key: &str) -> Result<Vec<usize>, String> {
        self.ints(key)?
            .into_iter()
            .map(|i| usize::try_from(i).map_err(|_| format!("parameter `{key}` holds a negative number")))
            .collect()
    }

    /// The dtype called `key`.
    pub fn dtype(&self, key: &str) -> Result<DType, String> {
        match self.get(key)? {
            Param::DType(d) => Ok(*d),
            _ => Err(format!("parameter `{key}` is not a dtype")),
        }
    }

    /// The array called `key`.
    pub fn array(&self, key: &str) -> Result<Rc<Array>, String> {
        match self.get(key)? {
            Param::Array(a) => Ok(a.clone()),
            _ => Err(format!("parameter `{key}` is not an array")),
        }
    }

    /// The graph called `key`.
    pub fn graph(&self, key: &str) -> Result<Rc<Graph>, String> {
        self.get(key)?.as_graph().ok_or_else(|| format!("parameter `{key}` is not a graph"))
    }

    /// The list of graphs called `key`.
    pub fn graphs(&self, key: &str) -> Result<Vec<Rc<Graph>>, String> {
        self.list(key)?
            .iter()
            .map(|p| p.as_graph().ok_or_else(|| format!("parameter `{key}` holds more than graphs")))
            .collect()
    }
}

impl<const N: usize> From<[(&'static str, Param); N]> for Params {
    fn from(items: [(&'static str, Param); N]) -> Params {
        Params(items.into_iter().map(|(k, p)| (Cow::Borrowed(k), p)).collect())
    }
}

impl Param {
    fn as_int(&self) -> Option<i64> {
        match self {
            Param::Int(i) => Some(*i),
            _ => None,
        }
    }

    fn as_graph(&self) -> Option<Rc<Graph>> {
        match self {
            Param::Graph(g) => Some(g.clone()),
            _ => None,
        }
    }
}

impl From<i64> for Param {
    fn from(i: i64) -> Param {
        Param::Int(i)
    }
}

impl From<usize> for Param {
    fn from(i: usize) -> Param {
        Param::Int(i as i64)
    }
}

impl From<bool> for Param {
    fn from(b: bool) -> Param {
        Param::Word(Cow::Borrowed(if b { "true" } else { "false" }))
    }
}

impl From<&'static str> for Param {
    fn from(w: &'static str) -> Param {
        Param::Word(Cow::Borrowed(w))
    }
}

impl From<String> for Param {
    fn from(t: String) -> Param {
        Param::Text(t)
    }
}

impl From<DType> for Param {
    fn from(d: DType) -> Param {
        Param::DType(d)
    }
}

impl From<&Rc<Array>> for Param {
    fn from(a: &Rc<Array>) -> Param {
        Param::Array(a.clone())
    }
}

impl From<&Rc<Graph>> for Param {
    fn from(g: &Rc<Graph>) -> Param {
        Param::Graph(g.clone())
    }
}

impl<T: Clone + Into<Param>> From<&Vec<T>> for Param {
    fn from(items: &Vec<T>) -> Param {
        Param::List(items.iter().cloned().map(Into::into).collect())
    }
}

impl<T: Into<Param>> From<Vec<T>> for Param {
    fn from(items: Vec<T>) -> Param {
        Param::List(items.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (key, p)) in self.0.iter().enumerate() {
            write!(f, "{}{key}={p}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Param::Int(i) => write!(f, "{i}"),
            Param::List(items) => {
                f.write_str("(")?;
                for (n, p) in items.iter().enumerate() {
                    write!(f, "{}{p}", if n == 0 { "" } else { "," })?;
                }
                f.write_str(")")
            }
            Param::Word(w) => f.write_str(w),
            Param::DType(d) => write!(f, "{d}"),
            Param::Array(a) => write!(f, "{a}"),
            Param::Graph(g) => write!(f, "{g}"),
            Param::Text(t) => write!(f, "{t:?}"),
        }
    }
}

/// Prints a graph; `source` may add a comment per equation.
pub fn print(graph: &Graph, source: &dyn Fn(Src) -> Option<String>) -> String {
    print_as(graph, &|eqn| eqn.op.text(), &|eqn| source(eqn.src))
}

/// Prints a graph with the text of each primitive and a comment per equation as given.
pub fn print_as(graph: &Graph, op: &dyn Fn(&Eqn) -> String, comment: &dyn Fn(&Eqn) -> Option<String>) -> String {
    let names = var_names(graph);
    let name = |v: &Var| names[v.0 as usize].as_str();
    let mut out = format!("graph {}(", if graph.name.is_empty() { "_" } else { &graph.name });
    for (n, v) in graph.inputs.iter().enumerate() {
        let _ = write!(out, "{}{}: {}", if n == 0 { "" } else { ", " }, name(v), graph.aval(*v));
    }
    let results: Vec<&str> = graph.outputs.iter().map(name).collect();
    let _ = writeln!(out, ") -> ({}) {{", results.join(", "));
    for eqn in &graph.eqns {
        let outs: Vec<String> = eqn.outputs.iter().map(|v| format!("{}: {}", name(v), graph.aval(*v))).collect();
        let is = if outs.is_empty() { "" } else { " = " };
        let mut line = format!("{}{is}{}", outs.join(", "), op(eqn));
        for v in &eqn.inputs {
            let _ = write!(line, " {}", name(v));
        }
        // Graphs inside are printed over several lines; they are indented with the line that holds them.
        let _ = write!(out, "  {}", line.replace('\n', "\n  "));
        match comment(eqn) {
            Some(comment) => writeln!(out, "  // {comment}"),
            None => writeln!(out),
        }
        .expect("writing to a string");
    }
    out.push('}');
    out
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self, &|_| None))
    }
}

/// A distinct name per variable: the user's where there is one, else letters in order of definition.
pub fn var_names(graph: &Graph) -> Vec<String> {
    let mut names = vec![String::new(); graph.n_vars()];
    let defined = graph.inputs.iter().chain(graph.eqns.iter().flat_map(|e| &e.outputs));
    let order: Vec<Var> = defined.copied().collect();
    let mut taken: HashMap<String, usize> = HashMap::new();
    for v in &order {
        if let Some(name) = graph.var_name(*v) {
            let n = taken.entry(name.to_string()).or_insert(0);
            *n += 1;
            names[v.0 as usize] = if *n == 1 { name.to_string() } else { format!("{name}_{n}") };
        }
    }
    let mut used: std::collections::HashSet<String> = names.iter().cloned().collect();
    let mut next = 0;
    for v in &order {
        let slot = &mut names[v.0 as usize];
        while slot.is_empty() || !used.insert(slot.clone()) {
            if !slot.is_empty() && graph.var_name(*v).is_some() {
                break;
            }
            *slot = letters(next);
            next += 1;
        }
    }
    names
}

fn letters(mut n: usize) -> String {
    let mut out = Vec::new();
    loop {
        out.push(b'a' + (n % 26) as u8);
        n /= 26;
        if n == 0 {
            break;
        }
        n -= 1;
    }
    out.reverse();
    String::from_utf8(out).expect("letters")
}

/// Reads what printing writes; errors name the line.
pub fn parse(text: &str) -> Result<Graph, String> {
    let mut p = Parser { text, at: 0 };
    let graph = p.graph().map_err(|e| {
        let line = 1 + text[..p.at.min(text.len())].matches('\n').count();
        format!("line {line}: {e}")
    })?;
    p.space();
    if p.at < text.len() { Err("text after the graph".to_string()) } else { Ok(graph) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with("//") {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        let hit = self.rest().starts_with(token);
        if hit {
            self.at += token.len();
        }
        hit
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(format!("expected `{token}`, found `{}`", self.rest().chars().take(12).collect::<String>()))
        }
    }

    fn take(&mut self, f: impl Fn(char) -> bool) -> &'a str {
        self.space();
        let rest = self.rest();
        let end = rest.find(|c| !f(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn word(&mut self) -> Result<&'a str, String> {
        let w = self.take(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if w.is_empty() {
            Err(format!("expected a name, found `{}`", self.rest().chars().take(12).collect::<String>()))
        } else {
            Ok(w)
        }
    }

    fn graph(&mut self) -> Result<Graph, String> {
        self.expect("graph")?;
        let mut g = Graph::new(match self.word()? {
            "_" => "",
            name => name,
        });
        let mut vars: HashMap<String, Var> = HashMap::new();
        self.expect("(")?;
        while !self.eat(")") {
            let (name, aval) = self.binder()?;
            let v = g.input(&aval);
            name_parsed(&mut g, v, &name);
            vars.insert(name, v);
            self.eat(",");
        }
        self.expect("->")?;
        self.expect("(")?;
        let mut outputs = Vec::new();
        while !self.eat(")") {
            outputs.push(self.word()?.to_string());
            self.eat(",");
        }
        self.expect("{")?;
        while !self.eat("}") {
            // What only has an effect has no results: its line begins with its name.
            let start = self.at;
            let mut op_name = self.word()?;
            let mut outs = Vec::new();
            if self.eat(":") {
                self.at = start;
                outs.push(self.binder()?);
                while self.eat(",") {
                    outs.push(self.binder()?);
                }
                self.expect("=")?;
                op_name = self.word()?;
            }
            let params = if self.rest().starts_with('[') { self.params()? } else { Params::default() };
            let op = parse_op(op_name, &params)?;
            let mut inputs = Vec::new();
            // Operands stand on the line of their op.
            loop {
                let line = self.rest();
                let line = line[..line.find('\n').unwrap_or(line.len())].trim_start();
                if line.is_empty() || line.starts_with("//") || line.starts_with('}') {
                    break;
                }
                let name = self.word()?;
                inputs.push(*vars.get(name).ok_or_else(|| format!("`{name}` is not defined"))?);
            }
            let avals: Vec<&Aval> = inputs.iter().map(|v| g.aval(*v)).collect();
            let inferred = op.abstract_eval(&avals).map_err(|e| format!("{op_name}: {e}"))?;
            if inferred.len() != outs.len() || inferred.iter().zip(&outs).any(|(a, (_, b))| a != b) {
                let found: Vec<String> = inferred.iter().map(Aval::to_string).collect();
                return Err(format!("`{op_name}` yields {}", found.join(", ")));
            }
            let mut outputs = Vec::new();
            for (name, aval) in outs {
                let v = g.fresh(aval);
                name_parsed(&mut g, v, &name);
                outputs.push(v);
                if vars.insert(name.clone(), v).is_some() {
                    return Err(format!("`{name}` is defined twice"));
                }
            }
            g.eqns.push(Eqn { op, inputs, outputs, src: Src::default() });
        }
        for name in outputs {
            g.outputs.push(*vars.get(&name).ok_or_else(|| format!("`{name}` is not defined"))?);
        }
        Ok(g)
    }

    fn binder(&mut self) -> Result<(String, Aval), String> {
        let name = self.word()?.to_string();
        self.expect(":")?;
        Ok((name, self.aval()?))
    }

    fn aval(&mut self) -> Result<Aval, String> {
        let name = self.word()?;
        let dtype = DType::from_name(name).ok_or_else(|| format!("`{name}` is not a dtype"))?;
        self.expect("[")?;
        let mut shape = Vec::new();
        while !self.eat("]") {
            let n = self.word()?;
            shape.push(n.parse().map_err(|_| format!("`{n}` is not an extent"))?);
            self.eat(",");
        }
        Ok(Aval { dtype, shape })
    }

    fn params(&mut self) -> Result<Params, String> {
        self.expect("[")?;
        let mut params = Params::default();
        while !self.eat("]") {
            let key = self.word()?.to_string();
            self.expect("=")?;
            params.0.push((Cow::Owned(key), self.param()?));
            self.eat(",");
        }
        Ok(params)
    }

    fn param(&mut self) -> Result<Param, String> {
        self.space();
        let rest = self.rest();
        if self.eat("(") {
            let mut items = Vec::new();
            while !self.eat(")") {
                items.push(self.param()?);
                self.eat(",");
            }
            return Ok(Param::List(items));
        }
        if rest.starts_with("graph ") {
            return Ok(Param::Graph(Rc::new(self.graph()?)));
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, len) = unquoted(quoted)?;
            self.at += 1 + len;
            return Ok(Param::Text(text));
        }
        let number = self.take(|c| c.is_ascii_digit() || c == '-');
        if !number.is_empty() {
            return number.parse().map(Param::Int).map_err(|_| format!("`{number}` is not an integer"));
        }
        let start = self.at;
        let word = self.word()?;
        match DType::from_name(word) {
            Some(_) if self.rest().starts_with('[') => {
                self.at = start;
                let aval = self.aval()?;
                Ok(Param::Array(Rc::new(self.array(aval)?)))
            }
            Some(dtype) => Ok(Param::DType(dtype)),
            None => Ok(Param::Word(Cow::Owned(word.to_string()))),
        }
    }

    fn array(&mut self, aval: Aval) -> Result<Array, String> {
        self.expect("{")?;
        let mut data = Vec::new();
        while !self.eat("}") {
            let text = self.take(|c| c.is_alphanumeric() || "+-._".contains(c));
            data.push(Scalar::parse(aval.dtype, text).ok_or_else(|| format!("`{text}` is not a {}", aval.dtype))?);
            self.eat(",");
        }
        match (data.len(), aval.size()) {
            (1, _) => Ok(Array::full(&aval, data[0])),
            (n, size) if n == size => Ok(Array::new(aval, data)),
            (n, _) => Err(format!("{n} elements for {aval}")),
        }
    }
}

/// The text up to the closing quote, written as Rust's `{:?}` writes it, and the number of bytes it took.
fn unquoted(quoted: &str) -> Result<(String, usize), String> {
    let mut out = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, at + 1)),
            '\\' => out.push(match chars.next().map(|(_, c)| c) {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('u') => {
                    let digits: String = chars.by_ref().map(|(_, c)| c).skip(1).take_while(|c| *c != '}').collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    code.ok_or_else(|| format!("`{digits}` is not a character"))?
                }
                Some(c) => c,
                None => break,
            }),
            c => out.push(c),
        }
    }
    Err("unterminated text".to_string())
}

/// Names of one to three plain letters are printing's own and are not kept, so that printing is stable.
fn name_parsed(g: &mut Graph, v: Var, name: &str) {
    if name.len() > 3 || !name.bytes().all(|b| b.is_ascii_lowercase()) {
        g.name_var(v, name);
    }
}
