//! The lines that firmware prints without formatting machinery, against Rust's own formatting.

use digits::report::{self, Console, Line};

#[derive(Default)]
struct Text(String);

impl Console for Text {
    fn write(&mut self, line: &[u8]) {
        self.0.push_str(std::str::from_utf8(line).unwrap());
    }
}

fn line(fill: impl FnOnce(&mut Line)) -> String {
    let (mut text, mut line) = (Text::default(), Line::new());
    fill(&mut line);
    line.end(&mut text);
    text.0
}

#[test]
fn numbers_are_written_as_rust_writes_them() {
    for value in [0, 7, 10, 99, 100, 65_535, 1_000_000_000, u32::MAX] {
        assert_eq!(line(|line| _ = line.number(value)), format!("{value}\n"));
    }
    for value in [0.0, 0.25, 2.310_4, 0.000_04, 9.999_99, 123.456_7_f32] {
        assert_eq!(line(|line| _ = line.rounded(value)), format!("{value:.4}\n"));
    }
    for value in [0.0, -0.0, 1.0, f32::MIN_POSITIVE, f32::NAN, -123.5] {
        assert_eq!(line(|line| _ = line.bits(value)), format!("{:08x}\n", value.to_bits()));
    }
}

#[test]
fn a_line_that_is_too_long_is_cut_and_not_a_panic() {
    let long = line(|line| _ = line.text(&"x".repeat(1000)));
    assert!(long.chars().all(|c| c == 'x') && (500..1000).contains(&long.len()));
}

#[test]
fn a_report_reads_as_it_says() {
    let mut text = Text::default();
    report::step(&mut text, 50, 1.816_5);
    report::fact(&mut text, "step", "ram_bytes", 5_248);
    assert_eq!(text.0, format!("step 50 loss 1.8165 = {:08x}\nfact step ram_bytes 5248\n", 1.816_5_f32.to_bits()));
}
