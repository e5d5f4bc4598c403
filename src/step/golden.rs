//! Golden files: told where one is not there yet, and written by `--update`.

use serde_json::Value;

use crate::event::Fault;
use crate::expect::{Expectation, Usual};
use crate::step::{Cx, Done};

/// What does not hold of a result, golden files and all; an expectation that is none is an error.
pub(crate) async fn judge(cx: &Cx, expect: &Expectation, outputs: &Value, usual: &[Usual]) -> Done<Vec<Fault>> {
    let here = |faults: Vec<Fault>| faults.into_iter().map(|fault| fault.at(cx.span.place())).collect();
    match cx.rendered(|scope| expect.judge(outputs, scope, usual)).await {
        Ok(faults) => Ok(here(faults)),
        Err(faults) => Err(missing(cx, expect, outputs).await.unwrap_or_else(|| here(faults))),
    }
}

/// What to do where a golden file would be empty.
const NOTHING_FOUND: &str = "if nothing is to be found, say so: `empty: true` in the place of `golden`";

/// A golden file that is not there yet, told where it is named.
async fn missing(cx: &Cx, expect: &Expectation, outputs: &Value) -> Option<Vec<Fault>> {
    for golden in cx.rendered(|scope| expect.goldens(outputs, scope)).await.ok()? {
        let path = cx.asked_path(&golden.file, golden.folder.as_deref());
        if let Ok(None) = cx.case.host.stat(&path).await {
            let fault = Fault::error(format!("there is no golden file `{}` yet", golden.file));
            let hint = match golden.text.trim().is_empty() {
                true => format!("nothing was found to be in it; {NOTHING_FOUND}"),
                false => "`--update` writes it from what was found; look at it before you keep it".to_owned(),
            };
            return Some(vec![fault.at(golden.span.place()).hint(hint)]);
        }
    }
    None
}

/// Makes golden files what was found, and gives whether there are some; then they are judged like any other. What nobody may see is in no file, and a file
/// without it would never be what is found: that is refused.
pub(crate) async fn update(cx: &Cx, expect: &Expectation, outputs: &Value) -> Done<bool> {
    let goldens = cx.rendered(|scope| expect.goldens(outputs, scope)).await?;
    for golden in &goldens {
        let here = |fault: Fault| vec![fault.at(golden.span.place())];
        let path = cx.asked_path(&golden.file, golden.folder.as_deref());
        let standing = cx.case.host.read_text(&path).await.ok();
        let text = standing
            .as_ref()
            .map_or_else(|| golden.text.clone(), |text| golden.over(text));
        if text.trim().is_empty() {
            let message = format!("`{}` is not written: nothing was found to be in it", golden.file);
            return Err(here(Fault::failure(message).hint(NOTHING_FOUND)));
        }
        if cx.case.emitter.masks.hide(&text) != text {
            let message = format!(
                "`{}` is not written: what was found has a hidden value in it",
                golden.file
            );
            let hint = "let a `replace` rule of the golden take it out: `replace: [{matches: …, with: …}]`";
            return Err(here(Fault::error(message).hint(hint)));
        }
        // One that is right already is left alone: a question may be asked many times.
        if standing.is_some_and(|standing| standing == text) {
            continue;
        }
        let written = cx.case.host.write_file(&path, text.as_bytes()).await;
        written.map_err(|why| here(Fault::error(format!("cannot write `{}`: {why}", path.display()))))?;
        cx.case
            .emitter
            .note(&format!("`{}` was written anew (`--update`)", golden.file));
    }
    Ok(!goldens.is_empty())
}
