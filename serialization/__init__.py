"""Values and envelopes to bytes, and back. It knows no socket, no node and no actor."""

from serialization.codec import Codec, Encoded
from serialization.envelope import (
    REPEATABLE_BYTES,
    Envelope,
    Fields,
    pack,
    pack_repeat,
    split_repeat,
    unpack_all,
    unpack_repeat,
)
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
    "REPEATABLE_BYTES",
    "ActorsError",
    "Codec",
    "Encoded",
    "Envelope",
    "EnvelopeError",
    "Extension",
    "Fields",
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
    "pack_repeat",
    "public_module",
    "register",
    "split_repeat",
    "unpack_all",
    "unpack_repeat",
]
