"""What the profiles of ~/.aws/config are, without asking anybody."""

from dataclasses import dataclass
from typing import Final

from daypass.client.config import Configuration, Section
from daypass.client.providers.role_source import names_role

# What AWS's own tools do not know, or can do once alone.
_OURS: Final = (
    *("session_tags", "transitive_session_tags", "source_identity", "session_policy"),
    *("session_policy_arns", "saml_provider_arn", "mfa_serial"),
)


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """kind: how it gets its credentials. of: whose they are: a role, an account. needs_daypass:
    SDKs cannot renew them by themselves."""

    name: str
    kind: str
    of: str
    source: str
    region: str
    needs_daypass: bool


def summaries(configuration: Configuration) -> list[ProfileSummary]:
    """All profiles, in the order of the files."""
    return [_summary(configuration, name) for name in configuration.profiles]


def _summary(configuration: Configuration, name: str) -> ProfileSummary:
    section = configuration.profiles[name]

    def text(key: str) -> str:
        return configuration.text(name, key) or ""

    kind, of, source = _kind(section, text("role_arn"))
    if kind == "role":
        source = text("source_profile") or text("credential_source")
    elif kind == "sso":
        of = f"{text('sso_role_name')} in {text('sso_account_id')}"
        source = text("sso_session") or text("sso_start_url")
    return ProfileSummary(name, kind, of, source, text("region"), _needs(configuration, name, ()))


def _kind(section: Section, role: str) -> tuple[str, str, str]:
    def has(key: str) -> str:
        value = section.get(key)
        return value if isinstance(value, str) else ""

    if names_role(section):
        return "role", role, ""
    if has("web_identity_token_file"):
        return "web identity", role, has("web_identity_token_file")
    if has("saml_provider_arn"):
        return "saml", role, has("saml_provider_arn")
    if has("sso_account_id") or has("sso_role_name"):
        return "sso", "", ""
    if has("login_session"):
        return "login", has("login_session"), ""
    if has("credential_process"):
        return "process", "", has("credential_process").partition(" ")[0]
    if has("aws_access_key_id"):
        return "keys", has("aws_access_key_id"), ""
    return "-", "", ""


def _needs(configuration: Configuration, name: str, seen: tuple[str, ...]) -> bool:
    section = configuration.profiles.get(name, {})
    if any(key in section for key in _OURS):
        return True
    source = section.get("source_profile")
    if not isinstance(source, str) or source in (*seen, name):
        return False
    return _needs(configuration, source, (*seen, name))
