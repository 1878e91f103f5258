//! A QEMU plugin that counts the instructions a guest executes inside regions, to the instruction.
//!
//! ```sh
//! qemu-system-arm .. -plugin libinsncount.so,out=counts.txt,region=step:1234:1250
//! ```
//! A region is a name and the addresses, in hexadecimal, of the first instructions of its two markers: it lasts from the begin
//! marker to the end marker, that of the begin marker included. Regions do not nest. When QEMU ends, the file `out` holds
//!
//! ```text
//! region <name> <calls> <all instructions> <fewest of a call> <most of a call> <all cycles> <all words loaded and stored>
//! symbol <name of the region> <instructions> <symbol>
//! ```
//! with one line `symbol` for each function that ran inside the region. An instruction that a condition skips counts, as it
//! does on the chip. Cycles are an estimate for a Cortex-M4, see [`cortex_m4`]. Built without QEMU's header: the declarations in [`qemu`] are all it needs.
#![cfg(not(windows))]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

mod cortex_m4;

use cortex_m4::Timing;

/// From `qemu-plugin.h`: the part that has been the same since version 1 of the plugin API.
mod qemu {
    use super::*;

    pub type Id = u64;
    #[repr(C)]
    pub struct Tb([u8; 0]);
    #[repr(C)]
    pub struct Insn([u8; 0]);
    /// The callback reads no registers.
    pub const CB_NO_REGS: c_int = 0;

    unsafe extern "C" {
        pub fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: extern "C" fn(Id, *mut Tb));
        pub fn qemu_plugin_register_atexit_cb(id: Id, callback: extern "C" fn(Id, *mut c_void), data: *mut c_void);
        pub fn qemu_plugin_register_vcpu_insn_exec_cb(
            insn: *mut Insn,
            callback: extern "C" fn(c_uint, *mut c_void),
            flags: c_int,
            data: *mut c_void,
        );
        pub fn qemu_plugin_tb_n_insns(tb: *const Tb) -> usize;
        pub fn qemu_plugin_tb_get_insn(tb: *const Tb, index: usize) -> *mut Insn;
        pub fn qemu_plugin_insn_symbol(insn: *const Insn) -> *const c_char;
        pub fn qemu_plugin_insn_vaddr(insn: *const Insn) -> u64;
        pub fn qemu_plugin_insn_size(insn: *const Insn) -> usize;
        /// Until version 3 of the API it takes the instruction alone and returns where its bytes are; since, it copies them to
        /// `to` and returns how many. Arguments that a function does not take are passed in vain on every host QEMU knows.
        pub fn qemu_plugin_insn_data(insn: *const Insn, to: *mut u8, len: usize) -> usize;
    }
}

/// The version of the plugin API that QEMU asks each plugin for.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = if cfg!(feature = "qemu-9") { 2 } else { 1 };

/// Regions there may be, besides region 0, which is everything outside.
const MAX_REGIONS: usize = 120;

struct Region {
    name: String,
    begin: u64,
    end: u64,
    calls: AtomicU64,
    total: AtomicU64,
    fewest: AtomicU64,
    most: AtomicU64,
    cycles: AtomicU64,
    words: AtomicU64,
}

/// An instruction of the guest.
struct Instruction {
    symbol: &'static Symbol,
    address: u64,
    /// Where it goes on if it does not jump.
    next: u64,
    timing: Timing,
}

/// One function of the guest, and how many of its instructions ran in which region.
struct Symbol([AtomicU64; MAX_REGIONS + 1]);

struct State {
    out: PathBuf,
    regions: Vec<Region>,
    known: Mutex<Known>,
}

/// What has been translated so far, and is never freed.
#[derive(Default)]
struct Known {
    symbols: BTreeMap<String, &'static Symbol>,
    instructions: BTreeMap<u64, &'static Instruction>,
}

static STATE: OnceLock<State> = OnceLock::new();
/// The region that runs, 0 for none.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
/// Instructions since the region began.
static SINCE: AtomicU64 = AtomicU64::new(0);

/// Cycles since the region began.
static CYCLES: AtomicU64 = AtomicU64::new(0);
/// Words loaded and stored since the region began.
static WORDS: AtomicU64 = AtomicU64::new(0);
/// The instruction that ran last.
static LAST: AtomicPtr<Instruction> = AtomicPtr::new(std::ptr::null_mut());

