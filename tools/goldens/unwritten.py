"""Names the fixtures of plugins that no script here writes: python unwritten.py ../../plugins

Ends with exit code 1 if there is one. Reads the tables of all scripts, in the environment of requirements.txt; nothing is written.
"""
import importlib, pathlib, sys
import make
from vision import stand_ins


def written():
    """"family/case" of all that the scripts write."""
    names = {name for version in make.MODULES for name in make.writers(version)}
    with stand_ins("peft", "sentence_transformers", "sentence_transformers.util"):  # which other environments have
        adapters, resave, sentences = (importlib.import_module(name) for name in ("adapters", "resave", "sentences"))
    names |= adapters.CASES.keys() | {case["name"] for case in sentences.CASES.values()}
    return names | {name + resave.SUFFIX for name in resave.CASES}


def main():
    fixtures = {f"{folder.parents[1].name}/{folder.name}" for folder in pathlib.Path(sys.argv[1]).glob("*/fixtures/*") if folder.is_dir()}
    assert fixtures, f"{sys.argv[1]} holds no fixtures"
    missing = sorted(fixtures - written())
    for name in missing:
        print(f"{name}: no script writes it")
    print(f"{len(fixtures) - len(missing)} of {len(fixtures)} fixtures have a writer")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
