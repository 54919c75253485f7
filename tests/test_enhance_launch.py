"""The bundled configurations of accelerate, read by accelerate itself, and what runs of several machines must heed."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from command import one_line
from inside import anjian_inside

from anjian.enhance.recipe import load_recipe
from anjian.enhance.recipes import RECIPES
from anjian.enhance.training.stage import machine_rank

CONFIGS = RECIPES / "accelerate"


def launched(config: Path, *more: str) -> Any:
    """The arguments with which `accelerate launch` would start the processes."""
    from accelerate.commands import launch

    arguments = launch.launch_command_parser().parse_args(
        ["--config_file", str(config), *more, "--module", "anjian.enhance.training.worker", "job.json"]
    )
    return launch._validate_launch_command(arguments)[0]


def test_fsdp_is_what_accelerate_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import utils

    arguments = launched(CONFIGS / "fsdp.yaml")
    assert arguments.use_fsdp
    assert arguments.num_processes == 8
    environment = utils.launch.prepare_multi_gpu_env(arguments)
    assert environment["ACCELERATE_MIXED_PRECISION"] == "bf16"
    for name, value in environment.items():
        if name.startswith("FSDP"):
            monkeypatch.setenv(name, value)
    plugin = utils.FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.cpu_ram_efficient_loading
    assert plugin.state_dict_type.name == "SHARDED_STATE_DICT"
    plugin.set_state_dict_type("FULL_STATE_DICT")  # as for the model at the end
    assert plugin.state_dict_type.name == "FULL_STATE_DICT"


@pytest.mark.parametrize("machines", [1, 2])
def test_zero3_is_what_accelerate_understands(machines: int) -> None:
    from accelerate.utils import launch

    several = ("--num_machines", "2", "--num_processes", "16", "--main_process_ip", "10.0.0.1", "--machine_rank", "1")
    arguments = launched(CONFIGS / "zero3.yaml", *(several if machines > 1 else ()))
    assert arguments.use_deepspeed
    arguments.deepspeed_fields_from_accelerate_config = ""  # which `launch_command` adds
    command, environment = launch.prepare_deepspeed_cmd_env(arguments)
    assert environment["ACCELERATE_DEEPSPEED_ZERO_STAGE"] == "3"
    assert environment["ACCELERATE_DEEPSPEED_ZERO3_SAVE_16BIT_MODEL"].lower() == "true"
    assert environment["ACCELERATE_MIXED_PRECISION"] == "bf16"
    # Started on each machine by hand; DeepSpeed's own launchers copy the environment, keys and all, into a file.
    assert not command or command[0] != "deepspeed"


def test_the_rank_of_a_machine_decides_what_it_does(tmp_path: Path) -> None:
    text = (CONFIGS / "fsdp.yaml").read_text(encoding="utf-8")
    second = tmp_path / "second.yaml"
    second.write_text(text.replace("machine_rank: 0", "machine_rank: 1"), encoding="utf-8")
    assert (machine_rank(None), machine_rank(CONFIGS / "fsdp.yaml"), machine_rank(second)) == (0, 0, 1)
    done = anjian_inside("enhance", "tiny/distill", "--out", tmp_path / "out", "--accelerate-config", second)
    assert done.returncode == 2
    assert "--stage train only" in one_line(done)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), ("{", "--accelerate-config"), ("a: 1", "distributed_type")]
)
def test_a_wrong_configuration_gets_one_line(tmp_path: Path, content: str | None, words: str) -> None:
    config = tmp_path / "config.yaml"
    if content is not None:
        config.write_text(content, encoding="utf-8")
    done = anjian_inside("enhance", "tiny/distill", "--out", tmp_path / "out", "--accelerate-config", config)
    assert done.returncode == 2
    assert words in one_line(done)
    assert not (tmp_path / "out").exists()


def test_attention_that_is_not_installed_is_said_before_anything_is_done(tmp_path: Path) -> None:
    if find_spec("flash_attn") or find_spec("kernels"):
        pytest.skip("FlashAttention is installed here")
    file = tmp_path / "recipe.toml"
    file.write_text('[train]\npacking = true\nattention = "flash_attention_2"\n', encoding="utf-8")
    done = anjian_inside("enhance", "tiny/distill", "--recipe", file, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "attention = 'sdpa'" in one_line(done)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_can_be_read(path: Path) -> None:
    assert load_recipe(path).title
