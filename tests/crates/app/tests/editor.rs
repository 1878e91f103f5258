//! What an editor shows of `#[jit]` code: signatures, and the way to a definition, asked of rust-analyzer over its protocol.
//!
//! Skipped, with a word, where rust-analyzer is not installed.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use lsp_server::{Message, Notification, Request, RequestId, Response};
use serde_json::{Value, json};

/// A running rust-analyzer with one open file.
struct Editor {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    requests: i32,
    /// Of the open file.
    path: PathBuf,
    text: String,
}

impl Editor {
    /// `None` without rust-analyzer.
    fn open(path: &Path) -> Option<Editor> {
        let installed = Command::new("rust-analyzer").arg("--version").stderr(Stdio::null()).output();
        if !installed.is_ok_and(|version| version.status.success()) {
            return None;
        }
        let mut server = Command::new("rust-analyzer")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("rust-analyzer starts");
        let input = server.stdin.take().expect("piped");
        let output = BufReader::new(server.stdout.take().expect("piped"));
        let text = std::fs::read_to_string(path).expect("the file is there");
        let mut editor = Editor { server, input, output, requests: 0, path: path.to_owned(), text };
        editor.ask(
            "initialize",
            json!({
                "processId": std::process::id(),
                "rootUri": uri(Path::new(env!("CARGO_MANIFEST_DIR"))),
                "capabilities": {
                    "experimental": { "serverStatusNotification": true },
                    "textDocument": { "hover": { "contentFormat": ["plaintext"] } },
                },
                "initializationOptions": {
                    "checkOnSave": false,
                    "cachePriming": { "enable": false },
                    // The macros and nothing else: the tests' own run of cargo has built them.
                    "cargo": { "buildScripts": { "overrideCommand": [
                        "cargo", "test", "--no-run", "--package", "kiln-crates-app", "--lib", "--quiet",
                        "--message-format=json",
                    ] } },
                },
            }),
        );
        editor.tell("initialized", json!({}));
        let document = json!({ "uri": uri(path), "languageId": "rust", "version": 1, "text": editor.text });
        editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
        // Nothing that is answered before the project is loaded counts.
        loop {
            if let Message::Notification(told) = editor.receive()
                && told.method == "experimental/serverStatus"
                && told.params["quiescent"] == true
            {
                return Some(editor);
            }
        }
    }

    fn tell(&mut self, method: &str, params: Value) {
        let told = Notification { method: method.to_owned(), params };
        Message::from(told).write(&mut self.input).expect("rust-analyzer listens");
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        let asked = Request { id: id.clone(), method: method.to_owned(), params };
        Message::from(asked).write(&mut self.input).expect("rust-analyzer listens");
        loop {
            if let Message::Response(answer) = self.receive()
                && answer.id == id
            {
                return answer.response_result.unwrap_or_else(|why| panic!("{method}: {why:?}"));
            }
        }
    }

    /// The next message, after an answer to what the server wants to know.
    fn receive(&mut self) -> Message {
        let message = Message::read(&mut self.output).expect("rust-analyzer speaks").expect("rust-analyzer runs");
        if let Message::Request(wanted) = &message {
            let settings = wanted.params["items"].as_array().map(|items| json!(vec![Value::Null; items.len()]));
            let answer = Response::new_ok(wanted.id.clone(), settings);
            Message::from(answer).write(&mut self.input).expect("rust-analyzer listens");
        }
        message
    }

    /// The place `after` characters into the one occurrence of `text`.
    fn place(&self, text: &str, after: usize) -> Value {
        assert_eq!(self.text.matches(text).count(), 1, "{text}");
        let start = self.text.find(text).expect("counted") + after;
        let line = self.text[..start].matches('\n').count();
        let column = start - self.text[..start].rfind('\n').map_or(0, |end| end + 1);
        json!({ "textDocument": { "uri": uri(&self.path) }, "position": { "line": line, "character": column } })
    }

