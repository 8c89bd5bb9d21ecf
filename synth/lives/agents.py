"""The agents and what each is good at.

Skill is planted per agent and behaviour; whether it shows in a contact is decided in `outcomes`, how
it sounds in `talks`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.knobs import Knobs
from synth.packs import BEHAVIOURS, Pack
from synth.streams import Kind, uniforms

_ORDINARY = 0.85
"""Mean skill in a behaviour that the scorecard does not ask for."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Someone who answers; `skill`: behaviour → probability of doing it right."""

    number: int
    agent_id: str
    name: str
    skill: dict[str, float]


def hire_agents(pack: Pack, knobs: Knobs) -> tuple[Agent, ...]:
    """All agents of the pack, in its order; skills are beta distributed around each criterion's mean."""
    from scipy.special import betaincinv

    asked = {criterion.behaviour: criterion.skill for criterion in pack.scorecard}
    means = np.array([asked.get(behaviour, _ORDINARY) for behaviour in BEHAVIOURS])
    numbers = np.arange(len(pack.people.agents))[:, None]
    drawn = uniforms(knobs.seed, Kind.AGENT, numbers, np.arange(len(BEHAVIOURS)))
    skills = betaincinv(knobs.skill_spread * means, knobs.skill_spread * (1 - means), drawn)
    return tuple(
        Agent(number, f"A-{number + 1:02d}", name, dict(zip(BEHAVIOURS, row, strict=True)))
        for number, (name, row) in enumerate(
            zip(pack.people.agents, np.round(skills, 3).tolist(), strict=True)
        )
    )
