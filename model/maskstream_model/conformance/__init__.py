"""The laws of the port, for authors of a family of models (docs/adding-a-model.md).

    @pytest.mark.parametrize("law", LAWS)
    def test_the_family_keeps_the_laws(law):
        law(Case(load=lambda: load_model("brightest-blob"), frames=frames))

A law that is broken raises an AssertionError that names the law and the place.
"""

from maskstream_model.conformance.case import Case
from maskstream_model.conformance.memory import MEMORY_LAWS
from maskstream_model.conformance.steps import STEP_LAWS
from maskstream_model.conformance.tables import TABLE_LAWS

__all__ = ["LAWS", "Case"]

LAWS = (*STEP_LAWS, *MEMORY_LAWS, *TABLE_LAWS)
"""Functions of a `Case`."""
