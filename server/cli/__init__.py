"""The `ridgeline` command.

Each command's module is imported when it is run, so `ridgeline --help` answers at once.
"""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("server.cli.demo", "demo_command", "Run everything with a simulated county."),
    "serve": ("server.cli.serve", "serve_command", "Run the server for real use."),
    "map": ("server.cli.map", "map_group", "Build and inspect map folders."),
    "route": ("server.cli.route", "route_command", "Time and distance between two places."),
    "eta": ("server.cli.route", "eta_command", "Time from each of several units to one place."),
    "isochrone": ("server.cli.reach", "isochrone_command", "What is reached in how many minutes."),
    "coverage": ("server.cli.reach", "coverage_command", "Which villages are reached in time."),
    "match": ("server.cli.match", "match_command", "The roads that a track drove, and when."),
    "learn": ("server.cli.learn", "learn_group", "Learn travel times from drives."),
    "decision": ("server.cli.decision", "decision_group", "Show and replay recommendations."),
    "evaluate": ("server.cli.evaluate", "evaluate_command", "Compare ways of choosing units."),
    "history": ("server.cli.history", "history_group", "Take the county's past out, to rehearse."),
    "measures": ("server.cli.measures", "measures_command", "How long responses took."),
    "review": ("server.cli.review", "review_group", "What became of an incident."),
    "sim": ("server.cli.sim", "sim_command", "Drive simulated devices against a server."),
    "decode": ("server.cli.decode", "decode_group", "Say what recorded device messages mean."),
    "batteries": ("server.cli.batteries", "batteries_command", "Which cameras last their shift."),
    "audit": ("server.cli.audit", "audit_group", "Export and verify the command log."),
    "webhook": ("server.cli.webhook", "webhook_group", "Tell others what the command log says."),
    "stance": ("server.cli.stance", "stance_group", "Look at orders of peace and war."),
    "roster": ("server.cli.roster", "roster_group", "Load stations, units, officers and devices."),
    "runcards": ("server.cli.runcards", "runcards_group", "What each type of incident asks for."),
    "user": ("server.cli.admin", "user_group", "Add users and reset passwords."),
    "device": ("server.cli.admin", "device_group", "Enrol devices."),
    "tak": ("server.cli.tak", "tak_group", "Let TAK clients in: certificates, data packages."),
}
"""Name, where it lives, and its line in the overview."""


class LazyGroup(click.Group):
    """Knows names and help lines; imports a command only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ridgeline-dispatch", prog_name="ridgeline")
def main() -> None:
    """Dispatch and field devices for mountain police."""
