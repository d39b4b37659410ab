"""Where the portal's document is silent: every switch of the mock, its default, and the rule it plays with."""

from __future__ import annotations

from typing import Final

from contracts.mock_switches import Switch, any_or_names, any_whole, one_of, seconds, text, whole

SWITCHES: Final = (
    Switch(
        name="dstcode_in",
        default="either",
        read=one_of("either", "header", "query"),
        rule="r4",
        says="where the adapter looks for dstcode",
    ),
    Switch(name="session_ttl_s", default=600.0, read=seconds, rule="r24", says="seconds that a session lives"),
    Switch(
        name="session_calls", default=1000, read=whole(), rule="r24", says="calls that a session lives; 0: no such end"
    ),
    Switch(
        name="expired_code", default=-1, read=any_whole, rule="r25", says="error_code of a session that is not alive"
    ),
    Switch(
        name="expired_text",
        default="Phiên làm việc không hợp lệ",
        read=text,
        rule="r25",
        says="message of a session that is not alive",
    ),
    Switch(
        name="outer_auth",
        default="none",
        read=one_of("none", "bearer", "key"),
        rule="r27",
        says="what the LGSP in front wants to see",
    ),
    Switch(
        name="outer_token_ttl_s", default=3600.0, read=seconds, rule="r27", says="seconds that a bearer token lives"
    ),
    Switch(
        name="code_encoding",
        default="rotate",
        read=one_of("rotate", "number", "string", "double_zero"),
        rule="r36",
        says="how error_code is written",
    ),
    Switch(
        name="success_words",
        default="rotate",
        read=one_of("rotate", "long", "short"),
        rule="r38",
        says="how a write's success is worded: a sentence, or two words and an empty result",
    ),
    Switch(name="exists_code", default=-3, read=one_of(-3, 3, 0), rule="r40", says="error_code of 'already exists'"),
    Switch(
        name="known_procedures",
        default="any",
        read=any_or_names,
        rule="r63",
        says="codes of MaTTHC that the portal knows; 'any': every well-formed one",
    ),
    Switch(
        name="length_unit",
        default="characters",
        read=one_of("characters", "bytes"),
        rule="r71",
        says="what the limits count",
    ),
    Switch(name="max_steps", default=10, read=whole(), rule="r95", says="steps in one call; 0: no limit"),
    Switch(
        name="over_max_steps",
        default="refused",
        read=one_of("refused", "taken"),
        rule="r95",
        says="what becomes of a call with more steps",
    ),
    Switch(
        name="bad_record",
        default="whole_call_rejected",
        read=one_of("whole_call_rejected", "skipped_success_reported"),
        rule="r110",
        says="what one bad record does to the others of its call",
    ),
    Switch(
        name="record_results",
        default=False,
        read=one_of(True, False),
        rule="r111",
        says="whether the reply names a result for each record",
    ),
    Switch(name="max_records", default=0, read=whole(), rule="r112", says="records in one call; 0: no limit"),
    Switch(
        name="lookup_shows",
        default="existence",
        read=one_of("existence", "status", "entries"),
        rule="r121",
        says="what TraCuuHoSo tells of a dossier that is there",
    ),
    Switch(
        name="facade_double",
        default=True,
        read=one_of(True, False),
        rule="r134",
        says="whether the façade wraps the portal's reply as a text",
    ),
    Switch(
        name="facade_outer_code",
        default="own",
        read=one_of("own", "same"),
        rule="r135",
        says="the façade's own error_code (0), or a copy of the portal's",
    ),
    Switch(
        name="facade_lookup",
        default=True,
        read=one_of(True, False),
        rule="r136",
        says="whether the façade publishes TraCuuHoSo",
    ),
    Switch(
        name="born_statuses",
        default="reduced",
        read=one_of("reduced", "own"),
        rule="r303",
        says="which codes DongBoTrangThaiHoSo takes",
    ),
)
