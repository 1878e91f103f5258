//! Every way in which one item can mention another.
#![deny(warnings)]

use kiln::prelude::*;

#[jit]
fn near(x: f32) -> f32 {
    x * 2.0
}

#[jit]
fn leaf(x: &[f32; 4]) -> f32 {
    sum(softmax(x))
}

#[test]
fn a_kernel_of_built_ins_only() {
    assert_eq!(leaf::GRAPH, "*leaf []");
    assert_eq!((leaf::RAM_BYTES, leaf::FLASH_CONST_BYTES, leaf::FLOPS), (8, 0, 1));
    static WS: leaf::Workspace = leaf::Workspace::new();
    assert_eq!(WS.0.len(), 8);
    let _: fn(&mut leaf::Workspace, &[f32; 4]) -> f32 = leaf::with;
    let _: fn(&[f32; 4]) -> f32 = leaf;
}

#[jit]
fn same_module(x: f32) -> f32 {
    near(near(x))
}

mod deep {
    use kiln::prelude::*;

    pub mod er {
        use kiln::prelude::*;

        #[jit]
        pub(crate) fn far(x: f32) -> f32 {
            super::super::near(hidden(x))
        }

        #[jit]
        fn hidden(x: f32) -> f32 {
            x
        }
    }

    #[jit]
    pub(super) fn through_self(x: f32) -> f32 {
        self::er::far(x)
    }

    pub(crate) use er::far as renamed;
}

use deep::*;

#[jit]
fn other_modules(x: f32) -> f32 {
    renamed(crate::deep::er::far(deep::through_self(x))) + through_self(x)
}

#[test]
fn modules_by_path_alias_and_glob() {
    assert_eq!(same_module::GRAPH, "*same_module [near=near]; near []");
    assert_eq!(
        other_modules::GRAPH,
        "*other_modules [crate::deep::er::far=far deep::through_self=through_self renamed=far through_self=through_self]; \
         far [hidden=hidden super::super::near=near]; hidden []; near []; through_self [self::er::far=far]"
    );
}

#[derive(Clone, Tree)]
pub struct Net {
    pub l1: mid::networks::Dense<4, 4>,
    pub layers: [mid::networks::Dense<4, 4>; DEPTH],
    pub pair: (Scale, f32),
}

#[derive(Clone, Tree)]
pub struct Scale(pub f32);

#[jit]
const DEPTH: usize = 3;

#[jit]
fn other_crates(p: &Net, x: &[f32; 4]) -> [f32; 4] {
    let y = mid::dense(&p.l1, x);
    for l in p.layers {
        y = mid::block(&l, y);
    }
    Scale(1.0).0 * y
}

#[test]
fn private_items_of_crates_that_are_not_dependencies() {
    assert_eq!(
        other_crates::GRAPH,
        "*other_crates [Net=Net Scale=Scale mid::block=block mid::dense=dense]; DEPTH []; \
         Net [DEPTH=DEPTH Scale=Scale mid::networks::Dense=Dense]; Scale []; ^Dense []; ^affine []; \
         ^block [renamed::nn::Dense=Dense renamed::nn::dense=dense secret=secret]; ^dense [Dense=Dense affine=affine]; ^secret []"
            .split("; ")
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join("; ")
    );
}

#[jit]
impl Scale {
    const UNIT: f32 = 1.0;

    pub fn new(x: f32) -> Self {
        Scale(x * Self::UNIT)
    }

    pub fn apply(&self, x: f32) -> f32 {
        self.twice(x) * near(x)
    }

    fn twice(&self, x: f32) -> f32 {
        self.0 * x
    }

    #[jit(inline)]
    fn quiet(&mut self) {
        self.0 = 0.0;
    }
}

#[jit]
fn makes(x: f32) -> Scale {
    Scale::new(x)
}

