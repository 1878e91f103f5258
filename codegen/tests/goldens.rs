//! Functions of all kinds against values, derivatives and batches of JAX: `../shared/goldens/goldens.json` beside the
//! project, if it is there (its README says what it holds). Every function is written here in Kiln's language.

// The tests share it; each needs a part.
#[allow(dead_code)]
mod common;

use kiln_codegen::array::Array;
use kiln_codegen::compile::{Entry, parse_items, trace_entry};
use kiln_codegen::dtype::{DType, Scalar};
use kiln_codegen::graph::Aval;
use kiln_codegen::{eval, passes, trace::types::rust_type};
use serde_json::Value;

/// Name in the file, and the function of its inputs.
const FUNCTIONS: &[(&str, &str)] = &[
    ("sin_times_exp", "sin(x) * exp(-x)"),
    ("tanh_of_square", "tanh(x * x - 1.0)"),
    ("log_sum_sqrt", "log(x) + sqrt(x)"),
    ("atan_rational", "arctan(x / (1.0 + x * x))"),
    ("gelu_default", "nn::gelu(x)"),
    ("softplus_sharp", "nn::softplus(8.0 * x) / 8.0"),
    ("round_and_floor", "(round(x), floor(x))"),
    ("affine_broadcast", "x * a + b"),
    ("ratio_difference", "(x - y) / (x + y)"),
    ("power_of_abs", "power(abs(x) + 0.1, y)"),
    ("minmax_gap", "maximum(x, y) - minimum(x, y)"),
    ("sum_of_mean", "x.mean(0).sum()"),
    ("max_minus_mean", "x.max(1) - x.mean(1)"),
    ("std_axis0", "x.std(0)"),
    ("norm_squared_hessian", "power((x * x).sum(), 2)"),
    ("argmax_rows", "argmax(x, axis = 1)"),
    ("prod_small", "prod(x, axis = 0)"),
    ("transpose_reshape", "x.T().reshape((2, 6))"),
    ("concat_flip", "concatenate((x, flip(x, 0)), axis = 0)"),
    ("pad_zero", "pad(x, ((1, 0), (0, 2)))"),
    ("slice_step", "lax::slice(x, (1, 0), (3, 5), (1, 2))"),
    ("stack_roll", "stack((x, roll(x, 1)))"),
    ("linear_relu", "nn::relu(matmul(w, x) + b)"),
    ("matmul_batch", "matmul(a, b)"),
    ("einsum_bij", "einsum(\"bij,bj->bi\", a, b)"),
    ("quadratic_hessian", "dot(x, matmul(a, x))"),
    ("conv3x3_same", "conv(x, w, stride = (1, 1), padding = \"SAME\")"),
    ("conv_stride2_pad1", "conv(x, w, stride = (2, 2), padding = ((1, 1), (1, 1)))"),
    ("conv_dilated", "conv(x, w, stride = (1, 1), padding = \"VALID\", rhs_dilation = (2, 1))"),
    ("conv_depthwise", "conv(x, w, stride = (1, 1), padding = \"VALID\", feature_group_count = 2)"),
    ("maxpool2", "lax::reduce_window(x, -f32::INFINITY, lax::max, (1, 1, 2, 2), (1, 1, 2, 2), \"VALID\")"),
    ("meanpool1d", "lax::reduce_window(x, 0.0, lax::add, (2,), (2,), \"VALID\") / 2.0"),
    ("embedding", "t[i].sum(0)"),
    ("scatter_add", "{ let mut y = x; y[i] += v; y }"),
    ("dynamic_slice_1d", "lax::dynamic_slice(x, (i,), (3,))"),
    ("take_along", "take_along_axis(x, i, 1)"),
    ("where_exp", "where_(x < 0.0, exp(x), 1.0 + x)"),
    ("clip_unit", "clip(x, -1.0, 1.0) * y"),
    ("sort_last", "sort(x)"),
    ("topk_values", "lax::top_k(x, 3).0"),
    ("running_mean", "cumsum(x) / arange(1, 6, dtype = f32)"),
    ("softmax_rows", "nn::softmax(x, axis = -1)"),
    ("softmax_big", "nn::softmax(x)"),
    ("nll", "-take_along_axis(nn::log_softmax(x, axis = 1), y, axis = 1).mean()"),
    ("solve_2x2", "linalg::solve(a, b)"),
    ("cholesky_3", "linalg::cholesky((a + a.T()) / 2.0)"),
    ("det_2x2", "linalg::det(a)"),
    ("rfft_magnitude", "abs(fft::rfft(x))"),
    ("scan_elman", "scan(|h, x| { let h = tanh(w * h + x); (h, h) }, h, xs)"),
    ("euler_oscillator", "scan(|y, _| (y + 0.1 * stack((y[1], -y[0])), y), y, length = 5)"),
    ("cond_abs", "cond(x > 0.0, |v| v, |v| -v, x)"),
    ("fori_power", "fori_loop(0, 4, |i, a| a * x, ones_like(x))"),
    ("nan_in_sum", "x.sum()"),
    ("inf_arithmetic", "(x + 1.0, -x, 1.0 / x)"),
    ("u8_wrap_add", "x + y"),
    ("i32_floor_mod", "(floor_divide(x, 4), mod_(x, 4))"),
    ("shift_mask", "(x >> 2) & 3"),
    ("two_layer_mse", "square(matmul(w2, tanh(matmul(w1, x))) - y).mean()"),
    ("rosenbrock2", "{ let a = 1.0 - x[0]; let b = x[1] - x[0] * x[0]; a * a + 100.0 * (b * b) }"),
    ("grad_grad_sin", "grad(grad(|v| sin(v) * v))(x)"),
    ("jacobian_2x2", "jacfwd(|v| stack((v[0] * v[1], v[0] + cos(v[1]))))(x)"),
];

