//! axe-core, which finds what keeps people with disabilities from using a page.
//!
//! It is not in this repository, and not free to be copied into it: `cargo xtask test` fetches it once.

/// The variable that says where `axe.min.js` is.
pub const AXE_VARIABLE: &str = "SWITCHBOARD_AXE";

#[cfg(feature = "harness")]
pub use run::violations;

#[cfg(feature = "harness")]
mod run {
    use std::env;
    use std::fs;

    use anyhow::{Context, Result};
    use fantoccini::Client;
    use serde_json::Value;

    use super::AXE_VARIABLE;

    /// What the page reports: each violation as its rule, and each element with what is wrong.
    const RUN: &str = "const done = arguments[0];
axe.run(document).then(({ violations, passes }) => done({
  rules: passes.length,
  violations: violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id}: ${JSON.stringify(target)} ${failureSummary}`)),
}), (error) => done({ rules: 0, violations: [String(error)] }));";

    /// Everything that axe-core finds wrong with the page that is shown, also in open shadow roots.
    ///
    /// The page's policy must allow what the driver puts into it, as it does in Chromium.
    pub async fn violations(page: &Client) -> Result<Vec<String>> {
        let path = env::var_os(AXE_VARIABLE).with_context(|| {
            format!("{AXE_VARIABLE} does not say where axe.min.js is; use cargo xtask test")
        })?;
        let axe = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        page.execute(&axe, Vec::new()).await.context("load axe-core into the page")?;
        let report = page.execute_async(RUN, Vec::new()).await.context("run axe-core")?;
        let violations = report["violations"].as_array().context("axe-core reports violations")?;
        let rules = report["rules"].as_u64().unwrap_or_default();
        // A page of which nothing was looked at has no mistakes either.
        anyhow::ensure!(rules > 10 || !violations.is_empty(), "axe-core applied only {rules} rules");
        Ok(violations.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}