/// One guest core at a time runs under `-icount`, so a load and a store are enough.
fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(n), Relaxed);
}

extern "C" fn executed(_core: c_uint, instruction: *mut c_void) {
    // SAFETY: `translated` passed a leaked `Instruction`.
    let now = unsafe { &*instruction.cast_const().cast::<Instruction>() };
    if let Some(count) = now.symbol.0.get(ACTIVE.load(Relaxed)) {
        add(count, 1);
    }
    add(&SINCE, 1);
    let last = LAST.swap(instruction.cast(), Relaxed);
    // SAFETY: null, or what an earlier call was passed.
    let cycles = match unsafe { last.as_ref() } {
        Some(last) if last.next == now.address => now.timing.after(last.timing),
        _ => now.timing.cycles + cortex_m4::REFILL,
    };
    add(&CYCLES, cycles);
    add(&WORDS, now.timing.words);
}

extern "C" fn begins(_core: c_uint, region: *mut c_void) {
    ACTIVE.store(region.addr() + 1, Relaxed);
    SINCE.store(0, Relaxed);
    CYCLES.store(0, Relaxed);
    WORDS.store(0, Relaxed);
}

extern "C" fn ends(_core: c_uint, region: *mut c_void) {
    let open = ACTIVE.swap(0, Relaxed);
    let Some(region) =
        STATE.get().and_then(|state| state.regions.get(region.addr())).filter(|_| open == region.addr() + 1)
    else {
        return;
    };
    let n = SINCE.load(Relaxed);
    add(&region.calls, 1);
    add(&region.total, n);
    add(&region.cycles, CYCLES.load(Relaxed));
    add(&region.words, WORDS.load(Relaxed));
    region.fewest.fetch_min(n, Relaxed);
    region.most.fetch_max(n, Relaxed);
}

impl Known {
    /// # Safety
    /// `insn` is an instruction, at `address`, of a block that QEMU is translating.
    unsafe fn instruction(&mut self, insn: *const qemu::Insn, address: u64) -> &'static Instruction {
        let mut copy = [0; 8];
        // SAFETY: by this function's contract; the name is null or a string that lives as long as the instruction, and its
        // bytes are where QEMU says or, in later versions, in `copy`.
        let (name, code) = unsafe {
            let name = qemu::qemu_plugin_insn_symbol(insn);
            let name = if name.is_null() { "?".into() } else { CStr::from_ptr(name).to_string_lossy() };
            let size = qemu::qemu_plugin_insn_size(insn).min(copy.len());
            let at = qemu::qemu_plugin_insn_data(insn, copy.as_mut_ptr(), size);
            if at > copy.len() {
                copy[..size].copy_from_slice(std::slice::from_raw_parts(std::ptr::with_exposed_provenance(at), size));
            }
            (name, &copy[..size])
        };
        let timing = cortex_m4::timing(code);
        let next = address + code.len() as u64;
        if let Some(known) =
            self.instructions.get(&address).filter(|known| (known.next, known.timing) == (next, timing))
        {
            return known;
        }
        let symbol: &'static Symbol = match self.symbols.get(name.as_ref()) {
            Some(known) => known,
            None => {
                let new = Box::leak(Box::new(Symbol([const { AtomicU64::new(0) }; MAX_REGIONS + 1])));
                self.symbols.insert(name.into_owned(), new);
                new
            }
        };
        let new = Box::leak(Box::new(Instruction { symbol, address, next, timing }));
        self.instructions.insert(address, new);
        new
    }
}

