//! The images and labels, as they lie in the files and in flash.

/// Images of 8 by 8 pixels, each 0 to 16, rows first, and what they show.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// One byte a pixel.
    pub images: &'static [[u8; 64]],
    /// 0 to 9.
    pub labels: &'static [u8],
}

/// To learn from.
pub const TRAIN: Samples =
    samples(include_bytes!("../data/digits-train-x.bin"), include_bytes!("../data/digits-train-y.bin"));

/// To be tested on.
pub const TEST: Samples =
    samples(include_bytes!("../data/digits-test-x.bin"), include_bytes!("../data/digits-test-y.bin"));

const fn samples(pixels: &'static [u8], labels: &'static [u8]) -> Samples {
    let (images, rest) = pixels.as_chunks();
    assert!(rest.is_empty() && images.len() == labels.len());
    Samples { images, labels }
}

/// The pixels as the network takes them: 0.0 to 1.0.
pub fn pixels(image: &[u8; 64]) -> [f32; 64] {
    image.map(|pixel| f32::from(pixel) / 16.0)
}
