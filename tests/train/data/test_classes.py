"""Which category each class of a model is: by name, or in order where a name is spelt otherwise."""

import pytest

from maskstream_model.config import ClassInfo
from maskstream_model.daq.presets import preset
from maskstream_model.errors import DatasetError
from maskstream_train.data.classes import match_classes, same_names
from maskstream_train.data.videos import Category

CLASSES = [ClassInfo(name, "#000000") for name in ("giant_panda", "vehicle", "sky")]


def test_names_match_whatever_their_order_case_and_spaces() -> None:
    categories = [Category(3, "Sky"), Category(7, "Giant Panda"), Category(9, "vehicle")]
    assert match_classes(categories, CLASSES, "m", ordered=False) == (7, 9, 3)
    assert same_names(categories, ["sky", "vehicle", "giant-panda"]) == (3, 9, 7)
    assert same_names(categories, ["sky", "vehicle"]) is None


def test_a_name_spelt_otherwise_goes_by_its_place_things_first() -> None:
    categories = [
        Category(2, "sky", thing=False),
        Category(5, "giant_panda"),
        Category(6, "vehical"),
    ]
    assert match_classes(categories, CLASSES, "m", ordered=True) == (5, 6, 2)
    with pytest.raises(DatasetError, match="class 'vehical' stands where m has 'vehicle'"):
        match_classes(categories, CLASSES, "m", ordered=False)


def test_another_number_of_classes_is_one_clear_sentence() -> None:
    with pytest.raises(DatasetError, match="m knows 3 classes, the data set has 1"):
        match_classes([Category(1, "sky")], CLASSES, "m", ordered=True)


def test_as_many_classes_of_another_data_set_are_refused() -> None:
    names = [item.name for item in preset("daq_r50_ytvis21").classes]
    categories = [Category(index + 1, name) for index, name in enumerate(names)]
    with pytest.raises(DatasetError, match="'airplane' stands where daq_r50_ytvis19 has 'person'"):
        match_classes(
            categories, preset("daq_r50_ytvis19").classes, "daq_r50_ytvis19", ordered=True
        )
