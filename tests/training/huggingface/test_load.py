"""What is wrong with the files of a model is said with file and tensor, before a decoder is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from safetensors.torch import load_file, save_file  # noqa: E402

from stellwerk.errors import InputError  # noqa: E402
from stellwerk.training.decoder.transformer import Decoder  # noqa: E402
from stellwerk.training.huggingface.load import load_base, read_model  # noqa: E402
from stellwerk.training.huggingface.write import write_model  # noqa: E402
from stellwerk.training.model import ModelDetails  # noqa: E402
from stellwerk.workload import Architecture  # noqa: E402

SMALL = Architecture(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=64)
QUERY = "model.layers.1.self_attn.q_proj.weight"
INDEX = "model.safetensors.index.json"


def written(folder: Path, *, most_file_bytes: int = 20_000) -> Path:
    decoder = Decoder(SMALL, max_length=16)
    write_model(folder, decoder.state_dict(), SMALL, ModelDetails(), max_length=16, most_file_bytes=most_file_bytes)
    return folder


def file_with(folder: Path, tensor: str) -> Path:
    index: dict[str, Any] = json.loads((folder / INDEX).read_text())
    return folder / index["weight_map"][tensor]


def change_file(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes the tensors of the file that holds ``QUERY``."""
    file = file_with(folder, QUERY)
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def change_index(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    index = json.loads((folder / INDEX).read_text())
    change(index["weight_map"])
    (folder / INDEX).write_text(json.dumps(index))


def cut_off(folder: Path) -> None:
    file = file_with(folder, QUERY)
    file.write_bytes(file.read_bytes()[:-10])


def change_config(folder: Path, **values: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a tensor is missing from its file": (
        lambda folder: change_file(folder, lambda tensors: tensors.pop(QUERY)),
        ("model-0000", QUERY, "missing, although model.safetensors.index.json says"),
    ),
    "a tensor is missing from the index": (
        lambda folder: change_index(folder, lambda places: places.pop(QUERY)),
        (INDEX, QUERY, "missing"),
    ),
    "a tensor has another shape": (
        lambda folder: change_file(folder, lambda tensors: tensors.update({QUERY: torch.zeros(32, 31)})),
        ("model-0000", QUERY, "got (32, 31)", "allowed: (32, 32)"),
    ),
    "a tensor is quantised": (
        lambda folder: change_file(
            folder, lambda tensors: tensors.update({QUERY: torch.zeros(32, 32, dtype=torch.int8)})
        ),
        ("model-0000", QUERY, "got 'I8'", "BF16"),
    ),
    "a tensor is left over": (
        lambda folder: (
            change_file(folder, lambda tensors: tensors.update({"model.layers.1.extra": torch.zeros(3)})),
            change_index(folder, lambda places: places.update({"model.layers.1.extra": places[QUERY]})),
        ),
        ("model-0000", "model.layers.1.extra", "says nothing of this tensor"),
    ),
    "a file is cut off": (cut_off, ("model-0000", "10 bytes of its tensors are missing", "model.layers.")),
    "a file is no safetensors": (
        lambda folder: file_with(folder, QUERY).write_bytes(b"nothing of the kind"),
        ("model-0000", "no readable safetensors file"),
    ),
    "a file is missing": (lambda folder: file_with(folder, QUERY).unlink(), ("model-0000", "does not exist, although")),
    "the index is no JSON": (lambda folder: (folder / INDEX).write_text("{"), (INDEX, "not valid JSON")),
    "the index names no tensors": (
        lambda folder: (folder / INDEX).write_text("{}"),
        (INDEX, "weight_map", "names no tensors"),
    ),
    "the index leads elsewhere": (
        lambda folder: change_index(folder, lambda places: places.update({QUERY: "../other.safetensors"})),
        (INDEX, QUERY, "../other.safetensors", "same folder"),
    ),
    "there are no weights": (
        lambda folder: [file.unlink() for file in folder.glob("model*")],
        ("there are no weights here",),
    ),
    "the activation is another one": (
        lambda folder: change_config(folder, hidden_act="gelu"),
        ("config.json", "hidden_act", "'gelu'", "silu"),
    ),
    "the positions are stretched in another way": (
        lambda folder: change_config(folder, rope_parameters={"rope_type": "yarn", "factor": 4.0}),
        ("config.json", "rope_parameters", "'yarn'", "default or llama3"),
    ),
    "the positions differ from layer to layer": (
        lambda folder: change_config(folder, rope_parameters={"full_attention": {"rope_theta": 1e6}}),
        ("config.json", "rope_parameters", "one kind of layer"),
    ),
    "the weights are quantised": (
        lambda folder: change_config(folder, quantization_config={"quant_method": "fp8"}),
        ("config.json", "quantization_config"),
    ),
    "a number is none": (
        lambda folder: change_config(folder, rms_norm_eps="small"),
        ("config.json", "rms_norm_eps", "'small'", "a number above 0"),
    ),
}


@pytest.mark.parametrize(("damage", "words"), FAULTS.values(), ids=list(FAULTS))
def test_what_is_wrong_is_named(tmp_path: Path, damage: Callable[[Path], object], words: tuple[str, ...]) -> None:
    folder = written(tmp_path / "model")
    damage(folder)
    with pytest.raises(InputError) as raised:
        read_model(folder, 16)
    assert str(folder) in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def test_a_damaged_file_changes_nothing_in_the_decoder(tmp_path: Path) -> None:
    folder = written(tmp_path / "model")
    change_file(folder, lambda tensors: tensors.pop(QUERY))
    decoder = Decoder(SMALL, max_length=16)
    before = {name: weight.clone() for name, weight in decoder.state_dict().items()}
    with pytest.raises(InputError):
        load_base(decoder, folder)
    assert all(torch.equal(weight, before[name]) for name, weight in decoder.state_dict().items())


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    folder = written(tmp_path / "model")
    change_index(folder, lambda places: [places.pop(QUERY), places.pop("model.norm.weight")])
    with pytest.raises(InputError) as raised:
        read_model(folder, 16)
    assert QUERY in str(raised.value)
    assert "model.norm.weight" in str(raised.value)


def test_a_folder_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        read_model(tmp_path / "nothing", 16)


def test_a_base_in_another_type_is_converted(tmp_path: Path) -> None:
    folder = written(tmp_path / "model", most_file_bytes=10**9)
    decoder = Decoder(SMALL, max_length=16).to(torch.bfloat16)
    load_base(decoder, folder)
    stored = load_file(folder / "model.safetensors")[QUERY]
    assert torch.equal(decoder.layers[1].attention.query.weight, stored.to(torch.bfloat16))


def test_a_folder_with_something_in_it_is_not_written_into(tmp_path: Path) -> None:
    folder = written(tmp_path / "model")
    with pytest.raises(InputError, match="something is there already"):
        written(folder)
    assert [file.name for file in tmp_path.iterdir()] == ["model"], "and nothing is left behind"


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        written(tmp_path / "file" / "model")
