"""Names the fixtures and goldens of pictures of plugins that no script here writes: python unwritten.py ../../plugins

Ends with exit code 1 if there is one. Reads the tables of all scripts, in the environment of requirements.txt; nothing is written.
"""
import importlib, pathlib, sys
import make, pictures, processors
from vision import stand_ins


def written():
    """"family/case" of all that the scripts write."""
    names = {name for version in make.MODULES for name in make.writers(version)}
    with stand_ins("peft", "sentence_transformers", "sentence_transformers.util"):  # which other environments have
        adapters, resave, sentences = (importlib.import_module(name) for name in ("adapters", "resave", "sentences"))
    names |= adapters.CASES.keys() | {case["name"] for case in sentences.CASES.values()}
    return names | {name + resave.SUFFIX for name in resave.CASES}


def drawn():
    """"family/file" of all in test/pictures that the scripts write."""
    names = {f"{plugin}/{file}" for plugin in pictures.CASES for file in ("picture.png", "golden.json")}
    return names | {f"{plugin}/processors.json" for plugin in processors.CASES}


def main():
    fixtures = {f"{folder.parents[1].name}/{folder.name}" for folder in pathlib.Path(sys.argv[1]).glob("*/fixtures/*") if folder.is_dir()}
    assert fixtures, f"{sys.argv[1]} holds no fixtures"
    missing = sorted(fixtures - written())
    files = {f"{file.parents[2].name}/{file.name}" for file in pathlib.Path(sys.argv[1]).glob("*/test/pictures/*")}
    unknown = sorted(files - drawn())
    for name in missing + unknown:
        print(f"{name}: no script writes it")
    print(f"{len(fixtures) - len(missing)} of {len(fixtures)} fixtures have a writer, {len(files) - len(unknown)} of {len(files)} files of pictures")
    sys.exit(1 if missing or unknown else 0)


if __name__ == "__main__":
    main()
