"""Files of a tokenizer, in both of their forms."""

import json

import pytest

from maskstream_model.errors import CheckpointError
from maskstream_model.sgmg.tokens import SPLIT, SUBFOLDER, WHOLE, read_tokenizer
from support.sgmg import write_tokenizer

TEXTS = ["a red car", " the dog", "Ünïcode €", "", "</s> <pad>  two spaces"]


@pytest.mark.parametrize("inside", ["", SUBFOLDER])
@pytest.mark.parametrize("names", [WHOLE, SPLIT], ids="+".join)
def test_both_forms_give_the_ids_of_the_library(tmp_path, names, inside):
    library = write_tokenizer(tmp_path / inside, names)
    tokens = read_tokenizer(tmp_path, 300)
    for text in TEXTS[:4]:
        assert tokens(text) == [0, *library.encode(text).ids, 2]
    assert len(tokens("the dog the dog")) < 2 + len("the dog the dog")


@pytest.mark.parametrize("text", TEXTS)
def test_padding_and_cuts_that_a_file_asks_for_are_not_done(tmp_path, text):
    write_tokenizer(tmp_path, WHOLE)
    plain = read_tokenizer(tmp_path, 300)(text)
    file = tmp_path / WHOLE[0]
    facts = json.loads(file.read_text())
    padding = {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None}
    facts["padding"] = {**padding, "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"}
    cut = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    file.write_text(json.dumps({**facts, "truncation": cut}))
    assert read_tokenizer(tmp_path, 300)(text) == plain


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="has no tokenizer: put"):
        read_tokenizer(tmp_path, 300)


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / WHOLE[0]).write_text("{")
    with pytest.raises(CheckpointError, match="is no tokenizer, or is damaged"):
        read_tokenizer(tmp_path, 300)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path):
    write_tokenizer(tmp_path, WHOLE)
    with pytest.raises(CheckpointError, match="of another model"):
        read_tokenizer(tmp_path, 200)
