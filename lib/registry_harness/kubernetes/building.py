"""Kubernetes built of its Go modules: all programs in one, which goes by the name it is
called by.

Its own go.mod replaces the modules of its staging directory; one that uses it has to do
the same.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from registry_harness.machine.go_modules import QUICKLY, go, linked_with

_MODULE = "k8s.io/kubernetes"
_STAGED = "./staging/"
_MAIN = """package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var background = context.Background()

func command(name string) *cobra.Command {
	switch name {
	case "kube-apiserver":
		return apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		return controllers.NewControllerManagerCommand()
	case "kube-scheduler":
		return scheduler.NewSchedulerCommand()
	case "kubelet":
		return kubelet.NewKubeletCommand(background)
	}
	fmt.Fprintln(os.Stderr, "there is no program", name)
	os.Exit(2)
	return nil
}

func main() {
	os.Exit(cli.Run(command(filepath.Base(os.Args[0]))))
}
"""


def build(
    version: str, programs: Sequence[str], target: Path, say: Callable[[str], None]
) -> None:
    """Build the programs into a directory.

    Args:
        version: of Kubernetes.
        programs: names that the one program gets.
        target: an empty directory.
        say: is given a line of progress now and then.

    Raises:
        MissingPartError: Go cannot; with its words.
    """
    work = target / "module"
    work.mkdir()
    say("fetching it, and reading the list of its modules")
    module = json.loads(go(work, "mod", "download", "-json", f"{_MODULE}@v{version}"))
    (work / "main.go").write_text(_main(Path(module["Dir"])), encoding="utf-8")
    (work / "go.mod").write_text(
        _go_mod(version, Path(module["GoMod"]), work), encoding="utf-8"
    )
    go(work, "list", "-mod=mod", "-deps", ".")
    say("compiling")
    major, minor, _ = version.split(".")
    stamped = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    stamps = {
        f"k8s.io/component-base/version.{key}": value for key, value in stamped.items()
    }
    # A cluster of what was not optimized starts 2 s later.
    flags = (QUICKLY, linked_with(stamps))
    go(work, "build", "-mod=mod", *flags, "-o", str(target / "kubernetes"), ".")
    for name in programs:
        (target / name).symlink_to("kubernetes")
    shutil.rmtree(work)


def _main(sources: Path) -> str:
    text = (sources / "cmd/kubelet/app/server.go").read_text(encoding="utf-8")
    # Older ones take nothing.
    takes_nothing = "func NewKubeletCommand()" in text
    return _MAIN.replace("(background)", "()") if takes_nothing else _MAIN


def _go_mod(version: str, published: Path, work: Path) -> str:
    plain: dict[str, Any] = json.loads(go(work, "mod", "edit", "-json", str(published)))
    staged = [
        each["Old"]["Path"]
        for each in plain["Replace"]
        if each["New"]["Path"].startswith(_STAGED)
    ]
    # The modules of staging are published with the same numbers after a major version
    # of 0.
    as_published = re.sub(r"^\d+", "0", version)
    replaced = [f"replace {each} => {each} v{as_published}" for each in staged]
    lines = [
        "module kubernetes",
        f"go {plain['Go']}",
        f"require {_MODULE} v{version}",
        *replaced,
    ]
    return "\n".join(lines) + "\n"
