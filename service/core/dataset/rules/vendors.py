"""The tokens of vendors that mark theirs by a prefix of their own: the prefix, what follows it, and how much at least.

Sources: the vendors' descriptions and the rules of Gitleaks.
"""

_AN, _HEX, _LOW, _UP, _URL = "[A-Za-z0-9]", "[a-f0-9]", "[a-z0-9]", "[A-Z0-9]", "[A-Za-z0-9_-]"
_UUID = r"[a-f0-9]{8}-[a-f0-9]{4}-"

_MARKED: tuple[tuple[str, str, int], ...] = (
    (r"gl(?:dt|rt|ft|soat|cbt|ptt|agent|imt|oas)-", _URL, 20),
    ("ABSK", r"[A-Za-z0-9+/]", 100),
    ("AGE-SECRET-KEY-1", _UP, 58),
    (r"AKC", _AN, 60),
    (r"AT(?:ATT|CTT)3", _URL, 60),
    ("ATBB", _AN, 28),
    (r"CCI(?:PAT|PRJ)_", _AN, 20),
    ("CFPAT-", _URL, 40),
    (r"EAA[A-Z]", _URL, 54),
    (r"EZ[AT]K", _AN, 54),
    ("HRKU-", _URL, 36),
    ("LTAI", _AN, 16),
    (r"NR(?:AK|BR|JS)-", _UP, 27),
    ("PMAK-", _HEX, 24),
    (r"aio_", _AN, 28),
    ("apify_api_", _AN, 30),
    ("atlasv1\\.", _URL, 50),
    (r"bk(?:ua|aat|pat|pt|ct)_", _HEX, 40),
    (r"cio", _AN, 32),
    ("csk-", _LOW, 40),
    (r"dapi", _HEX, 32),
    (r"dckr_(?:pat|oat)_", _URL, 20),
    (r"dp\.(?:pt|st|ct|sa|scim|audit)\.", r"[A-Za-z0-9._-]", 36),
    (r"dt0[a-z]\d\d\.", r"[A-Z0-9.]", 60),
    (r"duffel_(?:live|test)_", _URL, 40),
    ("e2b_", _HEX, 40),
    ("fc-", _HEX, 32),
    ("figd_", _URL, 36),
    (r"fio-u-", _URL, 60),
    (r"fm[12]_", r"[A-Za-z0-9+/=,_-]", 60),
    ("fw_", _AN, 22),
    ("glc_", _AN, 60),
    ("glsa_", r"[A-Za-z0-9_]", 40),
    (r"hv[sbr]\.", _URL, 24),
    ("jina_", _URL, 50),
    ("key-", _HEX, 32),
    ("key_", _HEX, 60),
    (r"lin_(?:api|oauth)_", _AN, 32),
    (r"lsv2_(?:pt|sk)_", r"[a-f0-9_]", 40),
    ("napi_", _LOW, 56),
    (r"nf[pcoub]_", _AN, 36),
    ("ntn_", _AN, 40),
    ("ops_eyJ", _URL, 100),
    ("oy2", _LOW, 43),
    ("pa-", _URL, 43),
    (r"pat-(?:na|eu|ap)\d-", _UUID, 1),
    ("pcsk_", r"[A-Za-z0-9_]", 50),
    ("phx_", _AN, 40),
    (r"pn[bu]_", _AN, 36),
    ("pplx-", _AN, 40),
    (r"pscale_(?:tkn|pw|oauth)_", r"[A-Za-z0-9_.-]", 32),
    ("pul-", _HEX, 40),
    ("rdme_", _LOW, 60),
    (r"re_[A-Za-z0-9]{8}_", _AN, 20),
    ("rnd_", _AN, 28),
    ("rubygems_", _HEX, 48),
    ("sb_secret_", _URL, 24),
    ("sbp_", _HEX, 40),
    ("secret_", _AN, 43),
    (r"shippo_(?:live|test)_", _HEX, 40),
    (r"sk\.eyJ", r"[A-Za-z0-9_.-]", 50),
    ("sk_", _HEX, 48),
    (r"sl\.", _URL, 60),
    (r"sntry[su]_", r"[A-Za-z0-9+/=_-]", 60),
    (r"snyk_(?:uat|sat)\.", r"[A-Za-z0-9_.-]", 40),
    (r"sq0(?:csp|atp)-", _URL, 22),
    (r"sq[upa]_", _HEX, 40),
    ("tfp_", _URL, 40),
    ("tgp_v1_", _URL, 40),
    (r"tskey-(?:auth|api|client|scim|webhook)-", _URL, 20),
    ("tvly-", r"[A-Za-z0-9-]", 28),
    (r"vc[pkiar]_", _AN, 24),
    ("xai-", _AN, 70),
    (r"xkeysib-", _HEX, 60),
    (r"4b1d", _AN, 38),
)
_SHAPED = {
    r"(?:ASIA|ABIA|ACCA)(?=[A-Z]{0,15}[2-7])[A-Z2-7]{16}(?![0-9A-Za-z])": r"A(?:SI|BI|CC)A[A-Z2-7]{16}",
    r"SK[a-f0-9]{32}(?![0-9A-Za-z])": r"SK[a-f0-9]{16}",
    r"[a-f0-9]{32}-us\d{1,2}(?!\d)": r"[a-f0-9]{8}-us\d",
    r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}": r"\.[a-f0-9]{64}",
    r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}": r"\dQ~[A-Za-z0-9_~.-]{16}",
    r"[MNO][A-Za-z0-9_-]{22,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}": r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{20}",
    r"sig=[A-Za-z0-9%+/]{40,}(?:%3[dD]|=)": r"sig=[A-Za-z0-9%+/]{16}",
    r"v1\.0-[a-f0-9]{24}-[a-f0-9]{100,}": r"v1\.0-[a-f0-9]{16}",
    r"webhook\.office\.com/webhookb2/[a-f0-9-]{36}@": r"office\.com\\?/webhookb2",
    r"PuTTY-User-Key-File-\d: ": r"PuTTY-User-Key-File-",
}
_SEEN = 12

MARKED = "|".join((*(f"{first}{rest}{{{least},}}" for first, rest, least in _MARKED), *_SHAPED))
"""A pattern of all these tokens."""

MARKED_HINT = "|".join(
    (*(f"{first}{rest}{{{min(_SEEN, least)}}}" for first, rest, least in _MARKED), *_SHAPED.values())
)
"""What stands in each line of JSON that holds one."""
