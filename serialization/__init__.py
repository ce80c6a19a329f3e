"""Values and envelopes to bytes, and back. It knows no socket, no node and no actor."""

from serialization.codec import Codec, Encoded
from serialization.envelope import Envelope, pack, unpack_all
from serialization.errors import (
    ActorsError,
    EnvelopeError,
    MessageDecodeError,
    MessageTooLargeError,
    SerializationError,
    UnknownMessageError,
)
from serialization.extensions import Extension
from serialization.limits import OUT_OF_BAND_BYTES, Limits
from serialization.message import Message, Refusal
from serialization.registry import Registry, default_registry, public_module, register

__all__ = [
    "OUT_OF_BAND_BYTES",
    "ActorsError",
    "Codec",
    "Encoded",
    "Envelope",
    "EnvelopeError",
    "Extension",
    "Limits",
    "Message",
    "MessageDecodeError",
    "MessageTooLargeError",
    "Refusal",
    "Registry",
    "SerializationError",
    "UnknownMessageError",
    "default_registry",
    "pack",
    "public_module",
    "register",
    "unpack_all",
]
