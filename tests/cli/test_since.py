"""--since: resources removed from the specs since a commit, in a real git repository."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shell import SPECS, Shell

Git = Callable[..., str]

TOPIC_ONLY = """
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics: {feedback: {}}
"""


@pytest.fixture
def git(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Runs git in the shell's folder, which is a repository whose first commit, tagged `v1`, holds the specs."""
    for name in [n for n in os.environ if n.startswith("GIT_")]:
        monkeypatch.delenv(name)
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CEILING_DIRECTORIES": "/"}
    who = {f"GIT_{role}_{what}": "tester@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for name, value in (settings | who).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        done = subprocess.run(("git", *arguments), cwd=shell.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "-q", "-b", "main")
    (shell.folder / ".gitignore").write_text(".sesform/\n", encoding="utf-8")
    run("add", ".")
    run("commit", "-q", "-m", "one")
    run("tag", "v1")
    return run


def deletions(shell: Shell, *arguments: str) -> list[str]:
    """The addresses that a plan deletes or turns back, in order."""
    result = shell.run("plan", "--sandbox", "--format", "json", *arguments)
    assert (0, True) == (result.code, bool(result.out)), result.err
    return [f"{s['action']} {s['address']}" for s in json.loads(result.out)["sesform"]["steps"]]


GONE = [
    "delete corp/eu-west-1/notification_headers/example.com/bounce",
    "delete corp/eu-west-1/notification_topic/example.com/bounce",
    "delete corp/eu-west-1/notification_topic/example.com/complaint",
]


def test_removed_resources_are_deleted_and_the_next_plan_is_empty(shell: Shell, git: Git) -> None:
    """An owner's spec is deleted: its settings go, with reasons that name the old place; the same command again plans nothing."""
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(TOPIC_ONLY)
    plain = shell.run("plan", "--sandbox")
    result = shell.run("apply", "--sandbox", "--auto-approve", "--since", "v1")
    again = shell.run("drift", "--sandbox", "--since", "v1")

    assert "notification_topic" not in plain.out
    assert 0 == result.code, result.err
    for line in GONE:
        assert f"# {line.split()[1]} will be destroyed" in result.out
    assert "(because v1:specs/specs.yaml:9 declared it at an earlier commit, and no spec declares it now)" in result.out
    assert "# mailer/eu-west-1/configuration_set/main will be destroyed" in result.out
    assert (0, True) == (again.code, again.out.startswith("No drift."))


@pytest.mark.parametrize("ref", ["v1", "main", "HEAD~1", "HEAD~", "main@{0}~1", "elsewhere/main"])
def test_a_ref_is_whatever_git_takes_for_a_commit(shell: Shell, git: Git, ref: str) -> None:
    """Tags, branches, remote branches and expressions."""
    shell.run("apply", "--sandbox", "--auto-approve")
    git("update-ref", "refs/remotes/elsewhere/main", "HEAD")
    git("checkout", "-q", "-b", "topic")
    shell.specs(
        SPECS.replace("      complaint: mailer/feedback\n", "").replace("identities:", "topics: {}\nidentities:")
    )
    git("commit", "-q", "-a", "-m", "two")
    git("checkout", "-q", "main")
    git("merge", "-q", "topic")
    if ref in ("main", "elsewhere/main"):
        git("checkout", "-q", "v1")
        git("branch", "-q", "-f", "main", "v1")
        git("checkout", "-q", "topic")
    shell.specs(TOPIC_ONLY)

    assert GONE[0] in deletions(shell, "--since", ref)


def test_a_file_and_a_folder_that_are_gone_may_still_be_named(shell: Shell, git: Git) -> None:
    """PATHS that lead nowhere now are read as they were; all specs may be gone."""
    shell.run("apply", "--sandbox", "--auto-approve")
    (shell.folder / "specs" / "specs.yaml").unlink()
    (shell.folder / "specs").rmdir()

    assert GONE[1] in deletions(shell, "specs", "--since", "v1")
    assert GONE[1] in deletions(shell, "specs/specs.yaml", "--since", "v1")
    missing = shell.run("plan", "--sandbox", "specs", "nowhere", "--since", "v1")
    assert (1, "Error: nowhere: no such file or folder\n") == (missing.code, missing.err)


def test_a_path_that_was_not_there_yet_adds_nothing(shell: Shell, git: Git) -> None:
    """Specs of a new folder are compared with nothing."""
    (shell.folder / "more").mkdir()
    (shell.folder / "more" / "m.yaml").write_text(TOPIC_ONLY, encoding="utf-8")

    assert not [line for line in deletions(shell, "more", "--since", "v1") if not line.startswith("create ")]


def test_paths_are_seen_from_the_current_folder(shell: Shell, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a subfolder of the repository, and upwards from it."""
    shell.run("apply", "--sandbox", "--auto-approve")
    monkeypatch.setenv("SESFORM_SANDBOX_STATE", str(shell.folder / ".sesform" / "sandbox.json"))
    shell.specs(TOPIC_ONLY)
    monkeypatch.chdir(shell.folder / "specs")

    assert GONE[1] in deletions(shell, ".", "--since", "v1")
    assert GONE[1] in deletions(shell, "specs.yaml", "--since", "v1")
    assert GONE[1] in deletions(shell, "../specs", "--since", "v1")


def test_hidden_files_and_other_files_were_no_specs_then_either(shell: Shell, git: Git) -> None:
    """What a folder gives at a ref is what it would give on disk; a link within the repository is followed."""
    folder = shell.folder / "specs"
    (folder / ".hidden.yaml").write_text("kind: Nonsense", encoding="utf-8")
    (folder / "notes.txt").write_text("kind: Nonsense", encoding="utf-8")
    (shell.folder / "real.yaml").write_text(
        TOPIC_ONLY.replace("mailer", "linked").replace("feedback", "l"), encoding="utf-8"
    )
    (folder / "link.yaml").symlink_to("../real.yaml")
    (folder / "broken.yaml").symlink_to("nowhere.yaml")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    shell.run("apply", "--sandbox", "--auto-approve")
    (folder / "link.yaml").unlink()

    assert ["delete linked/eu-west-1/topic/l"] == deletions(shell, "--since", "HEAD")


def test_only_selects_removed_resources(shell: Shell, git: Git) -> None:
    """--only selects addresses of removed resources."""
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(TOPIC_ONLY)

    assert GONE[1:2] == deletions(shell, "--since", "v1", "--only", "*/notification_topic/*/bounce")[-1:]


def test_a_saved_plan_has_the_external_id_of_a_removed_spec_from_its_commit(shell: Shell, git: Git) -> None:
    """The secret is in no file but the old spec: applying the plan finds it there."""
    role = "{role_arn: 'arn:aws:iam::111111111111:role/r', external_id: s3cr3t-id}"
    shell.specs(SPECS.replace("identities:", f"credentials: {role}\nidentities:"))
    git("commit", "-q", "-a", "-m", "two")
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(TOPIC_ONLY)
    planned = shell.run("plan", "--sandbox", "--since", "HEAD", "--out", "plan.json")
    git("commit", "-q", "-a", "-m", "three")
    applied = shell.run("apply", "--sandbox", "--plan", "plan.json")

    assert (0, 0) == (planned.code, applied.code), applied.err
    assert "s3cr3t-id" not in (shell.folder / "plan.json").read_text(encoding="utf-8")
    assert git("rev-parse", "HEAD~1") == json.loads((shell.folder / "plan.json").read_text())["sesform"]["since"]


def test_guards_count_removed_resources(shell: Shell, git: Git) -> None:
    """Many settings that leave at once are refused as any other mass change is."""
    names = "\n".join(f"  n{i}.example.com: {{notifications: {{bounce: mailer/feedback}}}}" for i in range(10))
    shell.specs(SPECS.replace("identities:\n", f"identities:\n{names}\n"))
    git("commit", "-q", "-a", "-m", "two")
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(TOPIC_ONLY)
    result = shell.run("plan", "--sandbox", "--since", "HEAD")

    assert 1 == result.code
    assert "pass --allow-mass-change" in result.err


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("nowhere", "Error: --since 'nowhere' is not a commit of this repository; correct the name, or fetch it"),
        ("--output=x", "Error: --since '--output=x' is not a git ref; name a branch, a tag or a commit"),
        ("", "Error: --since '' is not a git ref; name a branch, a tag or a commit"),
        (
            "HEAD:specs",
            "Error: --since 'HEAD:specs' is not a commit of this repository; correct the name, or fetch it",
        ),
        (
            "0" * 40,
            f"Error: --since {'0' * 40!r} is not a commit of this repository; "
            "it consists of zeros only, which stands for no commit",
        ),
    ],
)
def test_a_ref_that_means_nothing_is_an_error(shell: Shell, git: Git, ref: str, says: str) -> None:
    """One line, exit code 1, and no word to AWS."""
    result = shell.run("plan", "--sandbox", f"--since={ref}")

    assert (1, "", says + "\n") == (result.code, result.out, result.err)


def test_a_shallow_clone_says_so(shell: Shell, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that a shallow clone lacks has another error than one that does not exist."""
    git("commit", "-q", "--allow-empty", "-m", "two")
    git("clone", "-q", "--depth", "1", f"file://{shell.folder}", "clone")
    monkeypatch.chdir(shell.folder / "clone")
    result = shell.run("plan", "--sandbox", "--since", "HEAD~1")

    assert 1 == result.code
    assert (
        "this clone is shallow; fetch its history (`git fetch --unshallow`; actions/checkout: `fetch-depth: 0`)"
        in result.err
    )


def test_what_a_sparse_checkout_leaves_out_has_not_left(shell: Shell, git: Git) -> None:
    """Specs that git was told not to write to the working tree would look as if they had been deleted."""
    for name in ("a", "b"):
        (shell.folder / "specs" / name).mkdir()
        (shell.folder / "specs" / name / "s.yaml").write_text(TOPIC_ONLY.replace("mailer", name), encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    git("sparse-checkout", "set", "specs/a")
    whole = shell.run("plan", "--sandbox", "--since", "HEAD")
    part = shell.run("plan", "--sandbox", "specs/a", "--since", "HEAD")

    assert (1, "", 0) == (whole.code, whole.out, part.code)
    assert "Error: specs/b/s.yaml is not checked out; its resources would look removed" in whole.err


def test_a_repository_inside_of_another_is_not_looked_into(shell: Shell, git: Git) -> None:
    """Removed resources of a submodule cannot be found; the error says so for each way to name it."""
    git("clone", "-q", ".", "inner")
    git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'HEAD')},inner")
    git("commit", "-q", "-m", "two")
    within = [shell.run("plan", "--sandbox", path, "--since", "HEAD") for path in ("inner", "inner/specs")]
    above = shell.run("plan", "--sandbox", ".", "--since", "HEAD")

    assert [(1, ""), (1, "")] == [(r.code, r.out) for r in within]
    assert [
        f"Error: {path} is in another git repository, {shell.folder / 'inner'}; run sesform there\n"
        for path in ("inner", "inner/specs")
    ] == [r.err for r in within]
    assert (1, "Error: inner is a submodule, which --since does not read; run sesform in the submodule\n") == (
        above.code,
        above.err,
    )


def test_a_folder_of_any_name_may_hold_the_repository(shell: Shell, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """File names are bytes, not UTF-8."""
    folder = os.fsdecode(os.fsencode(shell.folder) + b"/clone\xff")
    git("clone", "-q", ".", folder)
    monkeypatch.chdir(folder)

    assert 0 == shell.run("plan", "--sandbox", "--since", "HEAD").code


def test_a_branch_that_has_gone_on_is_warned_of(shell: Shell, git: Git) -> None:
    """Resources added on main are not removed by this branch: the warning names the commit to compare with."""
    git("checkout", "-q", "-b", "ours")
    git("commit", "-q", "--allow-empty", "-m", "ours")
    git("checkout", "-q", "main")
    (shell.folder / "specs" / "new.yaml").write_text(
        TOPIC_ONLY.replace("mailer", "new").replace("feedback", "n"), encoding="utf-8"
    )
    git("add", ".")
    git("commit", "-q", "-m", "theirs")
    shell.run("apply", "--sandbox", "--auto-approve")
    git("checkout", "-q", "ours")
    base = git("merge-base", "main", "HEAD")[:12]
    with_main, with_base = (shell.run("plan", "--sandbox", "-q", "--since", ref) for ref in ("main", base))

    assert "new/eu-west-1/topic/n will be destroyed" in with_main.out
    assert (
        f"Warning: main has commits that HEAD lacks (merge base {base}); resources added there would look deleted; "
        f"on a branch, use --since {base}\n"
    ) == with_main.err
    assert (0, True, "") == (with_base.code, with_base.out.startswith("No changes."), with_base.err)


def test_without_a_repository_or_without_git_it_says_so(
    shell: Shell, git: Git, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Git's own words where there is no repository; ours where there is no git."""
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.chdir(outside)
    (outside / "specs").mkdir()
    no_repository = shell.run("plan", "--sandbox", "--since", "v1")
    monkeypatch.setenv("GIT_DIR", str(shell.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(shell.folder))
    elsewhere = shell.run("plan", "--sandbox", "--since", "v1")
    monkeypatch.setenv("PATH", str(outside))
    no_git = shell.run("plan", "--sandbox", "--since", "v1")

    assert 1 == no_repository.code
    assert no_repository.err.startswith("Error: --since needs a git repository: git says 'fatal: not a git repository")
    assert f"Error: specs is outside of the git repository {shell.folder}; --since cannot read it\n" == elsewhere.err
    assert (1, "Error: --since needs git; install it, or add it to the PATH\n") == (no_git.code, no_git.err)


def test_git_dir_is_respected(shell: Shell, git: Git, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A repository that the environment names is the one that is asked."""
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(TOPIC_ONLY)
    (shell.folder / ".git").rename(shell.folder / "history")
    monkeypatch.setenv("GIT_DIR", str(shell.folder / "history"))

    assert GONE[1] in deletions(shell, "--since", "v1")


def test_specs_that_were_not_valid_then_are_errors_at_their_places(shell: Shell, git: Git) -> None:
    """Specs that are not valid at the commit are an error, because removed resources cannot be found."""
    shell.specs(SPECS.replace("bounce", "bonuce"))
    git("commit", "-q", "-a", "-m", "two")
    shell.specs(SPECS)
    result = shell.run("plan", "--sandbox", "--since", "HEAD")

    assert (1, "") == (result.code, result.out)
    assert "HEAD:specs/specs.yaml:9:7: identities.example.com.notifications.bonuce: unknown key 'bonuce'" in result.err
    assert (
        "the specs at HEAD are not valid, so removed resources cannot be found; name a ref at which they are valid"
        in result.err
    )


def test_a_saved_plan_cannot_be_combined_with_a_ref(shell: Shell, git: Git) -> None:
    """`apply --plan` does what was planned."""
    result = shell.run("apply", "--plan", "plan.json", "--since", "v1")

    assert (1, "") == (result.code, result.out)
    assert "a saved plan already has its deletions" in result.err


def test_the_repository_stays_as_it_is(shell: Shell, git: Git) -> None:
    """Nothing is checked out, and the index is not written."""
    shell.specs(TOPIC_ONLY)
    before = git("rev-parse", "HEAD"), (shell.folder / ".git" / "index").read_bytes()
    shell.run("plan", "--sandbox", "--since", "v1")

    assert before == (git("rev-parse", "HEAD"), (shell.folder / ".git" / "index").read_bytes())


def test_the_policy_allows_deleting_removed_resources(shell: Shell, git: Git) -> None:
    """`iam-policy --since` allows deleting removed resources; the policy of the present specs does not."""
    shell.specs(SPECS.partition("configuration_sets")[0])
    options = ("iam-policy", "--account", "222222222222", "--apply")

    assert "ses:DeleteConfigurationSet" not in shell.run(*options).out
    assert '"ses:DeleteConfigurationSet"' in shell.run(*options, "--since", "v1").out
