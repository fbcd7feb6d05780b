//! The texts and expressions of checks, once all names of the configuration are known.

use std::sync::Arc;

use weir_config::Word;
use weir_diag::Diagnostic;
use weir_expr::{Expr, Format, Purpose};

use super::super::Draft;
use super::draft::{CheckDraft, Method};
use crate::action::Compiler;
use crate::conf::{
    CheckAct, CheckSend, CheckStep, CheckText, CheckVariable, Computed, HeaderMatch, HttpSend, VariableValue,
    Want,
};

/// Compiles the checks of the proxy at this position.
pub(in super::super) fn compile(
    compiler: &mut Compiler<'_>,
    index: usize,
    draft: &mut Draft,
) -> Vec<Diagnostic> {
    let mut stage = Stage { compiler, index, faults: Vec::new() };
    stage.checks(&mut draft.checks);
    stage.faults
}

/// Compiles the checks of the `healthcheck` sections, which belong to no proxy.
pub(in super::super) fn compile_sections(
    compiler: &mut Compiler<'_>,
    sections: &mut [Draft],
) -> Vec<Diagnostic> {
    sections.iter_mut().flat_map(|draft| compile(compiler, usize::MAX, draft)).collect()
}

struct Stage<'s, 'c> {
    compiler: &'s mut Compiler<'c>,
    index: usize,
    faults: Vec<Diagnostic>,
}

// === impl Stage ===

impl Stage<'_, '_> {
    fn checks(&mut self, checks: &mut CheckDraft) {
        self.request(&mut checks.request, "option httpchk");
        for step in checks.http.steps_mut() {
            self.step(step, "http-check");
        }
        for step in checks.tcp.steps_mut() {
            self.step(step, "tcp-check");
        }
        if let Method::Protocol(_, rules) = &mut checks.method {
            for step in &mut Arc::make_mut(rules).steps {
                self.step(step, "tcp-check");
            }
        }
    }

    fn step(&mut self, step: &mut CheckStep, rules: &str) {
        match &mut step.act {
            CheckAct::Comment(_) => {}
            CheckAct::Connect(connect) => {
                if let Some(port) = &mut connect.computed_port {
                    self.expr(
                        port,
                        &format!("'{rules} connect' : error detected while parsing port expression : "),
                    );
                }
            }
            CheckAct::Send(CheckSend::Text(text)) => self.wrapped(text, &format!("{rules} send-lf")),
            CheckAct::Send(CheckSend::Binary(text)) => self.wrapped(text, &format!("{rules} send-binary-lf")),
            CheckAct::Send(CheckSend::Http(send)) => self.request(send, "http-check send"),
            CheckAct::Send(CheckSend::Bytes(_) | CheckSend::SslHello) => {}
            CheckAct::Expect(expect) => {
                let line = format!("{rules} expect");
                self.want(&mut expect.want, &line);
                for text in [&mut expect.on_success, &mut expect.on_error].into_iter().flatten() {
                    self.text(text, &line);
                }
                if let Some(code) = &mut expect.status_code {
                    let prefix = format!("'{line}' : error detected while parsing status-code expression : ");
                    self.expr(code, &prefix);
                }
            }
            CheckAct::Variable(variable) => self.variable(variable, rules),
        }
    }

    fn want(&mut self, want: &mut Want, line: &str) {
        match want {
            Want::TextFormat(text) | Want::BinaryFormat(text) => self.wrapped(text, line),
            Want::Header(header) => {
                for found in [Some(&mut header.name), header.value.as_mut()].into_iter().flatten() {
                    match found {
                        HeaderMatch::Exact(text)
                        | HeaderMatch::Prefix(text)
                        | HeaderMatch::Suffix(text)
                        | HeaderMatch::Part(text) => self.text(text, line),
                        HeaderMatch::Regex(_) => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// A request: the reference says less of what is wrong with its headers.
    fn request(&mut self, send: &mut HttpSend, line: &str) {
        self.text(&mut send.uri, line);
        self.text(&mut send.body, line);
        for (_, value) in &mut send.headers {
            if let CheckText::Format(text) = value
                && let Err(message) = self.format(text, Purpose::Http)
            {
                self.fault(text, format!("'{line}' : {message}."));
            }
        }
    }

    fn variable(&mut self, variable: &mut CheckVariable, rules: &str) {
        let written = &variable.written;
        match &mut variable.value {
            None => {}
            Some(VariableValue::Sample(sample)) => {
                let prefix = format!("'{rules} {written}' : 'set-var' :");
                if let Err(message) = self.compiled(sample, written) {
                    self.fault(sample, format!("{prefix} {}.", message.trim_start()));
                }
            }
            Some(VariableValue::Text(text)) => {
                if let Err(message) = self.format(text, Purpose::Text) {
                    self.fault(text, format!("'{rules} {written}' : 'set-var-fmt' : {message}."));
                }
            }
        }
    }

    fn text(&mut self, text: &mut CheckText, line: &str) {
        if let CheckText::Format(text) = text {
            self.wrapped(text, line);
        }
    }

    fn wrapped(&mut self, text: &mut Computed<Format>, line: &str) {
        if let Err(message) = self.format(text, Purpose::Text) {
            let shown = String::from_utf8_lossy(&text.text).into_owned();
            self.fault(text, format!("'{line}' : '{shown}' invalid log-format string ({message})."));
        }
    }

    fn format(&mut self, text: &mut Computed<Format>, purpose: Purpose) -> Result<(), String> {
        let word = Word { bytes: text.text.clone(), span: text.at };
        let format = self.compiler.check_format(self.index, &word, purpose).map_err(|e| e.message)?;
        text.compiled = Some(format);
        Ok(())
    }

    fn expr(&mut self, expr: &mut Computed<Expr>, prefix: &str) {
        let name = String::from_utf8_lossy(&expr.text).into_owned();
        if let Err(message) = self.compiled(expr, &name) {
            self.fault(expr, format!("{prefix}{message}."));
        }
    }

    /// `name` is what messages call the expression where it has nothing to read in a check.
    fn compiled(&mut self, expr: &mut Computed<Expr>, name: &str) -> Result<(), String> {
        let word = Word { bytes: expr.text.clone(), span: expr.at };
        let found = self.compiler.check_expr(self.index, &word).map_err(|e| e.message)?;
        match found {
            Ok(found) => expr.compiled = Some(found),
            Err(reason) => {
                let needs = reason.split_once("needs '").and_then(|(_, rest)| rest.split_once('\''));
                let needs = needs.map_or("", |(needs, _)| needs);
                return Err(format!(
                    " fetch method '{name}' extracts information from '{needs}', none of which is available here"
                ));
            }
        }
        Ok(())
    }

    fn fault<T>(&mut self, at: &Computed<T>, message: String) {
        self.faults.push(Diagnostic::alert(at.at, message));
    }
}
