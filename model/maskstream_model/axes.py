"""The axes of every tensor in this package, written once.

| letter | meaning                                                                  |
|--------|--------------------------------------------------------------------------|
| `B`    | sessions (or frames) in a batch                                          |
| `T`    | time: frames of a clip                                                   |
| `Q`    | segment queries of the segmenter                                         |
| `N`    | tracks                                                                   |
| `R`    | rows of a tracker or of the refiner: tracks and what stands beside them  |
| `S`    | background embeddings of tracker 2                                       |
| `C`    | query width (also the width of the mask features)                        |
| `D`    | mask width: channels of mask features                                    |
| `K`    | classes; logits have `K + 1` entries, the last one is "no object"        |
| `L`    | layers of a decoder, or levels of a feature pyramid                      |
| `P`    | sampling points                                                          |
| `H W`  | mask grid: the padded frame at stride 4                                  |

Batch comes first: `(B, Q, C)`. Pixels of a frame are `height` and `width`, never `H` and `W`.
"""
