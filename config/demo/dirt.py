"""The troubles that one-stop systems are known to send: each with a name, a share of the day, and its due outcome.

Each kind spoils dossiers of its own, so that one trouble's outcome is never another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from bus.messages import State
from config.demo import spoil
from config.demo.lives import COMMUNES, OLD, ONE_STOP, WARDS, Dossier


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of trouble."""

    name: str
    vi: str
    en: str
    share: float
    """Of a thousand dossiers. At least one dossier of each kind is spoiled."""
    spoil: Callable[[Random, Dossier, spoil.Line], spoil.Spoiled]
    source: str | None = None
    """Only dossiers of this source, where the kind needs its rule of order or its way in; else any that has ids."""
    plan: str | None = None
    """The course that the dossier must take, where the kind needs one."""
    is_owned_elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One dossier's trouble, and the states in which its events' deliveries may end."""

    kind: str
    source: str
    dossier: str
    fates: Mapping[str, frozenset[State]]
    """By event id. An event that may be delivered may also still be in doubt, or settled by a person."""
    tells: tuple[str, ...]
    """The events to look at: those that carry the trouble."""


_LIVE: Final = "accepted processing processing"
_WHOLE: Final = "accepted processing processing completed returned"

KINDS: Final[tuple[Kind, ...]] = (
    Kind(name="repeated", vi="gửi lặp y nguyên", en="sent again as it was", share=30, spoil=spoil.repeat),
    Kind(
        name="repeated_nfd",
        vi="gửi lặp, khác dạng Unicode",
        en="again, in the other Unicode form",
        share=5,
        spoil=spoil.repeat_in_other_form,
    ),
    Kind(
        name="contradicted", vi="trùng mã, khác nội dung", en="same id, other content", share=8, spoil=spoil.contradict
    ),
    Kind(
        name="late_step",
        vi="bước xử lý đến muộn",
        en="a step that came late",
        share=5,
        spoil=spoil.late_step,
        source=ONE_STOP,
        plan=_WHOLE,
    ),
    Kind(
        name="recall_9_4",
        vi="thu hồi 9→4 (hợp lệ)",
        en="lawful recall 9→4",
        share=4,
        spoil=spoil.recall,
        plan="accepted processing completed processing completed returned",
    ),
    Kind(
        name="recall_8_4",
        vi="thu hồi 8→4 (hợp lệ)",
        en="lawful recall 8→4",
        share=3,
        spoil=spoil.recall,
        plan="accepted processing stopped processing completed",
    ),
    Kind(
        name="recall_10_2",
        vi="thu hồi 10→2 (hợp lệ)",
        en="lawful recall 10→2",
        share=3,
        spoil=spoil.recall,
        plan="accepted processing completed returned accepted processing completed returned",
    ),
    Kind(
        name="step_before_record",
        vi="bước đến trước hồ sơ",
        en="a step before its record",
        share=10,
        spoil=spoil.step_before_record,
        source=ONE_STOP,
    ),
    Kind(
        name="a_b_a",
        vi="sửa rồi sửa lại (A→B→A)",
        en="changed and changed back",
        share=6,
        spoil=spoil.there_and_back,
        source=ONE_STOP,
        plan=_WHOLE,
    ),
    Kind(
        name="older_record_late",
        vi="hồ sơ cũ đến muộn",
        en="an older record that came late",
        share=6,
        spoil=spoil.older_record_late,
        source=ONE_STOP,
        plan=_WHOLE,
    ),
    Kind(
        name="no_record",
        vi="có bước, không có hồ sơ",
        en="steps whose record never comes",
        share=1.5,
        spoil=spoil.no_record,
        source=ONE_STOP,
        plan=_LIVE,
    ),
    Kind(
        name="gap_filled",
        vi="thiếu số, gửi bù sau",
        en="a missing number, sent later",
        share=8,
        spoil=spoil.gap_filled,
        source=COMMUNES,
        plan=_WHOLE,
    ),
    Kind(
        name="gap_left",
        vi="thiếu số, không gửi bù",
        en="a missing number, never sent",
        share=1,
        spoil=spoil.gap_left,
        source=COMMUNES,
        plan=_WHOLE,
    ),
    Kind(
        name="unmapped_procedure",
        vi="mã thủ tục chưa ánh xạ",
        en="an unmapped procedure",
        share=1.5,
        spoil=spoil.unmapped_procedure,
        source=ONE_STOP,
        plan=_LIVE,
    ),
    Kind(
        name="unmapped_step",
        vi="bước nội bộ chưa ánh xạ",
        en="an unmapped local step",
        share=1.5,
        spoil=spoil.unmapped_step,
        source=ONE_STOP,
        plan=_LIVE,
    ),
    Kind(
        name="long_note",
        vi="ghi chú quá 2000 ký tự",
        en="a note over 2000 characters",
        share=1.5,
        spoil=spoil.long_note,
        source=ONE_STOP,
        plan=_LIVE,
    ),
    Kind(
        name="long_officer",
        vi="tên cán bộ quá 50 ký tự",
        en="an officer's name over 50 characters",
        share=1.5,
        spoil=spoil.long_officer,
        source=ONE_STOP,
        plan=_LIVE,
    ),
    Kind(
        name="corrected",
        vi="hồ sơ lỗi được nguồn sửa",
        en="a held record, corrected at its source",
        share=3,
        spoil=spoil.corrected,
        source=ONE_STOP,
        plan=_LIVE,
    ),
    Kind(
        name="not_ours",
        vi="thủ tục do hệ thống bộ xử lý",
        en="a procedure that a ministry's system owns",
        share=4,
        spoil=spoil.not_ours,
        source=ONE_STOP,
        plan=_WHOLE,
        is_owned_elsewhere=True,
    ),
    Kind(
        name="nfd_identifier",
        vi="mã định danh dạng NFD",
        en="an identifier in NFD",
        share=2,
        spoil=spoil.nfd_identifier,
    ),
    Kind(
        name="time_without_zone",
        vi="thời điểm thiếu múi giờ",
        en="a time without a zone",
        share=1,
        spoil=spoil.time_without_zone,
    ),
    Kind(name="unknown_member", vi="trường lạ", en="an unknown member", share=1, spoil=spoil.unknown_member),
    Kind(
        name="soap_repeated",
        vi="SOAP: gửi lặp, ký lại",
        en="SOAP: again, newly signed",
        share=3,
        spoil=spoil.repeat,
        source=WARDS,
    ),
    Kind(
        name="soap_contradicted",
        vi="SOAP: trùng mã, khác nội dung",
        en="SOAP: same id, other content",
        share=1,
        spoil=spoil.contradict,
        source=WARDS,
    ),
    Kind(
        name="soap_replayed",
        vi="SOAP: phát lại đúng thông điệp đã ký",
        en="SOAP: the very same signed message",
        share=2,
        spoil=spoil.replay,
        source=WARDS,
    ),
    Kind(
        name="old_told_again",
        vi="hệ thống cũ: kể lại lần cuối (không có mã)",
        en="old system: the last told again, without ids",
        share=3,
        spoil=spoil.tell_again,
        source=OLD,
        plan=_WHOLE,
    ),
    Kind(
        name="old_a_b_a",
        vi="hệ thống cũ: sửa rồi sửa lại (A→B→A)",
        en="old system: changed and changed back",
        share=2,
        spoil=spoil.there_and_back_alone,
        source=OLD,
        plan=_WHOLE,
    ),
    Kind(
        name="old_unknown_field",
        vi="hệ thống cũ: trường lạ",
        en="old system: an unknown field",
        share=1,
        spoil=spoil.unknown_field,
        source=OLD,
        plan=_WHOLE,
    ),
)