fn tensor(t: &Value) -> Array {
    let dtype = match t["dtype"].as_str().expect("a dtype") {
        "float32" => DType::F32,
        "int32" => DType::I32,
        "uint8" => DType::U8,
        "bool" => DType::Bool,
        other => panic!("the dtype {other}"),
    };
    let list = |v: &Value| v.as_array().expect("a list").clone();
    let shape: Vec<usize> = list(&t["shape"]).iter().map(|n| n.as_u64().expect("an extent") as usize).collect();
    let element = |v: &Value| match v {
        Value::String(s) => Scalar::from_f64(dtype, s.parse().expect("nan or inf")),
        Value::Bool(b) => Scalar::Bool(*b),
        v => Scalar::from_f64(dtype, v.as_f64().expect("a number")),
    };
    Array::new(Aval::new(dtype, &shape), list(&t["data"]).iter().map(element).collect())
}

fn tensors(v: &Value) -> Vec<Array> {
    v.as_array().expect("a list").iter().map(tensor).collect()
}

fn strings(v: &Value) -> Vec<String> {
    v.as_array().expect("a list").iter().map(|s| s.as_str().expect("a name").to_string()).collect()
}

/// What the expression yields.
fn run(expr: &str, inputs: &[(String, Array)], results: &[Array]) -> Result<Vec<Array>, String> {
    let params: Vec<String> = inputs.iter().map(|(n, a)| format!("{n}: &{}", rust_type(a.aval()))).collect();
    let types: Vec<String> = results.iter().map(|a| rust_type(a.aval())).collect();
    let ret = if types.len() == 1 { types[0].clone() } else { format!("({})", types.join(", ")) };
    let unit =
        common::unit(&format!("fn f({}) -> {ret} {{ {expr} }}", params.join(", "))).map_err(|e| e.to_string())?;
    let (items, spans) = parse_items(&unit);
    match trace_entry(&items, &spans.map(), &unit.entry) {
        Entry::Done(t) => {
            let args: Vec<Array> = inputs.iter().map(|(_, a)| a.clone()).collect();
            Ok(eval::eval(&passes::optimise(&t.graph), &args))
        }
        Entry::Errors(diags) => Err(diags.iter().map(|d| d.text()).collect::<Vec<_>>().join("\n")),
        Entry::NeedBodies(m) => Err(format!("bodies are missing: {m:?}")),
        Entry::NeedMethods(m) => Err(format!("methods are missing: {m:?}")),
    }
}

