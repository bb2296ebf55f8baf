//! What must not get in.

use access_token::{Claims, Role, TOKEN_BYTES_MAX, TokenError, testing::Issuer};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Address, base64url};

struct Case {
    issuer: Issuer,
    address: Address,
}

impl Case {
    fn new() -> Self {
        let issuer = Issuer::new();
        let address = Address::new(issuer.jwks_json());
        Self { issuer, address }
    }

    async fn verify(&self, token: &str) -> Result<String, TokenError> {
        let claims = self.address.verifier().verify(token).await?;
        Ok(claims.sub.clone())
    }

    async fn refusal(&self, change: impl FnOnce(&mut Claims)) -> TokenError {
        let mut claims = self.issuer.claims("u-1", &[Role::Customer]);
        change(&mut claims);
        let token = self.issuer.sign(&claims);
        self.verify(&token).await.expect_err("must be refused")
    }

    /// The good token's payload and signature under another header.
    fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let token = self.issuer.token("u-1", &[Role::Admin]);
        let mut header = json!({"typ": "at+jwt", "alg": "ES256", "kid": self.issuer.key().kid()});
        change(&mut header);
        let (_, rest) = token.split_once('.').expect("three parts");
        format!("{}.{rest}", base64url(header.to_string().as_bytes()))
    }
}

#[tokio::test]
async fn a_good_token_counts() {
    let case = Case::new();
    let token = case.issuer.token("u-1", &[Role::Customer, Role::Admin]);
    let verifier = case.address.verifier();
    let claims = verifier.verify(&token).await.expect("good");
    assert_eq!(claims.sub, "u-1");
    assert!(claims.has(Role::Admin) && !claims.has(Role::Service));
    // And again, from memory.
    verifier.verify(&token).await.expect("good");
    assert_eq!(case.address.asked(), 1);
}

#[tokio::test]
async fn an_unsigned_token_does_not_count() {
    let case = Case::new();
    let token = case.with_header(|header| header["alg"] = json!("none"));
    assert_eq!(case.verify(&token).await, Err(TokenError::Malformed));
    let (unsigned, _) = token.rsplit_once('.').expect("three parts");
    let stripped = format!("{unsigned}.");
    assert_eq!(case.verify(&stripped).await, Err(TokenError::Malformed));
    // Also with the right algorithm's name.
    let good = case.issuer.token("u-1", &[Role::Admin]);
    let (unsigned, _) = good.rsplit_once('.').expect("three parts");
    let stripped = format!("{unsigned}.");
    assert_eq!(case.verify(&stripped).await, Err(TokenError::Signature));
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let case = Case::new();
    let claims = case.issuer.claims("u-1", &[Role::Admin]);
    let jwk = case.issuer.key().jwk();
    let public_texts = [
        case.issuer.jwks_json(),
        jwk.to_string(),
        jwk["x"].as_str().expect("x").to_owned(),
    ];
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in &public_texts {
            let mut header = Header::new(algorithm);
            header.typ = Some("at+jwt".to_owned());
            header.kid = Some(case.issuer.key().kid().to_owned());
            let key = EncodingKey::from_secret(secret.as_bytes());
            let token = jsonwebtoken::encode(&header, &claims, &key).expect("signed");
            assert_eq!(case.verify(&token).await, Err(TokenError::Signature));
        }
    }
}

#[tokio::test]
async fn another_algorithm_than_the_keys_does_not_count() {
    let case = Case::new();
    for algorithm in ["HS256", "ES384", "RS256", "PS256", "EdDSA"] {
        let token = case.with_header(|header| header["alg"] = json!(algorithm));
        assert_eq!(
            case.verify(&token).await,
            Err(TokenError::Signature),
            "{algorithm}"
        );
    }
}

