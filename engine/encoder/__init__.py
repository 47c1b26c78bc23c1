"""Dual encoders: text -> unit vectors."""

from engine.encoder.encoder import DualEncoder, Encoded
from engine.encoder.loading import load_encoder
from engine.encoder.tokens import TokenRows, concatenate
from engine.encoding_options import EncodingOptions

__all__ = ["DualEncoder", "Encoded", "EncodingOptions", "TokenRows", "concatenate", "load_encoder"]
