"""README's table of families: how far our vectors are from SentenceTransformer's, and how each family runs.

python benchmarks/families.py     a minute; small random models of every family, written here
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from transformers.utils import logging as transformers_logging

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from model_families import FAMILIES, TEXTS
from sentence_transformers import SentenceTransformer

from engine.config import ModelConfig
from engine.encoder import load_encoder


def main() -> None:
    transformers_logging.disable_progress_bar()
    print("| family | from text to vector | attention on a CPU | queries | passages |\n|---|---|---|---|---|")
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as place:
            folder = family.write(Path(place) / "model")
            encoder = load_encoder(ModelConfig(name=str(folder)), "cpu")
            peer = SentenceTransformer(str(folder), device="cpu")
            differences = [
                np.abs(vectors - peer.encode(TEXTS, prompt=prompt, normalize_embeddings=True)).max()
                for vectors, prompt in (
                    (encoder.encode_queries(TEXTS).vectors, encoder.options.query_prefix),
                    (encoder.encode_passages(TEXTS).vectors, encoder.options.passage_prefix),
                )
            ]
            cells = [family.name, encoder.module_names(), str(encoder.attention()), *(f"{d:.0e}" for d in differences)]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
