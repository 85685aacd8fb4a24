//! What the host would do, with numbers worked out by hand.
use crate::abi::*;
use std::mem::{size_of, zeroed};
use std::ptr::{null, null_mut};

fn matrix(values: &mut [f32], shape: &[i64; 2], strides: &[i64; 2]) -> Tensor {
    Tensor {
        data: values.as_mut_ptr().cast(),
        device: Device { kind: 1, id: 0 },
        ndim: 2,
        dtype: DataType {
            code: 2,
            bits: 32,
            lanes: 1,
        },
        shape: shape.as_ptr(),
        strides: strides.as_ptr(),
        byte_offset: 0,
    }
}

#[test]
fn the_bias_gains_the_mean_of_what_left() {
    // Of three columns the middle one leaves; its input was 0.5 on average.
    let (shape, mean_shape, strides, kept) = ([2, 3], [1, 3], [3, 1], [0, 2]);
    let mut before = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let mut means = [9.0, 0.5, 9.0];
    let mean = matrix(&mut means, &mean_shape, &strides);
    let projection = Projection {
        struct_size: size_of::<Projection>() as u32,
        family: c"mlp".as_ptr(),
        layer: 0,
        name: c"down_proj".as_ptr(),
        weight: matrix(&mut before, &shape, &strides),
        bias: null(),
        kept_count: 2,
        kept: kept.as_ptr(),
        statistics: &mean,
    };
    let mut weight: [f32; 4] = [1.0, 3.0, 4.0, 6.0];
    let mut bias: [f32; 2] = [10.0, 20.0];
    // All zero: no services, and nothing that the plugin reads.
    let (host, model): (Host, Model) = unsafe { (zeroed(), zeroed()) };
    unsafe {
        let library = &*crate::adapt_pruner_plugin();
        assert_eq!((library.abi_major, library.count), (ABI_MAJOR, 1));
        let plugin = &**library.descriptors;
        assert_eq!(plugin.kind, COMPENSATOR);
        let compensator = &*plugin.interface.cast::<Compensator>();
        let mut instance = null_mut();
        assert_eq!(
            (compensator.create)(&host, c"{}".as_ptr(), &mut instance),
            OK
        );
        assert_ne!((compensator.adds_bias)(instance), 0);
        let status = (compensator.compensate)(
            instance,
            &host,
            &model,
            &projection,
            weight.as_mut_ptr(),
            bias.as_mut_ptr(),
        );
        assert_eq!(status, OK);
        (compensator.destroy)(instance);
    }
    assert_eq!(bias, [11.0, 22.5]); // 10 + 2 · 0.5, 20 + 5 · 0.5
    assert_eq!(weight, [1.0, 3.0, 4.0, 6.0]);
}