#[test]
fn methods_are_kernels_and_callees() {
    assert_eq!(
        Scale_apply::GRAPH,
        "*Scale::apply [Scale=Scale Self=Scale near=near]; Scale []; Scale::twice [Scale=Scale Self=Scale]; near []"
    );
    assert_eq!(
        makes::GRAPH,
        "*makes [Scale=Scale]; Scale []; Scale::UNIT [Scale=Scale Self=Scale]; Scale::new [Scale=Scale Self=Scale]"
    );
    let _: fn(&Scale, f32) -> f32 = Scale::apply;
    let _: fn(&mut Scale_apply::Workspace, &Scale, f32) -> f32 = Scale_apply::with;
    let _: fn(f32) -> Scale = Scale::new;
    let _ = |s: Scale| s.0;
}

#[jit]
fn apply(f: impl Fn(f32) -> f32, x: f32) -> f32 {
    f(x)
}

#[jit]
fn passes_functions(x: f32) -> f32 {
    apply(near, x) + grad(near)(x) + vmap(|v| same_module(v), in_axes = 0)([x, x])[0]
}

#[test]
fn functions_as_values() {
    assert_eq!(
        passes_functions::GRAPH,
        "*passes_functions [apply=apply near=near same_module=same_module]; apply []; near []; same_module [near=near]"
    );
}

mod closed {
    use kiln::prelude::*;

    #[derive(Clone, Tree)]
    pub struct Closed<const N: usize> {
        a: [f32; N],
        b: Inner,
    }

    #[derive(Clone, Tree)]
    pub struct Inner(f32, u8);

    #[derive(Clone, Tree)]
    pub struct Nothing;
}

#[test]
fn structs_come_apart_and_together_where_their_fields_are_private() {
    use kiln::rt::FromParts;
    let mut closed: closed::Closed<2> = FromParts::from_parts(([1.0, 2.0], FromParts::from_parts((3.0, 4))));
    let (a, b) = closed.__kiln_parts_mut();
    let (c, d) = b.__kiln_parts_mut();
    a[1] += *c;
    *d += 1;
    let (a, b) = closed.__kiln_parts();
    assert_eq!((a, b.__kiln_parts()), (&[1.0, 5.0], (&3.0, &5)));
    let nothing: closed::Nothing = FromParts::from_parts(());
    let () = nothing.__kiln_parts();
}

use core::f32::consts::{self, TAU};

#[jit]
fn constants_of_core(x: f32) -> f32 {
    x * TAU + consts::PI + f32::EPSILON
}

#[test]
fn what_core_defines_needs_no_link() {
    assert_eq!(constants_of_core::GRAPH, "*constants_of_core []");
}

mod user_wins {
    use kiln::prelude::*;

    #[jit]
    fn power(x: f32) -> f32 {
        x
    }

    #[jit]
    pub fn entry(x: f32) -> f32 {
        power(sqrt(x)) + gradient(x)
    }

    mod inner {
        use super::*;

        #[jit]
        pub fn glob(x: f32) -> f32 {
            power(x)
        }
    }

    #[jit]
    pub fn outer(x: f32) -> f32 {
        inner::glob(x)
    }

    use super::near as gradient;
}

#[test]
fn what_the_user_defines_beats_the_built_in() {
    assert_eq!(user_wins::entry::GRAPH, "*entry [gradient=near power=power]; near []; power []");
    assert_eq!(user_wins::outer::GRAPH, "*outer [inner::glob=glob]; glob [power=power]; power []");
}

#[jit]
mod marked {
    pub const N: usize = 2;
    pub type Row = [f32; N];

    #[derive(Clone)]
    pub struct Pair {
        pub a: Row,
    }

    impl Pair {
        pub fn sum(&self) -> f32 {
            histogram(self.a)
        }
    }

    fn histogram(x: Row) -> f32 {
        x[0] + x[N - 1]
    }

    mod sub {
        pub fn down(x: f32) -> f32 {
            super::super::near(x)
        }
    }

    pub fn top(p: &Pair) -> f32 {
        sub::down(histogram(p.a))
    }
}

#[test]
fn a_module_marks_what_is_inside() {
    assert_eq!(
        marked::top::GRAPH,
        "*top [Pair=Pair histogram=histogram sub::down=down]; N []; Pair [Row=Row]; Row [N=N]; down [super::super::near=near]; \
         histogram [N=N Row=Row]; near []"
    );
    let _ = |p: &marked::Pair| p.a;
    assert_eq!(
        marked::Pair_sum::GRAPH.split("; ").next(),
        Some("*Pair::sum [Pair=Pair Self=Pair histogram=histogram]")
    );
}

