"""Compression is negotiated over a real socket as designed, and is worth it."""

from __future__ import annotations

from benchmarks.wire import measure


async def test_deflate_with_small_windows_that_are_kept_is_negotiated_and_pays() -> None:
    found = await measure(100, seed=1, deflate=True)

    agreed = found.extension
    assert agreed is not None
    assert (agreed.local_max_window_bits, agreed.remote_max_window_bits) == (12, 12)
    assert not agreed.local_no_context_takeover
    assert not agreed.remote_no_context_takeover
    assert found.bytes_per_fix < 60


async def test_server_that_does_not_compress_is_spoken_to_plainly() -> None:
    found = await measure(100, seed=1, deflate=False)

    assert found.extension is None
    assert 120 < found.bytes_per_fix < 200
