//! The declarations of adapt_pruner_plugin.h, ABI 1.1, without those of transforms. Names are the same without `ap_`.
//! The header says what each field and function means, who owns it, what may be null and which thread may call it.
#![allow(dead_code)] // a plugin of one kind does not need the others

use std::ffi::{c_char, c_void};

pub const ABI_MAJOR: u16 = 1;
pub const ABI_MINOR: u16 = 1;

pub type Status = i32;
pub const OK: Status = 0;
pub const FAILED: Status = 1;
pub const INVALID_OPTIONS: Status = 2;
pub const UNSUPPORTED: Status = 3;
pub const CANCELLED: Status = 4;
pub const OUT_OF_MEMORY: Status = 5;

pub const LOG_DEBUG: i32 = 0;
pub const LOG_INFO: i32 = 1;
pub const LOG_WARNING: i32 = 2;
pub const LOG_ERROR: i32 = 3;

pub const ROWS: i32 = 0;
pub const COLUMNS: i32 = 1;

pub const CRITERION: i32 = 1;
pub const ALLOCATOR: i32 = 2;
pub const EVALUATOR: i32 = 3;
pub const COMPENSATOR: i32 = 4;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Device {
    pub kind: i32,
    pub id: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct DataType {
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tensor {
    pub data: *mut c_void,
    pub device: Device,
    pub ndim: i32,
    pub dtype: DataType,
    pub shape: *const i64,
    pub strides: *const i64,
    pub byte_offset: u64,
}

#[repr(C)]
pub struct Corpus {
    pub struct_size: u32,
    pub name: *const c_char,
    pub document_count: i64,
    pub tokens: *const *const i32,
    pub lengths: *const i64,
}

/// The functions are optional here, so that a test can make a host with some of them. The real host has all.
#[repr(C)]
pub struct Host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub context: *mut c_void,
    pub set_error: Option<unsafe extern "C" fn(*const Host, sentence: *const c_char)>,
    pub log: Option<unsafe extern "C" fn(*const Host, level: i32, sentence: *const c_char)>,
    pub progress: Option<unsafe extern "C" fn(*const Host, done: i64, total: i64)>,
    pub is_cancelled: Option<unsafe extern "C" fn(*const Host) -> i32>,
    pub random_uniform:
        Option<unsafe extern "C" fn(*const Host, stream: u64, out: *mut f32, count: i64)>,
    pub sgemm: Option<
        unsafe extern "C" fn(
            *const Host,
            transpose_a: i32,
            transpose_b: i32,
            m: i64,
            n: i64,
            k: i64,
            alpha: f32,
            a: *const f32,
            lda: i64,
            b: *const f32,
            ldb: i64,
            beta: f32,
            c: *mut f32,
            ldc: i64,
        ) -> Status,
    >,
    pub open_data: Option<
        unsafe extern "C" fn(*const Host, option: *const c_char, out: *mut Corpus) -> Status,
    >,
    pub log_likelihood: Option<
        unsafe extern "C" fn(
            *const Host,
            count: i64,
            tokens: *const *const i32,
            lengths: *const i64,
            first: *const i64,
            out: *const *mut f32,
        ) -> Status,
    >,
    pub solve_positive: Option<
        unsafe extern "C" fn(*const Host, n: i64, a: *const f64, rows: i64, b: *mut f64) -> Status,
    >,
    pub invert_positive: Option<unsafe extern "C" fn(*const Host, n: i64, a: *mut f64) -> Status>,
    pub eigen_symmetric:
        Option<unsafe extern "C" fn(*const Host, n: i64, a: *mut f64, values: *mut f64) -> Status>,
}

#[repr(C)]
pub struct Model {
    pub struct_size: u32,
    pub architecture: *const c_char,
    pub layer_count: i64,
    pub hidden_size: i64,
    pub vocabulary_size: i64,
    pub parameters: i64,
    pub original_parameters: i64,
}

#[repr(C)]
pub struct Matrix {
    pub struct_size: u32,
    pub axis: i32,
    pub name: *const c_char,
    pub repeats: i64,
    pub positions: i64,
    pub weight: Tensor,
    pub statistics: *const Tensor,
}

#[repr(C)]
pub struct Units {
    pub struct_size: u32,
    pub family: *const c_char,
    pub layer: i64,
    pub count: i64,
    pub original: *const i64,
    pub matrix_count: i64,
    pub matrices: *const *const Matrix,
    pub statistics: *const Tensor,
}

/// `options` is a JSON object that fits the descriptor's schema. `instance` takes the plugin's own pointer.
pub type Create = unsafe extern "C" fn(
    host: *const Host,
    options: *const c_char,
    instance: *mut *mut c_void,
) -> Status;
pub type Destroy = unsafe extern "C" fn(instance: *mut c_void);
pub type Statistics = unsafe extern "C" fn(instance: *mut c_void) -> *const *const c_char;

#[repr(C)]
pub struct Criterion {
    pub struct_size: u32,
    pub create: Create,
    pub destroy: Destroy,
    pub statistics: Option<Statistics>,
    pub score: unsafe extern "C" fn(
        instance: *mut c_void,
        *const Host,
        *const Model,
        *const Units,
        scores: *mut f32,
    ) -> Status,
    pub scores_compare: Option<unsafe extern "C" fn(instance: *mut c_void) -> i32>,
}

#[repr(C)]
pub struct Descriptor {
    pub struct_size: u32,
    pub kind: i32,
    pub id: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub licence: *const c_char,
    pub paper: *const c_char,
    pub options_schema: *const c_char,
    pub statistics: *const *const c_char,
    pub interface: *const c_void,
    pub scores_compare: i32,
}

#[repr(C)]
pub struct Library {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub count: i64,
    pub descriptors: *const *const Descriptor,
}

#[repr(C)]
pub struct Family {
    pub struct_size: u32,
    pub name: *const c_char,
    pub count: i64,
    pub original_count: i64,
    pub positions: i64,
    pub cost: i64,
    pub minimum: i64,
    pub previous_sparsity: f64,
    pub scores: *const f32,
}

#[repr(C)]
pub struct Layer {
    pub struct_size: u32,
    pub family_count: i64,
    pub families: *const *const Family,
    pub statistics: *const f64,
}

#[repr(C)]
pub struct Budget {
    pub struct_size: u32,
    pub measure: *const c_char,
    pub now: i64,
    pub original: i64,
    pub goal: i64,
    pub iteration_goal: i64,
    pub iteration: i64,
    pub iterations: i64,
}

#[repr(C)]
pub struct Allocation {
    pub struct_size: u32,
    pub budget: *const Budget,
    pub layer_count: i64,
    pub layers: *const *const Layer,
    pub scores_compare: i32,
}

#[repr(C)]
pub struct Share {
    pub struct_size: u32,
    pub sparsity: f64,
    pub keep: i64,
}

#[repr(C)]
pub struct Allocator {
    pub struct_size: u32,
    pub create: Create,
    pub destroy: Destroy,
    pub statistics: Option<Statistics>,
    pub allocate: unsafe extern "C" fn(
        instance: *mut c_void,
        *const Host,
        *const Model,
        *const Allocation,
        shares: *const *mut Share,
    ) -> Status,
    pub meets_goal: unsafe extern "C" fn(instance: *mut c_void) -> i32,
}

#[repr(C)]
pub struct Metrics {
    pub struct_size: u32,
    pub context: *mut c_void,
    pub metric: unsafe extern "C" fn(
        *const Metrics,
        name: *const c_char,
        value: f64,
        standard_error: f64,
        lower_is_better: i32,
    ),
    pub item: unsafe extern "C" fn(*const Metrics, name: *const c_char, value: f64),
}

#[repr(C)]
pub struct Evaluator {
    pub struct_size: u32,
    pub create: Create,
    pub destroy: Destroy,
    pub evaluate: unsafe extern "C" fn(
        instance: *mut c_void,
        *const Host,
        *const Model,
        *const Metrics,
    ) -> Status,
}

#[repr(C)]
pub struct Projection {
    pub struct_size: u32,
    pub family: *const c_char,
    pub layer: i64,
    pub name: *const c_char,
    pub weight: Tensor,
    pub bias: *const f32,
    pub kept_count: i64,
    pub kept: *const i64,
    pub statistics: *const Tensor,
}

#[repr(C)]
pub struct Compensator {
    pub struct_size: u32,
    pub create: Create,
    pub destroy: Destroy,
    pub statistics: Option<Statistics>,
    pub follows_cut: unsafe extern "C" fn(instance: *mut c_void) -> i32,
    pub adds_bias: unsafe extern "C" fn(instance: *mut c_void) -> i32,
    pub compensate: unsafe extern "C" fn(
        instance: *mut c_void,
        *const Host,
        *const Model,
        *const Projection,
        weight: *mut f32,
        bias: *mut f32,
    ) -> Status,
}

/// The sizes of the header's structs by a C compiler with pointers of 64 bits.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::size_of;
    assert!(size_of::<Tensor>() == 48);
    assert!(size_of::<Corpus>() == 40);
    assert!(size_of::<Host>() == 104);
    assert!(size_of::<Model>() == 56);
    assert!(size_of::<Matrix>() == 88);
    assert!(size_of::<Units>() == 64);
    assert!(size_of::<Criterion>() == 48);
    assert!(size_of::<Descriptor>() == 80);
    assert!(size_of::<Library>() == 24);
    assert!(size_of::<Family>() == 72);
    assert!(size_of::<Layer>() == 32);
    assert!(size_of::<Budget>() == 64);
    assert!(size_of::<Allocation>() == 40);
    assert!(size_of::<Share>() == 24);
    assert!(size_of::<Allocator>() == 48);
    assert!(size_of::<Metrics>() == 32);
    assert!(size_of::<Evaluator>() == 32);
    assert!(size_of::<Projection>() == 112);
    assert!(size_of::<Compensator>() == 56);
};
