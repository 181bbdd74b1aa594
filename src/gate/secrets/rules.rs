//! Secrets with a published format: one row each.
//!
//! A rule is tried only on texts that hold one of its keywords, in any case. Every pattern is
//! anchored by fixed text or bounded context, so that a search is one pass. Where a pattern has a
//! group, the group is the secret; elsewhere the whole match is.

/// What else must be true of what a pattern matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// It is not a sample from documentation.
    Format,
    /// As [`Check::Format`], and it looks generated: letters, digits, little repetition.
    Random,
    /// It is not a stand-in such as `password` or `${VAR}`.
    Password,
}

/// One kind of secret.
pub(super) struct Rule {
    /// What findings and code call it.
    pub(super) id: &'static str,
    /// What people call it.
    pub(super) name: &'static str,
    /// Lower-case texts of which one must be present.
    pub(super) keywords: &'static [&'static str],
    /// What it looks like.
    pub(super) pattern: &'static str,
    /// What else must be true.
    pub(super) check: Check,
}

const fn rule(
    id: &'static str,
    name: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
    check: Check,
) -> Rule {
    Rule { id, name, keywords, pattern, check }
}

use Check::{Format, Password, Random};

/// The rules, the more telling first: where two cover the same text, the earlier one names it.
pub(super) const RULES: &[Rule] = &[
    // Cloud.
    rule(
        "aws-access-key",
        "AWS access key",
        &["akia", "asia", "abia", "acca", "a3t"],
        r"\b((?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16})(?:[^A-Z0-9]|$)",
        Format,
    ),
    rule(
        "aws-secret-key",
        "AWS secret key",
        &["aws", "akia", "asia", "secretaccesskey", "secret_access_key"],
        r#"(?i:aws|secret_?access_?key|(?-i:AKIA|ASIA)[A-Z0-9]{16})[\s\S]{0,60}?[^A-Za-z0-9/+=]([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#,
        Random,
    ),
    rule(
        "aws-session-token",
        "AWS session token",
        &["session_token", "sessiontoken", "security-token"],
        r#"(?i)(?:session_?token|security-token)["']?\s{0,4}[:=]\s{0,4}["']?([A-Za-z0-9/+=]{100,})"#,
        Random,
    ),
    rule(
        "aws-bedrock-key",
        "Amazon Bedrock API key",
        &["absk", "bedrock-api-key-"],
        r"\b(?:ABSK[A-Za-z0-9+/]{60,}={0,2}|bedrock-api-key-[A-Za-z0-9+/=_-]{20,})",
        Format,
    ),
    rule("aws-appsync-key", "AWS AppSync key", &["da2-"], r"\bda2-[a-z0-9]{26}\b", Random),
    rule(
        "gcp-api-key",
        "Google API key",
        &["aiza"],
        r"\b(AIza[0-9A-Za-z_-]{35})(?:[^0-9A-Za-z_-]|$)",
        Format,
    ),
    rule(
        "gcp-service-account",
        "GCP service account key id",
        &["private_key_id"],
        r#""private_key_id"\s{0,4}:\s{0,4}"([0-9a-f]{40})""#,
        Format,
    ),
    rule(
        "google-oauth-secret",
        "Google OAuth client secret",
        &["gocspx-"],
        r"\bGOCSPX-[A-Za-z0-9_-]{28}",
        Format,
    ),
    rule(
        "google-oauth-token",
        "Google OAuth token",
        &["ya29.", "1//0"],
        r"\b(?:ya29\.[A-Za-z0-9_.-]{20,}|1//0[A-Za-z0-9_-]{40,})",
        Format,
    ),
    rule(
        "azure-storage-key",
        "Azure storage key",
        &["accountkey", "sharedaccesskey", "azure", "storage_key"],
        r#"(?i:accountkey|sharedaccesskey|azure[^\n]{0,60}?|storage_key)["']?\s{0,4}[:=]\s{0,4}["']?([A-Za-z0-9+/]{43,86}={1,2})"#,
        Random,
    ),
    rule(
        "azure-sas",
        "Azure shared access signature",
        &["sig="],
        r"\bsv=[0-9-]{10}[^\s]{0,300}?&sig=([A-Za-z0-9%/+_-]{40,})",
        Random,
    ),
    rule(
        "azure-client-secret",
        "Azure client secret",
        &["q~"],
        r"(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})(?:[^A-Za-z0-9_~.-]|$)",
        Format,
    ),
    rule(
        "azure-devops-token",
        "Azure DevOps token",
        &["azdo"],
        r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b",
        Format,
    ),
    rule(
        "digitalocean-token",
        "DigitalOcean token",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"\bdo[opr]_v1_[0-9a-f]{64}",
        Format,
    ),
    rule(
        "alibaba-secret",
        "Alibaba Cloud secret",
        &["aliyun", "alibaba"],
        r#"(?i:aliyun|alibaba)[^\n]{0,60}?[^A-Za-z0-9]([A-Za-z0-9]{30})(?:[^A-Za-z0-9]|$)"#,
        Random,
    ),
    rule(
        "cloudflare-token",
        "Cloudflare token",
        &["v1.0-", "cloudflare"],
        r#"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}|(?i:cloudflare)[^\n]{0,60}?["'=:\s]([A-Za-z0-9_-]{40})(?:[^A-Za-z0-9_-]|$)"#,
        Random,
    ),
    rule(
        "flyio-token",
        "Fly.io token",
        &["fm2_", "fo1_"],
        r"\b(?:fm2_[A-Za-z0-9+/=,_]{80,}|fo1_[A-Za-z0-9_-]{43})",
        Format,
    ),
    rule("heroku-key", "Heroku key", &["hrku-"], r"\bHRKU-[A-Za-z0-9_-]{30,}", Format),
    // Code hosting, packages, builds.
    rule(
        "github-token",
        "GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{60,251})",
        Format,
    ),
    rule(
        "gitlab-token",
        "GitLab token",
        &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "glagent-", "gloas-"],
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas)-[A-Za-z0-9_.-]{20,}",
        Format,
    ),
    rule(
        "bitbucket-token",
        "Bitbucket token",
        &["atctt3", "atbb", "bbdc-"],
        r"\b(?:ATCTT3[A-Za-z0-9_=-]{60,}|ATBB[A-Za-z0-9]{32}\b|BBDC-[A-Za-z0-9+/]{40,})",
        Format,
    ),
    rule("atlassian-token", "Atlassian token", &["atatt3"], r"\bATATT3[A-Za-z0-9_=%\\-]{60,}", Format),
    rule("npm-token", "npm token", &["npm_"], r"\bnpm_[A-Za-z0-9]{36}\b", Random),
    rule("pypi-token", "PyPI token", &["pypi-ag"], r"\bpypi-Ag[A-Za-z0-9_-]{50,}", Format),
    rule("rubygems-key", "RubyGems key", &["rubygems_"], r"\brubygems_[0-9a-f]{48}\b", Format),
    rule("crates-token", "crates.io token", &["cio"], r"\bcio[A-Za-z0-9]{32}\b", Random),
    rule("docker-token", "Docker Hub token", &["dckr_"], r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}", Format),
    rule("circleci-token", "CircleCI token", &["ccipat_"], r"\bCCIPAT_[A-Za-z0-9]{20,}_[0-9a-f]{40}", Format),
    rule("pulumi-token", "Pulumi token", &["pul-"], r"\bpul-[0-9a-f]{40}\b", Format),
    rule(
        "terraform-token",
        "Terraform token",
        &[".atlasv1."],
        r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}",
        Format,
    ),
    rule("vault-token", "Vault token", &["hvs.", "hvb.", "hvr."], r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}", Format),
    rule("netlify-token", "Netlify token", &["nfp_"], r"\bnfp_[A-Za-z0-9_-]{36,}", Format),
    rule("postman-key", "Postman key", &["pmak-"], r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b", Format),
    // Models.
    rule(
        "anthropic-key",
        "Anthropic key",
        &["sk-ant-"],
        r"\bsk-ant-(?:[a-z]{2,8}[0-9]{2}-)?[A-Za-z0-9_-]{32,}",
        Format,
    ),
    rule(
        "openai-key",
        "OpenAI key",
        &["sk-"],
        r"\bsk-(?:(?:proj|svcacct|admin|None|service)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,}T3BlbkFJ[A-Za-z0-9]{20,}|[A-Za-z0-9]{32,})",
        Random,
    ),
    rule("openrouter-key", "OpenRouter key", &["sk-or-v1-"], r"\bsk-or-v1-[0-9a-f]{64}\b", Format),
    rule(
        "huggingface-token",
        "Hugging Face token",
        &["hf_", "api_org_"],
        r"\b((?:hf|api_org)_[A-Za-z]{34})(?:[^A-Za-z0-9]|$)",
        Format,
    ),
    rule("perplexity-key", "Perplexity key", &["pplx-"], r"\bpplx-[A-Za-z0-9]{40,}", Format),
    rule("xai-key", "xAI key", &["xai-"], r"\bxai-[A-Za-z0-9]{70,}", Format),
    rule("groq-key", "Groq key", &["gsk_"], r"\bgsk_[A-Za-z0-9]{48,}", Format),
    rule("replicate-token", "Replicate token", &["r8_"], r"\br8_[A-Za-z0-9]{37}\b", Random),
    // Messages, mail, money.
    rule(
        "slack-token",
        "Slack token",
        &["xoxa-", "xoxb-", "xoxe", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xapp-"],
        r"\b(?:xox[a-eoprs](?:\.xox[bp])?-[A-Za-z0-9%-]{10,}|xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]{20,})",
        Format,
    ),
    rule(
        "slack-webhook",
        "Slack webhook",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/-]{20,})",
        Format,
    ),
    rule(
        "teams-webhook",
        "Microsoft Teams webhook",
        &["webhook.office.com"],
        r"webhook\.office\.com/webhookb2/([A-Za-z0-9@/-]{60,})",
        Format,
    ),
    rule(
        "discord-webhook",
        "Discord webhook",
        &["/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/[0-9]{15,20}/([A-Za-z0-9_-]{60,})",
        Format,
    ),
    rule(
        "discord-token",
        "Discord bot token",
        &["discord", "bot"],
        r"(?:^|[^A-Za-z0-9_.-])([MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})(?:[^A-Za-z0-9_.-]|$)",
        Random,
    ),
    rule(
        "telegram-token",
        "Telegram bot token",
        &[":a"],
        r"(?:^|[^0-9A-Za-z])(?:bot)?([0-9]{8,10}:A[A-Za-z0-9_-]{34})(?:[^A-Za-z0-9_-]|$)",
        Random,
    ),
    rule("twilio-key", "Twilio key", &["sk"], r"\bSK[0-9a-f]{32}\b", Random),
    rule(
        "sendgrid-key",
        "SendGrid key",
        &["sg."],
        r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,64}",
        Format,
    ),
    rule("mailgun-key", "Mailgun key", &["key-"], r"\bkey-[0-9a-f]{32}\b", Random),
    rule("mailchimp-key", "Mailchimp key", &["-us"], r"\b[0-9a-f]{32}-us[0-9]{1,2}\b", Random),
    rule(
        "stripe-key",
        "Stripe key",
        &["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"],
        r"\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
        Format,
    ),
    rule(
        "square-token",
        "Square token",
        &["sq0", "eaaa"],
        r"\b(?:sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60})",
        Format,
    ),
    rule(
        "shopify-token",
        "Shopify token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
        Format,
    ),
    // Other services.
    rule(
        "meta-token",
        "Meta access token",
        &["eaa", "igqv", "igaa"],
        r"\b(?:EAA[A-Za-z0-9]{80,}|IG(?:QV|AA)[A-Za-z0-9_-]{50,})",
        Format,
    ),
    rule(
        "salesforce-token",
        "Salesforce session",
        &["00d"],
        r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{80,}",
        Format,
    ),
    rule("dropbox-token", "Dropbox token", &["sl."], r"\bsl\.(?:u\.)?[A-Za-z0-9_-]{100,}", Format),
    rule(
        "figma-token",
        "Figma token",
        &["figd_", "figo_", "figu_", "figor_"],
        r"\bfig(?:d|o|u|or)_[A-Za-z0-9_-]{40}",
        Format,
    ),
    rule(
        "notion-token",
        "Notion token",
        &["secret_", "ntn_"],
        r"\b(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,})\b",
        Random,
    ),
    rule("linear-key", "Linear key", &["lin_api_"], r"\blin_api_[A-Za-z0-9]{40}", Format),
    rule("databricks-token", "Databricks token", &["dapi"], r"\bdapi[0-9a-f]{32}\b", Random),
    rule(
        "grafana-token",
        "Grafana token",
        &["glsa_", "glc_"],
        r"\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/=]{32,})",
        Format,
    ),
    rule("newrelic-key", "New Relic key", &["nrak-"], r"\bNRAK-[A-Z0-9]{27}\b", Format),
    rule(
        "sentry-token",
        "Sentry token",
        &["sntrys_", "sntryu_"],
        r"\bsntry(?:s_[A-Za-z0-9+/=_]{60,}|u_[0-9a-f]{64})",
        Format,
    ),
    rule(
        "supabase-key",
        "Supabase key",
        &["sbp_", "sb_secret_"],
        r"\b(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,})",
        Format,
    ),
    rule(
        "planetscale-token",
        "PlanetScale token",
        &["pscale_"],
        r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}",
        Format,
    ),
    rule(
        "doppler-token",
        "Doppler token",
        &["dp."],
        r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}",
        Format,
    ),
    rule(
        "tailscale-key",
        "Tailscale key",
        &["tskey-"],
        r"\btskey-[a-z]+-[A-Za-z0-9]{10,}-[A-Za-z0-9]{20,}",
        Format,
    ),
    rule("akamai-token", "Akamai token", &["akab-"], r"\bakab-[a-z0-9]{16}-[a-z0-9]{16}", Random),
    rule(
        "1password-token",
        "1Password token",
        &["ops_eyj", "a3-"],
        r"\b(?:ops_eyJ[A-Za-z0-9_-]{100,}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3})",
        Format,
    ),
    rule("age-key", "age secret key", &["age-secret-key-1"], r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b", Format),
    rule(
        "putty-key",
        "PuTTY private key",
        &["private-lines:"],
        r"Private-Lines: [0-9]{1,4}\s{1,4}([A-Za-z0-9+/=\s]{40,})",
        Format,
    ),
    rule(
        "nats-seed",
        "NATS seed",
        &["sa", "sc", "sn", "so", "su", "sx"],
        r"\bS[ACNOUX][A-Z2-7]{56}\b",
        Random,
    ),
    // What any service may use.
    rule(
        "jwt",
        "JSON web token",
        &["eyj"],
        r"\beyJ[A-Za-z0-9_-]{10,}\.(?:eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|[A-Za-z0-9_-]{0,600}\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{22})",
        Format,
    ),
    rule(
        "jwk",
        "private JSON web key",
        &["\"d\"", "\"kty\""],
        r#""(?:d|p|q|dp|dq|qi|k)"\s{0,4}:\s{0,4}"([A-Za-z0-9_-]{40,})""#,
        Random,
    ),
    rule(
        "basic-auth",
        "basic authorization",
        &["basic"],
        r"(?i)\bbasic\s{1,4}([A-Za-z0-9+/]{12,}={0,2})(?:[^A-Za-z0-9+/=]|$)",
        Random,
    ),
    rule(
        "bearer-token",
        "bearer token",
        &["bearer"],
        r"(?i)\bbearer\s{1,4}([A-Za-z0-9._~+/-]{16,}=*)",
        Random,
    ),
    rule(
        "curl-user",
        "password for curl",
        &["curl"],
        r#"(?i)\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]{0,2}["']?[^\s:"'$<]{1,64}:([^\s"'$<]{3,128})"#,
        Password,
    ),
    rule(
        "url-password",
        "password in a URL",
        &["://"],
        r#"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/?#:"'<>`]{0,128}:([^\s/?#@"'<>`]{3,128})@[A-Za-z0-9_.\[%-]"#,
        Password,
    ),
    rule(
        "env-default",
        "password as a default",
        &["env"],
        r#"(?i)env[a-z.]{0,8}\(?\[?\s{0,4}["'][a-z0-9_]{0,40}(?:pass|pwd|secret|token|key)[a-z0-9_]{0,40}["']\s{0,4}(?:,|[\])]\s{0,4}(?:or|\|\||\?\?))\s{0,4}["']([^"'\s]{5,128})["']"#,
        Password,
    ),
];