#[test]
fn items_inside_a_body() {
    #[derive(Clone, Tree)]
    struct Local {
        x: f32,
    }

    #[jit]
    fn inner(p: &Local) -> f32 {
        near(p.x)
    }

    #[jit]
    fn entry(p: &Local) -> f32 {
        inner(p)
    }

    assert_eq!(entry::GRAPH, "*entry [Local=Local inner=inner]; Local []; inner [Local=Local near=near]; near []");
    let _ = |p: &Local| p.x; // The echo compiler's kernels read no field.
}

#[jit]
fn even(n: f32) -> f32 {
    odd(n)
}

#[jit]
fn odd(n: f32) -> f32 {
    even(n)
}

#[test]
fn cycles_reach_the_compiler() {
    assert_eq!(even::GRAPH, "*even [odd=odd]; odd [even=even]");
}

#[jit]
#[custom_jvp(rule)]
fn ruled(x: f32) -> f32 {
    x
}

#[jit]
fn rule(p: (f32,), t: (f32,)) -> (f32, f32) {
    (ruled(p.0), t.0)
}

#[test]
fn rules_are_free_paths() {
    assert_eq!(ruled::GRAPH, "*ruled [rule=rule]; rule [ruled=ruled]");
}

#[jit(fast, ram = "2 KiB", workspace = "caller")]
fn with_options(mut x: f32, (a, _): (f32, f32), _: f32, ws: f32) -> f32 {
    x += a;
    x + ws
}

#[jit(workspace = "static")]
fn with_a_static(x: f32) -> f32 {
    x
}

#[test]
fn options_and_parameters() {
    let _: fn(f32) -> f32 = with_a_static;
    assert_eq!((with_options::GRAPH, with_options::RAM_BYTES), ("*with_options []; fast", 2048));
    let _: fn(f32, (f32, f32), f32, f32, &mut with_options::Workspace) -> f32 = with_options;
}

kiln::instantiate!(
    /// Made from a generic function.
    #[jit(fast)]
    pub fn dense_4_2 = mid::networks::dense::<4, 2>;
);
use mid::networks::Dense;

#[test]
fn instances_have_kernels() {
    assert_eq!(
        dense_4_2::GRAPH,
        "*dense_4_2 [Dense=Dense mid::networks::dense=dense]; ^Dense []; ^affine []; ^dense [Dense=Dense affine=affine]; fast"
    );
    let _: fn(&Dense<4, 2>, &[f32; 4]) -> [f32; 2] = dense_4_2;
}

#[jit]
fn scopes(near: f32, x: f32) -> f32 {
    use core::f32::consts::PI;
    use deep::er::far as alias;
    let renamed = |far: f32| far + near;
    let y = {
        let leaf = x;
        leaf + renamed(x)
    };
    match 3 {
        DEPTH => alias(y) * PI,
        _ => check!(y > even(x), "odd"),
    }
}

#[test]
fn names_bound_in_the_body_are_not_free() {
    assert_eq!(scopes::GRAPH.split("; ").next(), Some("*scopes [DEPTH=DEPTH alias=far even=even]"));
}

macro_rules! layers {
    ($($name:ident)*) => { $(#[jit] fn $name(x: f32) -> f32 { near(x) })* };
}
layers! { first second }

mod twice {
    macro_rules! same {
        () => {
            use kiln::prelude::*;
            #[jit]
            pub fn made(x: f32) -> f32 {
                helper(x)
            }
            #[jit]
            fn helper(x: f32) -> f32 {
                x
            }
        };
    }
    pub mod a {
        same!();
    }
    pub mod b {
        same!();
    }
}

#[test]
fn items_made_by_macros() {
    assert_eq!(first::GRAPH, "*first [near=near]; near []");
    assert_eq!(second::GRAPH, "*second [near=near]; near []");
    assert_eq!(twice::a::made::GRAPH, twice::b::made::GRAPH);
}

#[jit]
#[cfg(any())]
fn not_there(x: f32) -> f32 {
    missing(x)
}