#[tokio::test]
async fn a_key_in_the_token_is_not_looked_at() {
    let case = Case::new();
    let thief = Issuer::new();
    let claims = thief.claims("u-1", &[Role::Admin]);
    let pem = access_token::sign::SigningKey::generate().expect("a key");
    let key = EncodingKey::from_ec_pem(pem.as_bytes()).expect("a key");
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.jwk = serde_json::from_value(thief.key().jwk().clone()).expect("a JWK");
    header.jku = Some("http://127.0.0.1:1/jwks.json".to_owned());
    header.kid = Some(case.issuer.key().kid().to_owned());
    let token = jsonwebtoken::encode(&header, &claims, &key).expect("signed");
    assert_eq!(case.verify(&token).await, Err(TokenError::Signature));
    let token = thief.token("u-1", &[Role::Admin]);
    assert_eq!(case.verify(&token).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_changed_token_does_not_count() {
    let case = Case::new();
    let mut claims = case.issuer.claims("u-1", &[Role::Customer]);
    let good = case.issuer.sign(&claims);
    claims.roles = vec![Role::Admin];
    let payload = serde_json::to_vec(&claims).expect("json");
    let parts: Vec<&str> = good.split('.').collect();
    let forged = format!("{}.{}.{}", parts[0], base64url(&payload), parts[2]);
    assert_eq!(case.verify(&forged).await, Err(TokenError::Signature));
}

#[tokio::test]
async fn another_kind_of_token_is_no_access_token() {
    let case = Case::new();
    for kind in [json!("JWT"), json!("rt+jwt"), json!(""), json!(null)] {
        let token = case.with_header(|header| header["typ"] = kind.clone());
        assert_eq!(
            case.verify(&token).await,
            Err(TokenError::WrongType),
            "{kind}"
        );
    }
    let token = case.with_header(|header| {
        header["crit"] = json!(["b64"]);
    });
    assert_eq!(case.verify(&token).await, Err(TokenError::Malformed));
    let token = case.with_header(|header| {
        header.as_object_mut().expect("object").remove("kid");
    });
    assert_eq!(case.verify(&token).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn every_claim_is_checked() {
    let case = Case::new();
    let other = || "other".to_owned();
    let refusal = case.refusal(|claims| claims.iss = other()).await;
    assert_eq!(refusal, TokenError::Issuer);
    let refusal = case.refusal(|claims| claims.aud = vec![other()]).await;
    assert_eq!(refusal, TokenError::Audience);
    let refusal = case.refusal(|claims| claims.aud.clear()).await;
    assert_eq!(refusal, TokenError::Audience);
    let refusal = case.refusal(|claims| claims.sub.clear()).await;
    assert_eq!(refusal, TokenError::Malformed);
    let refusal = case.refusal(|claims| claims.jti.clear()).await;
    assert_eq!(refusal, TokenError::Malformed);
}

#[tokio::test]
async fn times_have_a_small_leeway() {
    let case = Case::new();
    let now = case.issuer.claims("u-1", &[]).iat;
    let at = |iat: i64, exp: i64, nbf: Option<i64>| {
        let mut claims = case.issuer.claims("u-1", &[]);
        (claims.iat, claims.exp, claims.nbf) = (iat, exp, nbf);
        case.issuer.sign(&claims)
    };
    for (token, expected) in [
        (at(now - 900, now - 20, None), Ok(())),
        (at(now - 900, now - 40, None), Err(TokenError::Expired)),
        (at(now + 20, now + 900, None), Ok(())),
        (at(now + 60, now + 900, None), Err(TokenError::NotYet)),
        (at(now, now + 900, Some(now + 20)), Ok(())),
        (at(now, now + 900, Some(now + 60)), Err(TokenError::NotYet)),
        (at(now, now - 10, None), Err(TokenError::NotYet)),
    ] {
        assert_eq!(case.verify(&token).await.map(drop), expected);
    }
}

#[tokio::test]
async fn a_remembered_token_still_ends() {
    use std::sync::atomic::{AtomicI64, Ordering};
    static NOW: AtomicI64 = AtomicI64::new(0);
    let case = Case::new();
    let claims = case.issuer.claims("u-1", &[]);
    NOW.store(claims.iat, Ordering::Relaxed);
    let verifier = case.address.verifier_with(access_token::VerifierSettings {
        clock: || NOW.load(Ordering::Relaxed),
        ..access_token::VerifierSettings::default()
    });
    let token = case.issuer.sign(&claims);
    verifier.verify(&token).await.expect("good");
    NOW.store(claims.exp + 29, Ordering::Relaxed);
    verifier.verify(&token).await.expect("good, with leeway");
    NOW.store(claims.exp + 30, Ordering::Relaxed);
    assert_eq!(verifier.verify(&token).await, Err(TokenError::Expired));
}

#[tokio::test]
async fn rubbish_is_refused() {
    let case = Case::new();
    let long = format!("{}.a.b", "a".repeat(TOKEN_BYTES_MAX));
    let incomplete = {
        let key = access_token::sign::SigningKey::generate().expect("a key");
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        let key = EncodingKey::from_ec_pem(key.as_bytes()).expect("a key");
        jsonwebtoken::encode(&header, &json!({"sub": "u"}), &key).expect("signed")
    };
    for text in ["", ".", "..", "a.b.c", "{}", "a.b", "ä.ö.ü", &long] {
        assert_eq!(
            case.verify(text).await,
            Err(TokenError::Malformed),
            "{text:.20}"
        );
    }
    assert_eq!(case.verify(&incomplete).await, Err(TokenError::UnknownKey));
}
