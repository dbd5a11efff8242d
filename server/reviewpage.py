"""A review as one page to read and to print: complete in itself, without scripts, on A4.

The same page is the file of the command line and the answer of the API; the audit page shows its
`<article>`. Everything that people or devices said is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from server.reviewpaper import running, seal
from server.reviewphotos import gallery
from server.reviewplot import timeline
from server.reviewviews import (
    BatteryReviewView,
    ChoiceView,
    DriveReviewView,
    EtaReviewView,
    HindsightView,
    LinkView,
    MomentView,
    OrderReviewView,
    ReviewView,
)
from server.reviewwords import Words
from server.stores.stepping import CLOSED_BY_ITSELF

UNITS_MAX: Final = 12
"""Call signs that are named in a row; of more, how many more."""


@cache
def style() -> str:
    """What stands between `<style>` and `</style>`."""
    return Path(__file__).with_name("review.css").read_text(encoding="utf-8")


def policy(review: ReviewView, words: Words) -> str:
    """Content-Security-Policy of the page: its own styles and images, nothing else."""
    styles = " ".join(f"'sha256-{_digest(each)}'" for each in (style(), running(review, words)))
    rules = ("default-src 'none'", f"style-src {styles}", "img-src data:", "base-uri 'none'")
    return "; ".join((*rules, "form-action 'none'", "frame-ancestors 'none'"))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def page(review: ReviewView, words: Words, *, note: str | None = None) -> str:
    """HTML; `note`: the signed checkpoint of the log that it was made of."""
    lang = "zh-CN" if words.language == "zh" else "en"
    title = f"{words('title')} · {words('incident', number=review.incident.number)}"
    return (
        f'<!doctype html>\n<html lang="{lang}" data-review>\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>{style()}</style>\n<style data-paper>{running(review, words)}</style>\n"
        "</head>\n<body>\n<main>\n"
        f"{article(review, words, note=note)}\n</main>\n</body>\n</html>\n"
    )


def article(review: ReviewView, words: Words, *, note: str | None = None) -> str:
    """The review itself."""
    words = replace(words, day=review.incident.opened_at.astimezone(words.zone).date())
    sealed = () if note is None else (seal(note, words),)
    return "\n".join(('<article class="review">', *_parts(review, words), *sealed, "</article>"))


def _parts(review: ReviewView, words: Words) -> Iterator[str]:
    incident = review.incident
    yield f"<h1>{escape(words('incident', number=incident.number))} · " + (
        f"{escape(incident.type_names.get(words.language, incident.type))}</h1>"
    )
    offset = incident.opened_at.astimezone(words.zone).strftime("%z")
    zone = f"UTC{offset[:3]}:{offset[3:]}"
    made = words("made", at=words.moment(review.as_of))
    yield _p(f"{words('title')} · {made} · {words('zone', zone=zone)}", "quiet")
    yield _figures(review, words)
    yield _facts(review, words)
    yield f"<h2>{escape(words('part.timeline'))}</h2>"
    yield f'<div class="wide">{timeline(review, words)}</div>'
    yield f"<h2>{escape(words('part.loop'))}</h2>"
    yield _loop(review.links, words)
    if review.choices:
        yield f"<h2>{escape(words('part.choice'))}</h2>"
        yield from (_choice(each, words) for each in review.choices)
    for order in review.orders:
        yield from _order(order, words)
    if review.photos:
        yield f"<h2>{escape(words('part.photos'))}</h2>"
        yield gallery(review.photos, words, _clock)
    yield f"<h2>{escape(words('part.moments'))}</h2>"
    yield _moments(review.moments, words)
    if of_today := [str(each.number) for each in review.orders if not each.timers_kept]:
        yield _p(words("unknown.timers", orders=words.listed(of_today)), "quiet")


def _figures(review: ReviewView, words: Words) -> str:
    first = next((each for each in review.orders if each.number == review.first_order), None)
    by_position = words("figure.by_position") if review.first_by_position else ""
    never = words("figure.never")
    eta = never
    if first is not None and first.eta.actual_s is not None:
        eta = f"{words.span(first.eta.median_s)} → {words.span(first.eta.actual_s)}"
    regret = first.hindsight.regret_s if first is not None and first.hindsight else None
    figures = (
        ("response", never if review.response_s is None else words.span(review.response_s), ""),
        ("first", f"{review.first_there or words('nobody')}{by_position}", ""),
        ("broke", str(review.broke), "bad" if review.broke else ""),
        ("eta", eta, ""),
        ("regret", words("figure.unknown") if regret is None else words.span(regret), ""),
    )
    shown = (
        f'<li class="{state}"><span>{escape(words(f"figure.{name}"))}</span>'
        f"<strong>{escape(value)}</strong></li>"
        for name, value, state in figures
    )
    return f'<ul class="figures">{"".join(shown)}</ul>'


def _facts(review: ReviewView, words: Words) -> str:
    incident = review.incident
    facts = (
        ("place", escape(incident.place)),
        ("priority", escape(words(f"priority.{incident.priority}"))),
        ("called", _at(incident.called_at, words)),
        ("opened", _at(incident.opened_at, words)),
        (
            "closed",
            escape(words("open")) if incident.closed_at is None else _at(incident.closed_at, words),
        ),
        ("outcome", escape(_outcome(incident.outcome, words))),
        ("note", escape(incident.note)),
    )
    shown = (
        f"<dt>{escape(words(f'fact.{name}'))}</dt><dd>{value}</dd>"
        for name, value in facts
        if value
    )
    return f"<dl>{''.join(shown)}</dl>"


def _outcome(outcome: str, words: Words) -> str:
    """In the words of whoever closed it; that it closed by itself, in ours."""
    return words("outcome.by_itself") if outcome == CLOSED_BY_ITSELF else outcome


def _order(order: OrderReviewView, words: Words) -> Iterator[str]:
    title = words("part.order", number=order.number, call_sign=order.call_sign)
    state = words(f"order.{order.state}")
    yield f"<h2>{escape(title)} · {escape(state)}</h2>"
    yield _loop(order.links, words)
    yield _h3("part.eta", words)
    yield _p(_eta(order.eta, words))
    yield _h3("part.hindsight", words)
    yield from _hindsight(order.hindsight, words)
    yield _h3("part.batteries", words)
    yield _batteries(order.batteries, words)
    yield _h3("part.taught", words)
    yield _p(_drive(order.drive, words))
    yield from (
        _p(
            words(
                "battery.mitigation",
                kind=words(f"mitigation.{each.kind}"),
                device=each.device_id,
                state=words(f"state.{each.state}"),
                expected=f"{each.expected_change:+.1f}",
                measured=words("none")
                if each.measured_change is None
                else f"{each.measured_change:+.1f}",
            )
        )
        for each in order.mitigations
    )
    if order.unknown:
        yield _h3("part.unknown", words)
        yield (
            "<ul>"
            + "".join(f"<li>{escape(words(f'unknown.{code}'))}</li>" for code in order.unknown)
            + "</ul>"
        )


def _loop(links: Sequence[LinkView], words: Words) -> str:
    rows = (
        (
            "broken" if each.broken else "",
            (
                ("", escape(words(f"link.{each.link}"))),
                ("time", _clock(each.begins_at, words)),
                ("time", _clock(each.ends_at, words)),
                ("time", escape(words.span(each.took_s))),
                ("time", _clock(each.due_at, words)),
                ("verdict", escape(words(f"verdict.{each.verdict}"))),
                ("", escape(_causes(each, words))),
            ),
        )
        for each in links
    )
    heads = ("link", "began", "came", "took", "due", "verdict", "why")
    return _table(heads, rows, words)


def _causes(link: LinkView, words: Words) -> str:
    joint = "；" if words.language == "zh" else "; "
    return joint.join(words.why(each.why, each.values) for each in link.causes)


def _choice(choice: ChoiceView, words: Words) -> str:
    sent = words.listed(choice.sent)
    if choice.automatic:
        said = words("choice.automatic", sent=sent)
    elif choice.followed:
        said = words("choice.followed", sent=sent)
    elif choice.recommended is None:
        said = words("choice.nobody", sent=sent, reason=choice.reason)
    else:
        said = words(
            "choice.other", recommended=choice.recommended, sent=sent, reason=choice.reason
        )
    return f"<p>{_clock(choice.decided_at, words)} {escape(said)}</p>"


def _eta(eta: EtaReviewView, words: Words) -> str:
    if eta.median_s is None:
        foretold = words("eta.unknown")
    else:
        foretold = words("eta.foretold", median=words.span(eta.median_s), p90=words.span(eta.p90_s))
    if eta.actual_s is None:
        return f"{foretold} {words('eta.never')}"
    came = [
        words(f"eta.{name}", **{name: words.span(value)})
        for name, value in (("seen", eta.seen_s), ("said", eta.said_s))
        if value is not None
    ]
    comma, stop = ("，", "。") if words.language == "zh" else (", ", ".")
    text = comma.join(came)
    fell = ""
    if eta.percentile is not None:
        fell = words("eta.fell", share=_percent(eta.percentile))
    return f"{foretold} {text[:1].upper()}{text[1:]}{stop} {fell}"


def _hindsight(found: HindsightView | None, words: Words) -> Iterator[str]:
    if found is None:
        yield _p(words("hindsight.gone"))
        return
    if found.foreseen_s is not None:
        known = "foreseen" if found.foreseen_s >= 1.0 else "quickest"
        yield _p(words(f"hindsight.{known}", foreseen=words.span(found.foreseen_s)))
    if found.best is not None and found.regret_s is not None:
        key = "regret" if found.regret_s >= 1.0 else "no_regret"
        said = words(
            f"hindsight.{key}",
            call_sign=found.best.call_sign,
            regret=words.span(found.regret_s),
            low=words.span(found.regret_low_s),
            high=words.span(found.regret_high_s),
            sooner=_percent(found.best.p_sooner or 0.0),
        )
        yield _p(f"{said} {words('hindsight.cannot')}")
    elif not found.others:
        yield _p(words("hindsight.alone"))
    if found.others:
        yield _others(found, words)
    for key, units in (
        ("unknown", found.unknown),
        ("tried", found.tried),
        ("excluded", found.excluded),
    ):
        if units:
            shown = words.listed(units[:UNITS_MAX])
            more = len(units) - UNITS_MAX
            rest = words("hindsight.more", n=more) if more > 0 else ""
            yield _p(words(f"hindsight.{key}", units=f"{shown}{rest}", n=len(units)), "quiet")


def _others(found: HindsightView, words: Words) -> str:
    rows = (
        (
            "",
            (
                ("", escape(each.call_sign)),
                ("", escape(words.span(each.median_s))),
                ("", escape(f"{words.span(each.low_s)} – {words.span(each.high_s)}")),
                ("", escape(_share(each.p_sooner))),
            ),
        )
        for each in found.others
    )
    return _table(("unit", "median", "band", "sooner"), rows, words)


def _batteries(batteries: Sequence[BatteryReviewView], words: Words) -> str:
    if not batteries:
        return _p(words("battery.none"))
    rows = (
        (
            "",
            (
                ("", escape(each.device_id)),
                (
                    "",
                    _levels(
                        each.foretold_now_pct, each.foretold_arrival_pct, each.foretold_end_pct
                    ),
                ),
                ("", _levels(each.level_issued_pct, each.level_arrival_pct, each.level_end_pct)),
                ("", escape(_share(each.p_last))),
                ("", escape(_drain(each, words))),
            ),
        )
        for each in batteries
    )
    return _table(("device", "foretold", "came_level", "lasts", "drain"), rows, words)


def _levels(*levels: float | None) -> str:
    return " → ".join("–" if each is None else f"{each:.0f} %" for each in levels)


def _drain(battery: BatteryReviewView, words: Words) -> str:
    if battery.charged:
        return words("battery.charged")
    if battery.drain_pct_per_h is None or battery.drain_low is None or battery.drain_high is None:
        return words("battery.little")
    return words(
        "battery.drain",
        rate=f"{battery.drain_pct_per_h:.1f}",
        low=f"{battery.drain_low:.1f}",
        high=f"{battery.drain_high:.1f}",
        steps=battery.drain_steps,
    )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{_percent(share)} %"


def _percent(share: float) -> str:
    """Whole percents; nothing that is not certain is called so."""
    whole = round(100 * share)
    if whole == 0 and share > 0.0:
        return "<1"
    return ">99" if whole == 100 and share < 1.0 else str(whole)


def _drive(drive: DriveReviewView | None, words: Words) -> str:
    if drive is None:
        return words("drive.none")
    if drive.note:
        return words("drive.note", note=drive.note)
    driven = words.span(drive.driven_s)
    if drive.factor is None or drive.km is None:
        said = words("drive.bare", driven=driven)
    else:
        said = words(
            "drive.factor", km=f"{drive.km:.1f}", driven=driven, factor=f"{drive.factor:.2f}"
        )
    learned = (
        words("drive.not_yet")
        if drive.version is None
        else words("drive.version", version=drive.version)
    )
    return f"{said} {learned}"


def _moments(moments: Sequence[MomentView], words: Words) -> str:
    rows = (
        (
            "",
            (
                ("time", _clock(each.at, words)),
                ("time", _clock(_heard_at(each, words), words)),
                ("name", escape(_what(each, words))),
                ("time", escape(each.call_sign or "")),
                ("name", escape(each.who)),
                ("said", escape(_said(each, words))),
            ),
        )
        for each in moments
    )
    return _table(("time", "heard", "what", "unit", "who", "said"), rows, words)


def _said(moment: MomentView, words: Words) -> str:
    return _outcome(moment.text, words) if moment.kind == "incident.closed" else moment.text


def _heard_at(moment: MomentView, words: Words) -> datetime | None:
    """None where it reads as when it happened."""
    same = words.clock(moment.heard_at) == words.clock(moment.at)
    return None if same else moment.heard_at


def _what(moment: MomentView, words: Words) -> str:
    of_words = moment.kind.startswith(("order.", "item."))
    said = words(moment.kind if of_words else f"moment.{moment.kind}")
    return said if moment.counts else f"{said} ({words('moment.ignored')})"


# -- HTML ----------------------------------------------------------------------------------


def _table(
    heads: Sequence[str],
    rows: Iterable[tuple[str, Iterable[tuple[str, str]]]],
    words: Words,
) -> str:
    """`rows`: the class of each, and its cells: class, HTML."""
    head = "".join(f'<th scope="col">{escape(words(f"column.{each}"))}</th>' for each in heads)
    body = "".join(
        f'<tr class="{state}">'
        + "".join(f'<td class="{name}">{cell}</td>' for name, cell in cells)
        + "</tr>"
        for state, cells in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _h3(key: str, words: Words) -> str:
    return f"<h3>{escape(words(key))}</h3>"


def _p(text: str, name: str = "") -> str:
    return f'<p class="{name}">{escape(text)}</p>' if name else f"<p>{escape(text)}</p>"


def _clock(at: datetime | None, words: Words) -> str:
    return "" if at is None else _time(at, words.clock(at))


def _at(at: datetime | None, words: Words) -> str:
    return "" if at is None else _time(at, words.moment(at))


def _time(at: datetime, shown: str) -> str:
    utc = at.astimezone(UTC)
    title = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return f'<time datetime="{utc:%Y-%m-%dT%H:%M:%SZ}" title="{title}">{shown}</time>'
