"""Variants: one call of a test and one thing that can go wrong there. See `effects` for the list of them."""

from assistants_emulator.sweep.effects import EFFECTS, TIME_OUT_HEADER, Effect, Variant, effect_of

__all__ = ["EFFECTS", "TIME_OUT_HEADER", "Effect", "Variant", "effect_of"]
