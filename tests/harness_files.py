"""Writes result files as other evaluation harnesses write them; the forms are those of docs/import.md."""

import binascii
import json
import struct
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

Content = dict[str, Any]


def write(path: Path, content: object) -> Path:
    """Writes JSON as the harnesses do: NaN is allowed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def lm_eval(results: Content, **more: object) -> Content:
    content: Content = {"results": results, "configs": {}, "versions": dict.fromkeys(results, 1.0)}
    content |= {"n-shot": dict.fromkeys(results, 0), "config": {"model": "hf", "model_args": "pretrained=org/base"}}
    return content | {"model_source": "hf", "model_name": "org/base", "lm_eval_version": "0.4.9"} | more


def gpqa(value: float = 0.3383838383838384, stderr: object = 0.0337, n: int = 198, **more: object) -> Content:
    metrics = {"alias": "gpqa_diamond", "acc,none": value, "acc_stderr,none": stderr}
    samples = {"gpqa_diamond": {"original": 198, "effective": n}}
    return lm_eval({"gpqa_diamond": metrics}, **{"n-samples": samples, "group_subtasks": {"gpqa_diamond": []}, **more})


def evalscope_v1(metric: str, subsets: dict[str, dict[str, tuple[float, int]]], dataset: str = "ceval") -> Content:
    """A report of EvalScope 0.10 to 1.0; subsets stand under their categories, with score and count."""

    def total(parts: list[tuple[float, int]]) -> Content:
        n = sum(num for _, num in parts)
        score = round(sum(score * num for score, num in parts) / n, 4)
        return {"num": n, "score": score, "macro_score": round(sum(s for s, _ in parts) / len(parts), 4)}

    categories = [
        {"name": [name], **total(list(parts.values())),
         "subsets": [{"name": subset, "score": score, "num": num} for subset, (score, num) in parts.items()]}
        for name, parts in subsets.items()
    ]  # fmt: skip
    whole = total([part for parts in subsets.values() for part in parts.values()])
    metrics = [{"name": metric, **whole, "categories": categories}]
    return {"name": f"m@{dataset}", "dataset_name": dataset, "dataset_pretty_name": "", "dataset_description": "",
            "model_name": "org-base", "score": whole["score"], "metrics": metrics, "analysis": "N/A"}  # fmt: skip


def evalscope_v2(*metrics: Content, **more: object) -> Content:
    """A report of EvalScope 1.14, schema 2."""
    report = {"schema_version": 2, "name": "org-base@live_code_bench", "dataset_name": "live_code_bench"}
    report |= {"model_name": "org-base", "analysis": "N/A", "perf_metrics": None, "num": 100}
    return {**report, "metrics": list(metrics), **more}


def metric_v2(name: str, aggregation: str, score: float, num: int, top: float | None = 1.0, **dims: object) -> Content:
    bounds = None if top is None else {"min": 0.0, "max": top}
    subset = {"name": "release_latest", "score": score, "num": num, "metadata": None, "is_aggregate": False}
    category = {"name": ["default"], "num": num, "score": score, "macro_score": score, "subsets": [subset]}
    return {"identity": {"name": name, "aggregation": aggregation, "dimensions": dims}, "legacy_name": None,
            "num": num, "score": score, "macro_score": score, "categories": [category],
            "semantics": {"semantic_id": "x", "metric_name": name, "kind": "quality",
                          "value_range": bounds}}  # fmt: skip


def inspect_metric(name: str, value: float, group: str | None = None, **params: object) -> Content:
    return {"name": name, "group": group, "value": value, "params": params}


def inspect_log(scores: list[Content], total: int = 198, epochs: int = 1, **more: object) -> Content:
    spec = {"task": "inspect_evals/gpqa_diamond", "model": "vllm/org/base", "dataset": {"samples": 198},
            "config": {"epochs": epochs}, "created": "2026-01-05T10:00:00+00:00",
            "packages": {"inspect_ai": "0.3.285"}}  # fmt: skip
    results = {"total_samples": total, "completed_samples": total, "scores": scores}
    return {"version": 2, "status": "success", "eval": spec, "plan": {}, "results": results, "stats": {}} | more


def inspect_score(metrics: dict[str, float], name: str = "choice", scored: int = 198, **more: object) -> Content:
    found = {key: inspect_metric(key, value) for key, value in metrics.items()}
    return {"name": name, "scorer": name, "scored_samples": scored, "unscored_samples": 0, "metrics": found} | more


def write_eval(path: Path, content: Content, member: str = "header.json") -> Path:
    """An `.eval` archive as Inspect AI wrote them before it took to Zstandard."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2, "eval": content["eval"], "plan": {}}))
        archive.writestr("samples/1_epoch_1.json", "{}")
        if member != "_journal/start.json":
            archive.writestr(member, json.dumps(content))
    return path


def write_zip(path: Path, member: str, packed: bytes, plain: bytes, method: int, size: int | None = None) -> Path:
    """A zip archive of one member with any method of compression; `size` is what it claims to unpack to."""
    name, crc = member.encode(), binascii.crc32(plain)
    sizes = (crc, len(packed), len(plain) if size is None else size, len(name), 0)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 63, 0, method, 0, 0, *sizes) + name + packed
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 63, 63, 0, method, 0, 0, *sizes, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    path.write_bytes(local + entry + end)
    return path
