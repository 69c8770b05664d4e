//! Dot products of embeddings.

/// The dot product, written so that the compiler can use SIMD.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The vector scaled to length 1; a zero vector stays zero.
pub(crate) fn unit(values: &[f32]) -> Vec<f32> {
    let length = dot(values, values).sqrt().max(f32::MIN_POSITIVE);
    values.iter().map(|value| value / length).collect()
}
