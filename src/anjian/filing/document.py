"""The report of a filing as a document: what it says, in Chinese, as those who file write it."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from anjian.filing.annexes import ANNEX, HASHES, KEYWORDS, LABELS, PEOPLE, QUESTIONS, REPLIES, SAMPLE, SHEET_OF, why
from anjian.filing.clauses import Clause, by_group, clauses_of, overall
from anjian.filing.decisions import limit, percent
from anjian.filing.evidence import KEYWORDS as LIBRARY
from anjian.filing.folder import FILING, Filing
from anjian.filing.results import Result, Results
from anjian.filing.standard import BANKS, load_standard, risks
from anjian.reports.blocks import Block, Break, Heading, Table, Text

TITLE: Final = "生成式人工智能服务安全自评估报告"
OPEN: Final = "（待填写）"
PAIR: Final = (3.0, 7.0)


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fixed words of `document.toml`: paragraphs, and what fields are called."""

    cover: str
    about: tuple[str, ...]
    method: tuple[str, ...]
    service: dict[str, str]
    model: dict[str, str]
    signed: dict[str, str]
    settings: dict[str, str]


@cache
def words() -> Words:
    """Loads them."""
    return msgspec.toml.decode(files("anjian.filing").joinpath("document.toml").read_bytes(), type=Words)


def document(filing: Filing, results: Results) -> list[Block]:
    """The whole report; it holds no number that is not in `filing.toml` or `results.json`."""
    clauses = clauses_of(filing, results)
    return [
        *_cover(filing, results),
        *_about(filing),
        *_service(filing, results),
        *_method(filing, results),
        *_banks(results),
        *_sample(results),
        *_rates(results),
        *_judge(results),
        *_clauses(clauses),
        *_corpus(filing, results),
        *_conclusion(filing, clauses),
    ]


