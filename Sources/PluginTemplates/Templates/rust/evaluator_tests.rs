//! Calls the plugin as the host does. The expected numbers are worked out by hand.
use crate::abi::*;
use crate::testing::{made, nothing, table};
use std::ffi::{c_char, c_void, CStr};
use std::mem::size_of;

static IDS: [i32; 130] = [0; 130];
static LENGTHS: [i64; 2] = [130, 1];

/// Two documents. The first has 130 tokens: a window of 128 and one of 2. The second has one token and no window.
unsafe extern "C" fn open_data(_: *const Host, option: *const c_char, out: *mut Corpus) -> Status {
    static TOKENS: [&[i32; 130]; 2] = [&IDS, &IDS]; // a reference is a pointer
    if CStr::from_ptr(option) != c"data" {
        return FAILED;
    }
    (*out).name = c"text".as_ptr();
    (*out).document_count = 2;
    (*out).tokens = TOKENS.as_ptr().cast();
    (*out).lengths = LENGTHS.as_ptr();
    OK
}

/// A model for which -ln p is 2 for every token of the first window, and 1 for those of the second.
unsafe extern "C" fn log_likelihood(
    _: *const Host,
    count: i64,
    _tokens: *const *const i32,
    lengths: *const i64,
    first: *const i64,
    out: *const *mut f32,
) -> Status {
    if count != 2 || *lengths != 128 || *lengths.add(1) != 2 {
        return FAILED;
    }
    for window in 0..2 {
        for token in 0..*lengths.add(window) - *first.add(window) {
            *(*out.add(window)).add(token as usize) = if window == 0 { -2.0 } else { -1.0 };
        }
    }
    OK
}

#[derive(Default)]
struct Found {
    metrics: Vec<(String, f64, f64, i32)>,
    items: Vec<f64>,
}

unsafe extern "C" fn metric(
    sink: *const Metrics,
    name: *const c_char,
    value: f64,
    standard_error: f64,
    lower_is_better: i32,
) {
    let found = &mut *(*sink).context.cast::<Found>();
    let name = CStr::from_ptr(name).to_string_lossy().into_owned();
    found
        .metrics
        .push((name, value, standard_error, lower_is_better));
}

unsafe extern "C" fn item(sink: *const Metrics, _name: *const c_char, value: f64) {
    (*(*sink).context.cast::<Found>()).items.push(value);
}

#[test]
fn the_mean_is_by_token_and_its_error_by_window() {
    let (mut host, model) = nothing();
    host.open_data = Some(open_data);
    host.log_likelihood = Some(log_likelihood);
    let mut found = Found::default();
    let sink = Metrics {
        struct_size: size_of::<Metrics>() as u32,
        context: &mut found as *mut Found as *mut c_void,
        metric,
        item,
    };
    let evaluator: &Evaluator = table(EVALUATOR);
    unsafe {
        let instance = made(evaluator.create, &host, c"{\"data\":\"text.txt\"}");
        assert_eq!((evaluator.evaluate)(instance, &host, &model, &sink), OK);
        (evaluator.destroy)(instance);
    }
    assert_eq!(found.items, [2.0, 1.0]);
    let (name, value, error, lower_is_better) = &found.metrics[0];
    assert_eq!(
        (found.metrics.len(), name.as_str()),
        (1, "text.token_nll@128")
    );
    // (127 · 2 + 1 · 1) / (127 + 1)
    assert_eq!(*value, 255.0 / 128.0);
    // The windows' sums are 127/128 above and below the mean's share: sqrt(2 / 1 · 2 (127/128)²) / 128
    assert!((error - 254.0 / 16384.0).abs() < 1e-12);
    assert_ne!(*lower_is_better, 0);
}