    /// What shows when the mouse rests on it.
    fn hover(&mut self, text: &str, after: usize) -> String {
        let place = self.place(text, after);
        self.ask("textDocument/hover", place)["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// The lines of source that "go to definition" leads to.
    fn definitions(&mut self, text: &str, after: usize) -> Vec<String> {
        let place = self.place(text, after);
        let found = self.ask("textDocument/definition", place);
        let line = |place: &Value| {
            let uri = place["targetUri"].as_str().or(place["uri"].as_str()).expect("a place has a file");
            let range = if place["targetSelectionRange"].is_object() { "targetSelectionRange" } else { "range" };
            let line = place[range]["start"]["line"].as_u64().expect("a place has a line");
            let text = std::fs::read_to_string(uri.strip_prefix("file://").expect("a file")).expect("it is there");
            text.lines().nth(line as usize).expect("the file has the line").trim().to_owned()
        };
        found.as_array().map(|places| places.iter().map(line).collect()).unwrap_or_default()
    }

    /// Types `new` in the place of `old`, without saving.
    fn edit(&mut self, old: &str, new: &str) {
        assert_eq!(self.text.matches(old).count(), 1, "{old}");
        self.text = self.text.replace(old, new);
        let document = json!({ "uri": uri(&self.path), "version": 2 });
        let changes = json!([{ "text": self.text }]);
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

#[test]
fn an_editor_knows_signatures_and_definitions() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let Some(mut editor) = Editor::open(&file) else {
        eprintln!("skipped: rust-analyzer is not installed (`rustup component add rust-analyzer` brings it)");
        return;
    };
    // Ordinary code sees the signatures that the user wrote.
    let shown = editor.hover("with_caller(&g, &[", 0);
    assert!(shown.contains("pub fn with_caller(g: &Gate, x: &[f32; "), "{shown}");
    let shown = editor.hover("let first = m.loss(&x, &y)", 15);
    assert!(shown.contains("pub fn loss(&self, x: &[[f32; ") && shown.contains("-> f32"), "{shown}");
    let shown = editor.hover("let first", 4);
    assert!(shown.contains("let first: f32"), "{shown}");
    let shown = editor.hover("nn::Gate_run::Workspace::new", 15);
    assert!(shown.contains("Memory for intermediate results."), "{shown}");
    // A call leads to the function: from ordinary code, from a jitted body, under a transformation, in another crate.
    let loss = "pub fn loss(&self, x: &[[f32; 4]; 8], y: &[u8; 8]) -> f32 {";
    let with_caller = "pub fn with_caller(g: &Gate, x: &[f32; 4]) -> [f32; 4] {";
    let layer_norm = "pub fn layer_norm<const N: usize>(x: &[f32; N]) -> [f32; N] {";
    for (call, after, function) in [
        ("with_caller(&g, &[", 0, with_caller),
        ("let first = m.loss(&x, &y)", 15, loss),
        ("value_and_grad(Model::loss)", 23, loss),
        ("ln(*x)", 0, layer_norm),
        ("vmap(softcap", 6, "pub fn softcap(x: f32, cap: f32) -> f32 {"),
    ] {
        let found = editor.definitions(call, after);
        assert_eq!(found.first().map(String::as_str), Some(function), "{call}: {found:?}");
    }
    // Inside a body too: variables have the types that tracing found, and uses lead to what they use.
    for (text, after, type_) in [
        ("let z = vmap", 4, "let z: [[f32; 2]; 8]"),
        ("let (l, g) = value", 5, "let l: f32"),
        ("let (l, g) = value", 8, "let g: Model"),
        ("for l in self.l.iter()", 4, "let l: Dense<4, 4>"),
    ] {
        let shown = editor.hover(text, after);
        assert!(shown.contains(type_), "{shown}");
    }
    for (name, after, line) in [
        (
            "opt.step(self, &g)",
            0,
            "pub fn train(&mut self, opt: &mut Momentum<Model>, x: &[[f32; 4]; 8], y: &[u8; 8], t: f32) -> f32 {",
        ),
        ("opt.step(self, &g)", 16, "let g = g * cosine(t);"),
        ("h = self.gate.run(h)", 9, "pub gate: Gate,"),
        ("vmap(Self::logits", 11, "pub fn logits(&self, x: &[f32; 4]) -> [f32; 2] {"),
    ] {
        let found = editor.definitions(name, after);
        assert_eq!(found.first().map(String::as_str), Some(line), "{name}: {found:?}");
    }
    // A body with a mistake takes nothing from those who call it.
    editor.edit("    d.decay(0.5);\n", "    d.dekay(0.5) +;\n");
    let shown = editor.hover("decayed(&dense(1.0)", 0);
    assert!(shown.contains("pub fn decayed(d: &Dense<"), "{shown}");
    let shown = editor.hover("with_caller(&g, &[", 0);
    assert!(shown.contains("pub fn with_caller(g: &Gate"), "{shown}");
}