fn compare(what: &str, found: Result<Vec<Array>, String>, want: &[Array], tolerance: &Value, wrong: &mut Vec<String>) {
    let tolerance = tolerance.as_f64().unwrap_or(2e-6);
    let found = match found {
        Ok(found) => found,
        Err(e) => return wrong.push(format!("{what}: {e}")),
    };
    let near = |a: &Scalar, b: &Scalar| {
        let (a, b) = (a.to_f64(), b.to_f64());
        (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= tolerance
    };
    let same = found.len() == want.len()
        && found.iter().zip(want).all(|(f, w)| {
            f.aval() == w.aval()
                && f.data().iter().zip(w.data()).all(|(a, b)| if w.dtype().is_inexact() { near(a, b) } else { a == b })
        });
    if !same {
        let show = |all: &[Array]| all.iter().map(Array::to_string).collect::<Vec<_>>().join(" ");
        wrong.push(format!("{what}\n  found {}\n  JAX   {}", show(&found), show(want)));
    }
}

fn check(case: &Value, wrong: &mut Vec<String>) {
    let name = case["name"].as_str().expect("a name");
    let Some((_, expr)) = FUNCTIONS.iter().find(|(n, _)| *n == name) else {
        return wrong.push(format!("{name} has no function here"));
    };
    let list = |v: &Value| v.as_array().expect("a list").clone();
    let inputs: Vec<(String, Array)> =
        list(&case["inputs"]).iter().map(|t| (t["name"].as_str().expect("a name").into(), tensor(t))).collect();
    let out = tensors(&case["output"]);
    compare(name, run(expr, &inputs, &out), &out, &case["tol"]["output"], wrong);
    let tuple = |names: &[String], prefix: &str| {
        let all: Vec<String> = names.iter().map(|n| format!("{prefix}{n}")).collect();
        format!("({},)", all.join(", "))
    };
    let with = |names: &[String], prefix: &str, values: Vec<Array>| -> Vec<(String, Array)> {
        let more = names.iter().zip(values).map(|(n, v)| (format!("{prefix}{n}"), v));
        inputs.iter().cloned().chain(more).collect()
    };
    let all = |wrt: &[String]| format!("|{}| {expr}", wrt.join(", "));
    // The float results carry tangents and cotangents.
    let parts = |name: &str| match out.len() {
        1 => name.to_string(),
        n => (0..n).map(|k| format!("{name}.{k}")).collect::<Vec<_>>().join(", "),
    };
    if let Some(jvp) = case.get("jvp") {
        let (wrt, want) = (strings(&jvp["wrt"]), tensors(&jvp["tangent_out"]));
        let args = with(&wrt, "t_", tensors(&jvp["tangents"]));
        let text =
            format!("{{ let t = jvp({}, {}, {}).1; ({}) }}", all(&wrt), tuple(&wrt, ""), tuple(&wrt, "t_"), parts("t"));
        compare(&format!("{name}, jvp"), run(&text, &args, &want), &want, &case["tol"]["jvp"], wrong);
    }
    if let Some(vjp) = case.get("vjp") {
        let (wrt, want) = (strings(&vjp["wrt"]), tensors(&vjp["grads"]));
        let cts: Vec<String> = (0..out.len()).map(|k| k.to_string()).collect();
        let args = with(&cts, "ct_", tensors(&vjp["cotangent"]));
        let ct = if out.len() == 1 { "ct_0".to_string() } else { tuple(&cts, "ct_") };
        let grads: Vec<String> = (0..wrt.len()).map(|k| format!("g.{k}")).collect();
        let text = format!("{{ let g = vjp({}, {}).1({ct}); ({}) }}", all(&wrt), tuple(&wrt, ""), grads.join(", "));
        compare(&format!("{name}, vjp"), run(&text, &args, &want), &want, &case["tol"]["vjp"], wrong);
    }
    if let Some(hessian) = case.get("hessian") {
        // Over the flattened and concatenated inputs.
        let (wrt, want) = (strings(&hessian["wrt"]), vec![tensor(&hessian["matrix"])]);
        let mut at = 0;
        let mut lets = String::new();
        let mut flat = Vec::new();
        for (n, a) in inputs.iter().filter(|(n, _)| wrt.contains(n)) {
            let (size, shape) = (a.data().len(), a.shape());
            let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
            lets += &format!("let {n} = v[{at}..{}].reshape(({},)); ", at + size, shape.join(", "));
            flat.push(format!("ravel({n})"));
            at += size;
        }
        let text = format!("hessian(|v| {{ {lets} {expr} }})(concatenate(({},)))", flat.join(", "));
        compare(&format!("{name}, hessian"), run(&text, &inputs, &want), &want, &case["tol"]["hessian"], wrong);
    }
    if let Some(vmap) = case.get("vmap") {
        let names: Vec<String> = inputs.iter().map(|(n, _)| n.clone()).collect();
        let want = tensors(&vmap["output"]);
        let args: Vec<(String, Array)> = names.iter().cloned().zip(tensors(&vmap["inputs"])).collect();
        let axes: Vec<String> =
            list(&vmap["in_axes"]).iter().map(|a| a.as_u64().map_or("None".into(), |a| a.to_string())).collect();
        let text = format!("vmap({}, in_axes = ({},))({})", all(&names), axes.join(", "), names.join(", "));
        compare(&format!("{name}, vmap"), run(&text, &args, &want), &want, &case["tol"]["vmap"], wrong);
    }
}

#[test]
fn functions_are_those_of_jax() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/goldens/goldens.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: there is no ../shared/goldens/goldens.json beside the project");
        return;
    };
    let work = move || {
        let file: Value = serde_json::from_str(&text).expect("json");
        let cases = file["cases"].as_array().expect("cases").clone();
        let mut wrong = Vec::new();
        for case in &cases {
            check(case, &mut wrong);
        }
        assert_eq!(cases.len(), FUNCTIONS.len(), "one function per case");
        assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    };
    // Tracing recurses as deep as expressions nest.
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("no case differs");
}
