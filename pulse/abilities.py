"""What an API key may do: a closed list, each ability with its sentence for people."""

from enum import StrEnum


class Ability(StrEnum):
    """One thing a key may do, `noun:verb`. A write ability does not include its read."""

    MONITORS_READ = "monitors:read"
    MONITORS_WRITE = "monitors:write"
    CHECKS_READ = "checks:read"
    CHECKS_RUN = "checks:run"
    INCIDENTS_READ = "incidents:read"
    INCIDENTS_WRITE = "incidents:write"
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    TEAM_READ = "team:read"
    TEAM_WRITE = "team:write"
    KEY_ROTATE = "key:rotate"

    @property
    def noun(self) -> str:
        """What it is about: the part before the colon."""
        return self.value.partition(":")[0]

    @property
    def sentence(self) -> str:
        """What it lets a program do, for the person who ticks the box."""
        return SENTENCES[self]

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing; a viewer's key may hold any of these."""
        return self.endswith(":read")


SENTENCES = {
    Ability.MONITORS_READ: "List monitors and read their settings and state.",
    Ability.MONITORS_WRITE: "Create, change, pause, resume and delete monitors, but not read them.",
    Ability.CHECKS_READ: "Read check history, response times and uptime.",
    Ability.CHECKS_RUN: "Run a check on a monitor right away.",
    Ability.INCIDENTS_READ: "List incidents and read their details.",
    Ability.INCIDENTS_WRITE: "Acknowledge and resolve incidents.",
    Ability.ALERTS_READ: "Read alert rules and notification channels.",
    Ability.ALERTS_WRITE: "Create, change, test and delete alert rules and notification channels.",
    Ability.PROJECTS_READ: "List projects.",
    Ability.PROJECTS_WRITE: "Create, change and delete projects.",
    Ability.TEAM_READ: "List the team's members and invitations.",
    Ability.TEAM_WRITE: "Invite people, change roles and remove members.",
    Ability.KEY_ROTATE: "Let the program rotate its own token. People can always rotate the key in the browser.",
}
