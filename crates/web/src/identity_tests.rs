//! What is believed of a site, and what is not.

use serde_json::{Value, json};

use super::*;

const SECRET: &str = "the site's key, thirty-two bytes or more";
/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn identities(secrets: &[&str]) -> Identities {
    let secrets: Vec<SecretString> = secrets.iter().map(|&secret| secret.into()).collect();
    Identities::new(&secrets, &ChannelName::new("site"), Arc::default())
}

fn claims() -> Value {
    json!({ "sub": "42", "aud": "site", "exp": NOW + 3600 })
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn token(header: &Value, claims: &Value, secret: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let signature = key(&secret.into()).chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", BASE64.encode(signature))
}

fn check(claims: &Value) -> Result<Identity, IdentityError> {
    identities(&[SECRET]).check(&token(&json!({ "alg": "HS256" }), claims, SECRET), now())
}

fn refused(claims: &Value) -> &'static str {
    check(claims).expect_err("it was believed").code()
}

#[test]
fn what_the_site_signed_is_believed() {
    let ann = Identity { user: "42".into(), name: Some("Ann Lee".to_owned()) };
    let signed = sign_identity(
        &SECRET.into(),
        &ChannelName::new("site"),
        "42",
        Some("Ann Lee"),
        now()..now() + Duration::HOUR,
    );
    assert_eq!(identities(&[SECRET]).check(&signed, now()), Ok(ann));
    for good in [
        claims(),
        changed("aud", json!(["shop", "site"])),
        changed("exp", json!(1_767_225_600.5)),
        changed("exp", json!(NOW + 24 * 3600)),
        changed("nbf", json!(NOW)),
        changed("iat", json!(NOW - 3600)),
        changed("iat", json!(-1e300)),
        changed("role", json!({ "anything": [1, 2] })),
        changed("name", json!(" \n")),
    ] {
        assert_eq!(check(&good), Ok(Identity { user: "42".into(), name: None }), "{good}");
    }
}

#[test]
fn every_claim_is_checked() {
    for (claims, code) in [
        (json!({}), "identity_claim"),
        (changed("aud", json!(null)), "identity_claim"),
        (changed("aud", json!("shop")), "identity_channel"),
        (changed("aud", json!([])), "identity_channel"),
        (changed("exp", json!(null)), "identity_claim"),
        (changed("exp", json!("1767229200")), "identity_malformed"),
        (changed("exp", json!(NOW)), "identity_expired"),
        (changed("exp", json!(NOW + 25 * 3600)), "identity_too_long"),
        (changed("exp", json!((NOW + 3600) * 1000)), "identity_too_long"),
        (changed("nbf", json!(NOW + 3600)), "identity_not_yet"),
        (changed("exp", json!(1e300)), "identity_too_long"),
        (changed("exp", json!(-1)), "identity_expired"),
        (changed("nbf", json!(1e300)), "identity_not_yet"),
        (changed("iat", json!("now")), "identity_malformed"),
        (changed("sub", json!(null)), "identity_claim"),
        (changed("sub", json!(42)), "identity_claim"),
        (changed("sub", json!("")), "identity_claim"),
        (changed("sub", json!("4\u{0}2")), "identity_claim"),
        (changed("sub", json!("x".repeat(256))), "identity_claim"),
        (changed("name", json!(7)), "identity_malformed"),
        (json!([1]), "identity_malformed"),
    ] {
        assert_eq!(refused(&claims), code, "{claims}");
    }
}

#[test]
fn what_the_token_says_of_its_signature_decides_nothing() {
    let code = |token: &str| identities(&[SECRET]).check(token, now()).unwrap_err().code();
    let good = token(&json!({ "alg": "HS256" }), &claims(), SECRET);
    let (signed, _) = good.rsplit_once('.').unwrap();
    for alg in ["none", "None", "hs256", "HS512", "RS256", ""] {
        let header = json!({ "alg": alg });
        assert_eq!(code(&token(&header, &claims(), SECRET)), "identity_algorithm", "{alg}");
        let (unsigned, _) =
            token(&header, &claims(), SECRET).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.len())).unwrap();
        assert_eq!(code(&format!("{unsigned}.")), "identity_algorithm");
    }
    assert_eq!(
        code(&token(&json!({ "alg": "HS256", "crit": ["b64"] }), &claims(), SECRET)),
        "identity_algorithm"
    );
    assert_eq!(code(&format!("{signed}.")), "identity_signature");
    assert_eq!(code(&token(&json!({ "alg": "HS256" }), &claims(), "another key")), "identity_signature");
    for malformed in [
        "",
        ".",
        "..",
        "42",
        signed,
        "{}.{}.{}",
        &format!("{good}="),
        &format!("{good}.x"),
        &"x".repeat(9_000),
    ] {
        assert_eq!(code(malformed), "identity_malformed", "{malformed:.50}");
    }
}

#[test]
fn what_is_said_twice_is_not_believed() {
    for claims in [
        r#"{"sub":"42","sub":"1","aud":"site","exp":1767229200}"#,
        r#"{"sub":"42","aud":"site","exp":1767229200,"exp":1767229201}"#,
        r#"{"sub":"42","aud":"site","exp":1e999}"#,
        r#"{"sub":"\ud800","aud":"site","exp":1767229200}"#,
    ] {
        let signed = format!("{}.{}", BASE64.encode(r#"{"alg":"HS256"}"#), BASE64.encode(claims));
        let signature = key(&SECRET.into()).chain_update(&signed).finalize().into_bytes();
        let refused = identities(&[SECRET]).check(&format!("{signed}.{}", BASE64.encode(signature)), now());
        assert_eq!(refused, Err(IdentityError::Malformed), "{claims}");
    }
}

#[test]
fn no_byte_can_be_changed() {
    let good = token(&json!({ "alg": "HS256" }), &claims(), SECRET);
    for at in 0..good.len() {
        let mut forged = good.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert!(identities(&[SECRET]).check(&forged, now()).is_err(), "byte {at}");
    }
}

#[test]
fn the_key_can_be_changed_while_both_are_good() {
    let old = token(&json!({ "alg": "HS256" }), &claims(), "the old key");
    assert!(identities(&[SECRET, "the old key"]).check(&old, now()).is_ok());
    assert_eq!(identities(&[SECRET]).check(&old, now()), Err(IdentityError::Signature));
    assert_eq!(identities(&[]).check(&old, now()), Err(IdentityError::NotConfigured));
}

#[test]
fn a_long_name_is_shortened() {
    let name = format!("  Ann\t\u{7}{}", "я".repeat(200));
    let identity = check(&changed("name", json!(name))).unwrap();
    assert_eq!(identity.name.unwrap(), format!("Ann{}", "я".repeat(97)));
}
