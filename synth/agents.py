"""The agents and what each is good at.

Skill is planted per agent and criterion; whether it shows in a conversation is drawn in
`contacts`, how it sounds is in `dialogues`.
"""

from __future__ import annotations

from dataclasses import dataclass

from synth.brands import Brand
from synth.streams import Kind, stream

_SPREAD = 8.0
"""Strength of the beta distribution of skill: the smaller, the more agents differ."""


@dataclass(frozen=True)
class Agent:
    """Someone who answers; `skill`: criterion → probability of doing it right."""

    agent_id: str
    name: str
    skill: dict[str, float]


def hire_agents(brand: Brand, seed: int) -> list[Agent]:
    """All agents of the brand, skills drawn around each criterion's mean."""
    agents = []
    for number, name in enumerate(brand.agents):
        rng = stream(seed, Kind.AGENT, number)
        skill = {
            c.criterion: round(float(rng.beta(_SPREAD * c.skill, _SPREAD * (1 - c.skill))), 3)
            for c in brand.scorecard
        }
        agents.append(Agent(f"A-{number + 1:02d}", name, skill))
    return agents
