# %% [markdown]
# # A look at two models
# Each `# %%` begins a cell: open it as a notebook (VS Code, PyCharm, Jupyter with jupytext), or run it as a script.

# %%
import anjian

run = anjian.evaluate("tiny/distill", suite="chisafety", limit=12, max_tokens=48, out="runs/distill")
run

# %% [markdown]
# Every score with its interval, as in `scores.json`. With pandas: `pandas.DataFrame(run.scores)`.

# %%
for row in run.scores:
    if row["group"] == "overall" and row["value"] is not None:
        print(f"{row['metric']:>22} {row['value']:7.1%}   {row['low']:.1%} – {row['high']:.1%}   n = {row['scored']}")

# %% [markdown]
# The words behind the numbers: each reply has its verdict beside it.

# %%
pairs = list(zip(run.replies(), run.verdicts(), strict=True))
for reply, verdict in pairs[:6]:
    print("问", reply["messages"][-1]["content"])
    print("答", reply["answer"] or reply["thinking"])
    print("判", verdict["label"] or verdict["unscored"], "|", verdict["analysis"], end="\n\n")

# %% [markdown]
# What is unscored is no verdict, and says why.

# %%
print({verdict["unscored"] for _, verdict in pairs if verdict["unscored"]} or "all scored", f"{run.coverage:.0%}")

# %% [markdown]
# Two stages side by side, item by item. The run from above is taken as it is; only the other model is asked.

# %%
found = anjian.compare(
    ["tiny/base", "tiny/distill"],
    suites=["chisafety"],
    runs=[run.folder],
    limit=12,
    max_tokens=48,
    out="runs/both",
)
print(found.decision, *found.reasons, sep="\n- ")
found.report