extern "C" fn translated(_id: qemu::Id, tb: *mut qemu::Tb) {
    let Some(state) = STATE.get() else { return };
    let mut known = state.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: QEMU passes a block that it is translating, and the indices are below its number of instructions.
    let insns = unsafe { (0..qemu::qemu_plugin_tb_n_insns(tb)).map(|i| qemu::qemu_plugin_tb_get_insn(tb, i)) };
    for insn in insns {
        // SAFETY: an instruction of that block.
        let address = unsafe { qemu::qemu_plugin_insn_vaddr(insn) };
        // SAFETY: as above.
        let instruction = unsafe { known.instruction(insn, address) };
        // The callbacks of one instruction run in the order in which they are registered.
        for (i, region) in state.regions.iter().enumerate() {
            let callback = match address {
                _ if address == region.begin => begins,
                _ if address == region.end => ends,
                _ => continue,
            };
            // SAFETY: as above; the data is a number, not an address.
            unsafe {
                let index = std::ptr::without_provenance_mut(i);
                qemu::qemu_plugin_register_vcpu_insn_exec_cb(insn, callback, qemu::CB_NO_REGS, index);
            }
        }
        // SAFETY: as above; an `Instruction` is never freed.
        unsafe {
            let data = (&raw const *instruction).cast_mut().cast();
            qemu::qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, qemu::CB_NO_REGS, data);
        }
    }
}

extern "C" fn at_exit(_id: qemu::Id, _data: *mut c_void) {
    let Some(state) = STATE.get() else { return };
    let known = state.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut text = String::new();
    for (i, region) in state.regions.iter().enumerate() {
        let Region { name, calls, total, fewest, most, cycles, words, .. } = region;
        let fewest = if calls.load(Relaxed) == 0 { 0 } else { fewest.load(Relaxed) };
        let (calls, total, most) = (calls.load(Relaxed), total.load(Relaxed), most.load(Relaxed));
        let (cycles, words) = (cycles.load(Relaxed), words.load(Relaxed));
        let _ = writeln!(text, "region {name} {calls} {total} {fewest} {most} {cycles} {words}");
        for (symbol, counts) in known.symbols.iter() {
            match counts.0.get(i + 1).map(|count| count.load(Relaxed)) {
                None | Some(0) => {}
                Some(n) => _ = writeln!(text, "symbol {name} {n} {symbol}"),
            }
        }
    }
    if let Err(why) = std::fs::write(&state.out, text) {
        eprintln!("insncount: cannot write {}: {why}", state.out.display());
    }
}

fn parse(arguments: &[&str]) -> Result<State, String> {
    let mut out = None;
    let mut regions = Vec::new();
    for argument in arguments {
        match argument.split_once('=') {
            Some(("out", path)) => out = Some(PathBuf::from(path)),
            Some(("region", region)) => {
                let parts: Vec<&str> = region.split(':').collect();
                let &[name, begin, end] = &parts[..] else {
                    return Err(format!("`region={region}` is not `region=name:begin:end`"));
                };
                let address = |text: &str| {
                    u64::from_str_radix(text, 16)
                        .map_err(|_| format!("`{text}` in `region={region}` is not a hexadecimal address"))
                };
                regions.push(Region {
                    name: name.to_owned(),
                    begin: address(begin)?,
                    end: address(end)?,
                    calls: AtomicU64::new(0),
                    total: AtomicU64::new(0),
                    fewest: AtomicU64::new(u64::MAX),
                    most: AtomicU64::new(0),
                    cycles: AtomicU64::new(0),
                    words: AtomicU64::new(0),
                });
            }
            _ => return Err(format!("`{argument}` is none of out=.., region=name:begin:end")),
        }
    }
    if regions.len() > MAX_REGIONS {
        return Err(format!("{} regions are more than {MAX_REGIONS}", regions.len()));
    }
    let out = out.ok_or("`out=file` is missing")?;
    Ok(State { out, regions, known: Mutex::default() })
}

/// What QEMU calls first.
///
/// # Safety
/// `arguments` points to `n` strings, as QEMU's documentation of plugins says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: qemu::Id,
    _info: *const c_void,
    n: c_int,
    arguments: *const *const c_char,
) -> c_int {
    // SAFETY: by this function's contract.
    let arguments: Vec<_> = unsafe {
        (0..usize::try_from(n).unwrap_or(0)).map(|i| CStr::from_ptr(*arguments.add(i)).to_string_lossy()).collect()
    };
    let state = parse(&arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    if let Err(why) = state.and_then(|state| STATE.set(state).map_err(|_| "is loaded twice".into())) {
        eprintln!("insncount: {why}");
        return 1;
    }
    // SAFETY: `id` is the one QEMU gave; the callbacks have the types it asks for.
    unsafe {
        qemu::qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
        qemu::qemu_plugin_register_atexit_cb(id, at_exit, std::ptr::null_mut());
    }
    0
}
