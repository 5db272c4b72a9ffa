"""Configuration: one TOML file, validated as a whole, with defaults for everything.

`load` reads a file, `embedded_defaults` is what runs without one, `changes` compares two for a reload.
"""

from __future__ import annotations

from softswitch.config.changes import Change, changes
from softswitch.config.defaults import embedded_defaults
from softswitch.config.errors import ConfigError, Problem
from softswitch.config.load import load, loads
from softswitch.config.models import (
    ClassOfServiceSettings,
    ConferenceSettings,
    EmergencySettings,
    HepSettings,
    HttpSettings,
    HuntGroupSettings,
    ListenSettings,
    LoggingSettings,
    NodeSettings,
    RouteSettings,
    RtpSettings,
    ScheduleSettings,
    SecuritySettings,
    ServiceSettings,
    Settings,
    SipSettings,
    StorageSettings,
    SubscriberSettings,
    TalkgroupSettings,
    TokenSettings,
    TrunkSettings,
    split_target,
)
from softswitch.config.plan import to_plan

__all__ = [
    "Change",
    "ClassOfServiceSettings",
    "ConferenceSettings",
    "ConfigError",
    "EmergencySettings",
    "HepSettings",
    "HttpSettings",
    "HuntGroupSettings",
    "ListenSettings",
    "LoggingSettings",
    "NodeSettings",
    "Problem",
    "RouteSettings",
    "RtpSettings",
    "ScheduleSettings",
    "SecuritySettings",
    "ServiceSettings",
    "Settings",
    "SipSettings",
    "StorageSettings",
    "SubscriberSettings",
    "TalkgroupSettings",
    "TokenSettings",
    "TrunkSettings",
    "changes",
    "embedded_defaults",
    "load",
    "loads",
    "split_target",
    "to_plan",
]