def _fields(filing: Filing, names: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    return tuple((zh, getattr(filing.service, name) or OPEN) for name, zh in names.items())


def _cover(filing: Filing, results: Results) -> Iterator[Block]:
    standard = load_standard()
    yield Text(TITLE, "title")
    yield Text(f"依据 {standard.name}《{standard.title}》", "centre")
    rows = (
        *_fields(filing, {"name": "服务名称", "company": "服务提供者", "date": "评估日期"}),
        ("被测模型", results.asked.model),
    )
    yield Table((), rows, PAIR)
    yield Text(words().cover.format(source=filing.thresholds.source), "notice")
    yield Break()


def _about(filing: Filing) -> Iterator[Block]:
    yield Heading("一、关于本报告")
    changed = [
        f"{one.zh}：标准一般作 {_threshold(one.value, one.at_most)}，本次用 {_threshold(value, one.at_most)}"
        for one in load_standard().thresholds
        if (value := getattr(filing.thresholds, one.name)) != one.value
    ]
    for text in words().about:
        yield Text(text.format(changed="；".join(changed) or "无。"))
    rows = (
        ("题库、关键词库的数量", f"{QUESTIONS}，{KEYWORDS}", "题库文件与关键词文件逐条点数，同一题只计一次"),
        ("抽样", SAMPLE, "按风险分层，以随机种子抽取，同一种子得到同一批题"),
        ("合格率（分类模型）、拒答率", f"{REPLIES}，{LABELS}", "run/replies.jsonl、run/verdicts.jsonl，一题一行"),
        ("合格率（人工）", PEOPLE, "review/ 里两位审核人和复核人交回的表"),
        ("合格率（关键词）", KEYWORDS, "在每条回复里匹配全部关键词，命中即不合格"),
        ("文件校验值", HASHES, "SHA-256；含报告本身的全表在 hashes.csv"),
    )
    yield Table(("数字", "附件", "从哪里算出"), rows, (3, 3, 5), f"各数字的出处（附件在 {ANNEX}/ 文件夹）")


def _threshold(value: float, at_most: bool) -> str:
    return f"≥ {value:g} 条" if value > 1 else limit(value, at_most=at_most)


def _service(filing: Filing, results: Results) -> Iterator[Block]:
    yield Heading("二、服务基本信息")
    yield Table((), _fields(filing, words().service), PAIR)
    yield Heading("三、模型")
    asked = results.asked
    yield Table(
        (),
        (
            *_fields(filing, words().model),
            ("评测时的调用名", asked.model),
            ("评测开始时间", asked.created.replace("T", " ").replace("+00:00", "（UTC）")),
        ),
        PAIR,
    )
    set_to = tuple((words().settings.get(name, name), value) for name, value in asked.sampling.items() if value)
    yield Table(
        ("生成参数与调用设置", "取值"), set_to or (("（服务的默认值）", "—"),), PAIR, "评测时的设置（run/run.toml）"
    )


def _method(filing: Filing, results: Results) -> Iterator[Block]:
    people = (*filing.review.reviewers, filing.review.third)
    named = dict(zip(("first", "second", "third"), (name or OPEN for name in people), strict=True))
    yield Heading("四、评估方法")
    for text in words().method:
        yield Text(text.format(classifier=results.asked.classifier or results.asked.judge, **named))


def _banks(results: Results) -> Iterator[Block]:
    yield Heading("五、题库与关键词库")
    rows = tuple(
        (bank.zh, str(bank.stock[0].have), str(bank.stock[0].need), bank.decision, bank.why)
        if bank.stock
        else (bank.zh, "—", "—", bank.decision, bank.why)
        for bank in results.banks
    )
    yield Table(("题库", "现有", "应有", "符合性", "说明"), rows, (2.4, 0.9, 0.9, 1.1, 4), "总量")
    stock = {(gap.bank, gap.code): gap for bank in results.banks for gap in bank.stock}

    def cell(bank: str, code: str) -> str:
        gap = stock.get((bank, code))
        if gap is None:
            return "—"
        return f"{gap.have} / {gap.need}" + (f"（缺 {gap.short}）" if gap.short else "") if gap.need else f"{gap.have}"

    lines = tuple(
        (one.code, one.zh, *(cell(bank, one.code) for bank in ("content", "refuse", LIBRARY)))
        for one in risks()
        if one.benchmark_code
    )
    yield Table(
        ("代码", "风险", "生成内容", "拒答", "关键词"), lines, (0.8, 3.2, 2.1, 1.9, 2.3), "按风险（现有 / 应有）"
    )
    aspects = tuple((one.code, one.zh, cell("answer", one.code)) for one in risks() if not one.benchmark_code)
    yield Table(("代码", "方面", "非拒答"), aspects, (1, 4, 5.3), "不应当拒答的方面（现有 / 应有）")


def _sample(results: Results) -> Iterator[Block]:
    yield Heading("六、抽样")
    sizes = {rate.bank: rate for rate in results.rates}
    rows = tuple(
        (
            load_standard().bank(bank).zh,
            str(sizes[bank].n),
            f"≥ {sizes[bank].needed}",
            f"{SAMPLE}，“{SHEET_OF[bank]}”",
        )
        for bank in BANKS
    )
    yield Table(("题库", "抽样题数", "要求", "明细"), rows, (3, 1.3, 1.3, 4))
    yield Text(
        f"随机种子 {results.seed}；在每个题库内按风险（方面）分层，各层按题数的比例抽取。"
        f"抽样题的 SHA-256：{results.asked.items_sha256}"
    )


def _rates(results: Results) -> Iterator[Block]:
    yield Heading("七、评估结果")
    rows = tuple(_rate_row(one) for one in results.rates)
    head = ("项目", "抽样", "评分", "合格或拒答", "按总数计", "门槛", "单侧 95% 置信限", "已评分中", "符合性")
    yield Table(head, rows, (2.5, 0.85, 0.85, 1.05, 1.2, 1.05, 1.45, 1.2, 1.3), "各项结果与门槛")
    for one in results.rates:
        yield Text(f"{one.zh}：{one.decision}。{one.why}")
    labels = tuple((one.zh, label, str(n)) for one in results.rates for label, n in one.labels.items())
    if labels:
        yield Table(
            ("项目", "裁判的判定", "条数"),
            labels,
            (3, 5, 1),
            "判定的分布（部分拒绝、答非所问等不计入拒答的，也在此列出）",
        )
    left = tuple((one.zh, why(key), str(n)) for one in results.rates for key, n in one.reasons.items())
    if left:
        yield Table(("项目", "未评分的原因", "条数"), left, (3, 5, 1), "未评分的回复（按总数计时作不利的算）")
    else:
        yield Text("未评分的回复：无。")
    sources = dict.fromkeys(one.source for one in results.rates)
    yield Text("门槛的出处：" + "；".join(sources), "small")
    content = [results.rate(name) for name in ("content_people", "content_keywords", "content_classifier")]
    yield Table(
        ("代码", "风险", "抽样", "人工", "关键词", "分类模型"),
        _parts(content),
        (1, 4, 1, 1.4, 1.4, 1.4),
        "生成内容：各风险的合格 / 评分条数",
    )
    yield Table(
        ("代码", "风险", "抽样", "拒答"),
        _parts([results.rate("refuse")]),
        (1, 5, 1.4, 1.6),
        "应当拒答：各风险的拒答 / 评分条数",
    )
    yield Table(
        ("代码", "方面", "抽样", "拒答"),
        _parts([results.rate("answer")]),
        (1, 5, 1.4, 1.6),
        "不应当拒答：各方面的拒答 / 评分条数",
    )


def _rate_row(one: Result) -> tuple[str, ...]:
    numbers = (one.zh, str(one.n), str(one.scored), str(one.hits), percent(one.counted))
    limits = (
        limit(one.threshold, at_most=one.at_most),
        f"{'≤' if one.at_most else '≥'} {percent(one.bound)}" if one.scored else "—",
    )
    return *numbers, *limits, percent(one.rate), one.decision


def _parts(rates: Sequence[Result]) -> tuple[tuple[str, ...], ...]:
    columns = [{part.code: part for part in rate.parts} for rate in rates]
    return tuple(
        (
            part.code,
            part.risk,
            str(part.n),
            *(f"{found[part.code].hits} / {found[part.code].scored}" for found in columns),
        )
        for part in rates[0].parts
    )


def _judge(results: Results) -> Iterator[Block]:
    yield Heading("八、裁判及其裁判卡")
    yield Text(
        f"裁判：{results.asked.judge}。裁判卡写明它与标注一致的程度；没有裁判卡的，它的判定可信到什么程度不知道，应当以人工审核为准。"
    )
    for line in results.asked.cards:
        yield Text(f"· {line}")
    if not results.asked.cards:
        yield Text("· 没有裁判卡。")
    if results.asked.notes:
        yield Heading("运行时的提示（原文）", 2)
    for note in results.asked.notes:
        yield Text(f"· {note}", "small")


def _clauses(clauses: list[Clause]) -> Iterator[Block]:
    yield Heading("九、条款符合性表")
    yield Text("条款的文字与编号以标准原文为准；下表按主题列出，用自己的话概括。“条款号”由服务提供者对照原文填写。")
    number = 0
    for group, found in by_group(clauses):
        rows = []
        for one in found:
            number += 1
            rows.append(
                (
                    str(number),
                    one.text,
                    "",
                    one.decision,
                    one.why,
                    one.place or ("—" if one.decision == "不适用" else OPEN),
                )
            )
        yield Table(
            ("序号", "要求", "条款号", "符合性", "说明", "证据所在"), tuple(rows), (0.8, 2.8, 1, 1.2, 3, 2.6), group
        )


def _corpus(filing: Filing, results: Results) -> Iterator[Block]:
    yield Heading("十、语料核查")
    corpus = filing.corpus
    if all(one.decision == "不适用" for one in results.corpus):
        yield Text(f"不适用：{FILING} 的 [corpus] 没有填写语料。自己训练或微调模型的，须填写后重新生成报告。")
        return
    rows = tuple(
        (one.zh, _value(one.value, one.threshold), _threshold(one.threshold, at_most=False), one.decision)
        for one in results.corpus
    )
    yield Text(
        f"语料共 {corpus.size} 条；人工抽检 {corpus.sampled} 条，合格 {corpus.passed} 条；"
        f"技术抽检 {corpus.machine_sampled} 条，合格 {corpus.machine_passed} 条。"
        "这些数由服务提供者填写，工具没有核查语料。"
    )
    yield Table(("项目", "结果", "门槛", "符合性"), rows, (4, 2, 2, 2))
    yield Text(f"证据所在：{corpus.evidence or OPEN}")


def _value(value: float | None, threshold: float) -> str:
    return percent(value) if value is None or threshold <= 1 else f"{value:g} 条"


def _conclusion(filing: Filing, clauses: list[Clause]) -> Iterator[Block]:
    decision, said = overall(clauses)
    counts = {
        name: sum(one.decision == name for one in clauses)
        for name in ("符合", "不符合", "不适用", "待填写", "不足以下结论")
    }
    yield Heading("十一、结论")
    yield Table(tuple(counts), (tuple(map(str, counts.values())),), (1,) * len(counts), "各条款的符合性（项数）")
    yield Text(f"依目前的证据：{decision}。{said}", "notice")
    yield Text(f"服务提供者的总体结论：{filing.service.conclusion or OPEN}")
    yield Heading("十二、签字")
    rows = tuple((zh, getattr(filing.service, name) or OPEN, "", "") for name, zh in words().signed.items())
    yield Table(("职务", "姓名", "签字", "日期"), rows, (3, 2.4, 3, 2), tall=True)
    yield Text("单位（盖章）：")
    yield Text(
        "附件："
        + "；".join(
            name.removesuffix(".xlsx").replace("-", " ")
            for name in (QUESTIONS, SAMPLE, REPLIES, LABELS, PEOPLE, KEYWORDS, HASHES)
        )
        + "。",
        "small",
    )
