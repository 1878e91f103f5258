both! {
    crc {
        pub const POLY: u8 = 0x07;
        pub fn crc8(data: &[u8; 9]) -> u8 {
            let mut crc: u8 = 0;
            for &byte in data.iter() {
                crc ^= byte;
                for _ in 0..8 {
                    if crc & 0x80 != 0 {
                        crc = (crc << 1) ^ POLY;
                    } else {
                        crc <<= 1;
                    }
                }
            }
            crc
        }
        pub fn crc32(data: &[u8; 9]) -> u32 {
            let mut crc = 0xFFFF_FFFFu32;
            for b in data {
                crc ^= *b as u32;
                for _ in 0..8 {
                    let mask = if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
                    crc = (crc >> 1) ^ mask;
                }
            }
            !crc
        }
        pub fn crc16(data: &[u8; 9], init: u16) -> u16 {
            let mut crc = init;
            for i in 0..data.len() {
                crc ^= (data[i] as u16) << 8;
                for _ in 0..8 {
                    crc = if (crc & 0x8000) != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
                }
            }
            crc
        }
        pub fn fletcher(data: &[u8; 9]) -> u16 {
            let (mut a, mut b) = (0u16, 0u16);
            for &d in data {
                a = (a + d as u16) % 255;
                b = (b + a) % 255;
            }
            (b << 8) | a
        }
        pub fn adler(data: &[u8; 9]) -> u32 {
            const MOD: u32 = 65521;
            let mut a = 1u32;
            let mut b = 0u32;
            for d in data.iter() {
                a = (a + u32::from(*d)) % MOD;
                b = (b + a) % MOD;
            }
            (b << 16) | a
        }
    }
    let d = *b"123456789";
    same!(crc8(&d));
    same!(crc32(&d));
    same!(crc16(&d, 0xFFFF));
    same!(fletcher(&d));
    same!(adler(&d));
    assert_eq!(kernel::crc32(&d), 0xCBF4_3926);
}
