"""NumPy arrays and scalars to a header and raw bytes, and back.

NumPy is never needed: it is looked up where a value of it is sent, and imported when the first
array arrives, because an actor may well receive or pass on arrays without importing it itself.

The header is the msgpack array ``[dtype, shape, order, is_scalar, data]``: the dtype as NumPy's own
file format describes it, the order "C" or "F", the data as bytes or as the index of an out-of-band
buffer. Data that comes inside the body is copied into memory of its own and can be written to; an
array over an out-of-band buffer is a view of it, and can be written to where the buffer can.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["is_array", "read_array", "write_array"]

_RAW_KINDS = frozenset("biufcmMSUV")
"""dtype kinds whose items are their bytes; not objects ("O") and not StringDType ("T")."""

_MOST_DIMENSIONS = 64
"""NumPy's own limit; a product of more factors than that is a number to choke on."""
_MOST_PARTS = 4096
"""Parts of the description of a dtype, fields within fields included."""


def is_array(cls: type) -> bool:
    """Whether `cls` is NumPy's array or one of its scalar types; subclasses of them are not."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    if cls is numpy.ndarray:
        return True
    # numpy.record is a view of an array of records, which is no plain array.
    return (
        issubclass(cls, numpy.generic)
        and cls.__module__ == numpy.__name__
        and cls is not numpy.record
    )


def write_array(value: Any, put: Callable[[memoryview], bytes | int]) -> list[object]:
    """The header of an array or scalar.

    Args:
        value: the array or scalar.
        put: takes the raw bytes, and gives what the header says about them: themselves, or the
            index under which they travel beside the body.

    Raises:
        TypeError: the dtype is one that cannot be sent.
    """
    numpy = sys.modules["numpy"]
    array = numpy.asarray(value)
    _check_sendable(array.dtype)
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    descr = numpy.lib.format.dtype_to_descr(array.dtype)
    is_scalar = isinstance(value, numpy.generic)
    return [_listed(descr), list(array.shape), order, is_scalar, put(_raw(array, order, numpy))]


def read_array(header: list[Any], take: Callable[[object], bytearray | memoryview]) -> Any:
    """The array or scalar that a header describes.

    Args:
        header: what `write_array` gave.
        take: the memory for the header's last item.

    Raises:
        ImportError: NumPy is not installed here.
        Exception: whatever NumPy says about a malformed header.
    """
    import numpy as np

    descr, shape, order, is_scalar, place = header
    if len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"an array of {len(shape)} dimensions")
    if _parts(descr) > _MOST_PARTS:
        raise ValueError(f"a dtype of more than {_MOST_PARTS} parts")
    dtype: np.dtype[Any] = np.lib.format.descr_to_dtype(_tupled(descr))
    _check_sendable(dtype)
    if dtype.subdtype is not None or order not in ("C", "F"):
        raise ValueError("malformed array header")
    data = take(place)
    # Checked before NumPy sees the shape: nothing is ever allocated for what is not there.
    if any(type(n) is not int or n < 0 for n in shape) or (
        math.prod(shape) * dtype.itemsize != len(data)
    ):
        raise ValueError(f"an array of shape {shape} and {dtype} does not have {len(data)} bytes")
    array: Any = np.ndarray(tuple(shape), dtype, buffer=data, order=order)
    return array[()] if is_scalar else array


def _raw(array: Any, order: str, numpy: Any) -> memoryview:
    """The bytes of an array, without a copy where they lie in one piece."""
    if array.nbytes == 0:
        return memoryview(b"")
    lying = array.T if order == "F" else numpy.ascontiguousarray(array)
    flat: memoryview = lying.reshape(-1).view(numpy.uint8).data
    return flat


def _check_sendable(dtype: Any) -> None:
    if dtype.hasobject or dtype.kind not in _RAW_KINDS:
        raise TypeError(f"an array of dtype {dtype} holds references, not data")
    if dtype.subdtype is not None:
        _check_sendable(dtype.subdtype[0])
    for name in dtype.names or ():
        _check_sendable(dtype.fields[name][0])


def _parts(descr: Any) -> int:
    """How many parts a description has; a text counts with its length, as NumPy parses it."""
    if isinstance(descr, list):
        return 1 + sum(map(_parts, descr))
    return 1 + len(descr) // 64 if isinstance(descr, str) else 1


def _listed(descr: Any) -> Any:
    return [_listed(part) for part in descr] if isinstance(descr, (list, tuple)) else descr


def _tupled(descr: Any) -> Any:
    """The dtype description with its tuples again: fields are ``(name, format[, shape])``."""
    return [_tupled_field(field) for field in descr] if isinstance(descr, list) else descr


def _tupled_field(field: list[Any]) -> tuple[Any, ...]:
    name, format_, *shape = field
    named = tuple(name) if isinstance(name, list) else name
    return (named, _tupled(format_), *(tuple(part) for part in shape))
