"""What is planted in customers' lives, as plain records for `truth.json`.

A thing that is planted in `lives` is told here; what is planted in articles and dialogues is not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from synth.lives.outcomes import MOST_FOLLOW_UPS, REPEAT_DAYS, RESOLUTION_FACTORS, RESOLVED
from synth.lives.surveys import EXTREMES

if TYPE_CHECKING:
    from synth.setting import Setting


def hazard_ratios(setting: Setting) -> dict[str, float]:
    """Planted hazard ratio by term; a plan's is against the first one."""
    knobs, plans = setting.knobs, setting.pack.plans
    return {
        **{f"plan={plan.plan}": plan.hazard_ratio / plans[0].hazard_ratio for plan in plans[1:]},
        "has_price_rise": knobs.hazard_price_rise,
        "has_autopay": knobs.hazard_autopay,
        "age_decade": knobs.hazard_age_decade,
        "unresolved_contact_60_days": knobs.hazard_unresolved,
        "last_conversation_ended_badly": knobs.hazard_negative_ending,
    }


def truth_of_lives(setting: Setting) -> dict[str, Any]:
    """Leaving, follow-ups, incident, launch, skills, segments and the survey's bias."""
    knobs, pack = setting.knobs, setting.pack
    return {
        # From the day after a contact ended: an unresolved one for 60 days, a bad ending until the
        # next contact has ended.
        "hazard_ratios": hazard_ratios(setting),
        "monthly_hazard": knobs.monthly_hazard,
        # Of a follow-up within so many days after the end, of a contact with fewer than so many
        # before it, of a customer who stays.
        "repeat_chances": {
            "resolved": knobs.repeat_resolved,
            "unresolved": knobs.repeat_unresolved,
            "misled": knobs.repeat_misled,
            "within_days": REPEAT_DAYS,
            "most_follow_ups": MOST_FOLLOW_UPS,
        },
        "misled_share": knobs.misled_share,
        "resolution": {"chance": RESOLVED, "factors": RESOLUTION_FACTORS},
        "incident": _incident(setting),
        "launch": _launch(setting),
        "skills": {agent.agent_id: agent.skill for agent in setting.agents},
        "segments": [segment.model_dump() for segment in pack.segments],
        "survey": {
            "response_rate": knobs.response_rate,
            "response_bias": knobs.response_bias,
            "csat_with_bias": list(EXTREMES),
        },
    }


def _incident(setting: Setting) -> dict[str, Any] | None:
    """The factor is on first contacts; their follow-ups come on top."""
    knobs = setting.knobs
    if knobs.incident_day is None:
        return None
    year, week, _ = (knobs.observation_begins + timedelta(days=knobs.incident_day)).isocalendar()
    return {
        "intent": setting.pack.incident.intent,
        "period": f"{year}-W{week:02d}",
        "factor": knobs.incident_factor,
    }


def _launch(setting: Setting) -> dict[str, Any] | None:
    """The share is of first contacts since that day, the incident's surplus left out."""
    knobs, launched = setting.knobs, setting.catalog.launched
    intents = [intent.intent for intent in setting.pack.intents if intent.is_launch]
    if knobs.launch_day is None or launched is None or not intents:
        return None
    return {
        "product": launched.name,
        "day": f"{knobs.observation_begins + timedelta(days=knobs.launch_day):%Y-%m-%d}",
        "intents": intents,
        "share": knobs.launch_share,
    }
