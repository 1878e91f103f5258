fn crc(data: &[u8; 32]) -> u32 {
    let mut c = 0xffff_ffffu32;
    for i in 0..32 {
        c ^= data[i] as u32;
        for _ in 0..8 {
            c = if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 };
        }
    }
    !c
}
fn all(data: &[u8; 32], a: &[i32; 8], b: &[u64; 8]) -> (u32, [i32; 8], [u64; 8], [i64; 8], [i16; 8]) {
    let big = b * 6364136223846793005 + 1442695040888963407;
    (crc(data), a * 77777777 / 13 % 1000, big >> 7, (big as i64) / 12345, a as i16 - 40)
}
