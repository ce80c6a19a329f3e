"""Actors by name, in groups and by topic, known all over the cluster."""

from actors.registry.groups import Follower, Groups
from actors.registry.registry import Registry
from actors.registry.topics import Topics

__all__ = ["Follower", "Groups", "Registry", "Topics"]
