//! Layouts of arbitrary sizes: refused by type before anything is made for them, or whole.

use saltflat_core::layout::{CHUNK, Layout, TILE};
use saltflat_core::rng::{ROUNDS, philox};

/// Sizes that lie at ends of tiles, chunks and types, and others.
fn size(word: u32, other: u32) -> usize {
    let ends = [0, 1, TILE, CHUNK, 1 << 20, (1 << 31) - 1, 1 << 31, 1 << 40, usize::MAX / 2, usize::MAX];
    let near = ends[word as usize % ends.len()];
    match other % 4 {
        0 => near.saturating_sub(1),
        1 => near.saturating_add(1),
        2 => near,
        _ => other as usize % 100_000,
    }
}

#[test]
fn arbitrary_sizes_are_refused_or_laid_out_whole() {
    let (mut whole, mut refused) = (0, 0);
    for case in 0..400 {
        let words = |block| philox([case, block, 0, 0], [7, 7], ROUNDS);
        let count = words(99)[0] % 6;
        let sizes: Vec<usize> = (0..count).map(|t| size(words(t)[0], words(t)[1])).collect();
        let all = sizes.iter().try_fold(0usize, |all, size| all.checked_add(*size));
        let fits =
            all.is_some_and(|all| all > 0 && all <= 1 << 36) && sizes.iter().all(|size| *size < 1 << 31);
        let layout = match Layout::new(&sizes) {
            Err(error) => {
                assert_eq!(error.code(), "ERR_INVALID_ARGUMENT", "{sizes:?}");
                assert!(!fits, "{sizes:?}");
                refused += 1;
                continue;
            }
            Ok(layout) => layout,
        };
        assert!(fits, "{sizes:?}");
        whole += 1;
        assert_eq!(layout.sizes(), sizes);
        let mut end = 0;
        for (tensor, size) in sizes.iter().enumerate() {
            let range = layout.range(tensor);
            assert_eq!((range.start, range.len()), (end, *size), "{sizes:?}");
            end = range.end.next_multiple_of(TILE);
            let chunks = &layout.chunks()[layout.chunks_of(tensor)];
            assert_eq!(chunks.iter().map(|chunk| chunk.len).sum::<usize>(), *size, "{sizes:?}");
            assert!(chunks.iter().all(|chunk| chunk.tensor == tensor && (1..=CHUNK).contains(&chunk.len)));
            assert!(chunks.iter().enumerate().all(|(i, chunk)| chunk.start == i * CHUNK));
            assert!(chunks.iter().all(|chunk| chunk.flat == range.start + chunk.start));
        }
        assert_eq!(layout.total(), end, "{sizes:?}");
    }
    assert!(whole > 50 && refused > 50, "{whole} laid out, {refused} refused");
}
