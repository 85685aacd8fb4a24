//! __SUMMARY__
//!
//!     m = sum of S_i / sum of n_i          S_i = sum over the tokens t of window i of -ln p(t | those before it)
//!
//! A document is cut into windows of 128 tokens. The last one may be shorter. The first token of a window is not
//! predicted; n_i counts the others. The standard error is that of a ratio of sums over the sample of W windows:
//!
//!     sqrt( W / (W - 1) * sum of (S_i - m n_i)^2 ) / sum of n_i
mod abi;
#[macro_use]
mod border;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use abi::{Corpus, Evaluator, Host, Metrics, Model, Status};
use border::{check, create_nothing, destroy_nothing, failed, guarded, list, text, Failure};
use std::ffi::{c_char, c_void, CString};
use std::mem::{size_of, zeroed};

const WINDOW: usize = 128;

/// Windows of two tokens or more. A window of one token predicts nothing.
unsafe fn windows(corpus: &Corpus) -> Vec<&[i32]> {
    let documents = list(corpus.tokens, corpus.document_count);
    let lengths = list(corpus.lengths, corpus.document_count);
    documents
        .iter()
        .zip(lengths)
        .flat_map(|(&tokens, &length)| list(tokens, length).chunks(WINDOW))
        .filter(|window| window.len() > 1)
        .collect()
}

/// ln p of each window's tokens, without its first token.
unsafe fn measure(host: &Host, windows: &[&[i32]]) -> Result<Vec<Vec<f32>>, Failure> {
    let tokens: Vec<*const i32> = windows.iter().map(|w| w.as_ptr()).collect();
    let lengths: Vec<i64> = windows.iter().map(|w| w.len() as i64).collect();
    let first = vec![1; windows.len()];
    let mut values: Vec<Vec<f32>> = windows.iter().map(|w| vec![0.0; w.len() - 1]).collect();
    let out: Vec<*mut f32> = values.iter_mut().map(|v| v.as_mut_ptr()).collect();
    let service = host
        .log_likelihood
        .ok_or_else(|| failed("no log_likelihood"))?;
    check(service(
        host,
        windows.len() as i64,
        tokens.as_ptr(),
        lengths.as_ptr(),
        first.as_ptr(),
        out.as_ptr(),
    ))?;
    Ok(values)
}

/// The mean by token, and its standard error. A single window has no error: NaN.
fn mean(sums: &[f64], counts: &[f64]) -> (f64, f64) {
    let (predicted, windows) = (counts.iter().sum::<f64>(), sums.len() as f64);
    let mean = sums.iter().sum::<f64>() / predicted;
    let squares: f64 = sums
        .iter()
        .zip(counts)
        .map(|(s, n)| (s - mean * n).powi(2))
        .sum();
    let error = (windows / (windows - 1.0) * squares).sqrt() / predicted;
    (mean, if windows > 1.0 { error } else { f64::NAN })
}

unsafe extern "C" fn evaluate(
    _instance: *mut c_void,
    host: *const Host,
    _model: *const Model,
    sink: *const Metrics,
) -> Status {
    guarded(host, |host| {
        let mut corpus: Corpus = zeroed();
        corpus.struct_size = size_of::<Corpus>() as u32;
        let open_data = host.open_data.ok_or_else(|| failed("no open_data"))?;
        check(open_data(host, c"data".as_ptr(), &mut corpus))?;
        let windows = windows(&corpus);
        if windows.is_empty() {
            return Err(failed("the data has no document of two tokens or more"));
        }

        let values = measure(host, &windows)?;
        let surprise = |row: &Vec<f32>| row.iter().map(|&value| -f64::from(value)).sum::<f64>();
        let sums: Vec<f64> = values.iter().map(surprise).collect();
        let counts: Vec<f64> = values.iter().map(|row| row.len() as f64).collect();
        let name = format!("{}.token_nll@{WINDOW}", text(corpus.name));
        let name = CString::new(name).map_err(|_| failed("the data's name has a NUL"))?;
        for (sum, count) in sums.iter().zip(&counts) {
            ((*sink).item)(sink, name.as_ptr(), sum / count);
        }
        let (mean, error) = mean(&sums, &counts);
        ((*sink).metric)(sink, name.as_ptr(), mean, error, 1);
        Ok(())
    })
}

static TABLE: Evaluator = Evaluator {
    struct_size: size_of::<Evaluator>() as u32,
    create: create_nothing,
    destroy: destroy_nothing,
    evaluate,
};

// The host reads the option "data".
library! {
    kind: abi::EVALUATOR,
    interface: TABLE,
    options_schema: cr#"{"type": "object", "required": ["data"], "properties": {"data": {
        "format": "adapt-pruner-data", "description": "the text, or the token ids, to read"}}}"#,
    statistics: [],
}
