#!/usr/bin/env bash
# seqeval's f1_score takes mode="strict" and scores leniently, unless a scheme is named as well; its report is strict.
#
# Library: seqeval 1.2.2 (PyPI).
# Expectation: mode="strict" means the same in every function: f1_score, precision_score and recall_score of seqeval.metrics give the
#   averages that classification_report prints for the same mode. The documentation of each says "otherwise, the score is calculated
#   strictly" of the mode, and the scheme may be left out, which the report finds by itself.
# Behaviour: the three scores are strict only where mode="strict" and a scheme are given. With the mode alone, and with the scheme alone,
#   they are the lenient ones of the default, without a word; classification_report with the mode alone is strict.
# Output seen, of B-A I-A as gold and I-A I-A as predicted, which is no entity of IOB2:
#   f1_score: 1.0
#   f1_score, mode="strict": 1.0
#   f1_score, scheme=IOB2: 1.0
#   f1_score, mode="strict", scheme=IOB2: 0.0
#   classification_report, mode="strict": 0.0
#   classification_report, scheme=IOB2: 1.0
# For its users: name both. f1 --spans gives both figures, each by its name.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check seqeval==1.2.2 scikit-learn==1.9.1 numpy==2.4.6
cat >strict.py <<'P'
import warnings
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2

warnings.filterwarnings("ignore")
gold, predicted = [["O", "B-A", "I-A"]], [["O", "I-A", "I-A"]]
given = {"": {}, ', mode="strict"': {"mode": "strict"}, ", scheme=IOB2": {"scheme": IOB2}, ', mode="strict", scheme=IOB2': {"mode": "strict", "scheme": IOB2}}
for words, arguments in given.items():
    print(f"f1_score{words}: {float(f1_score(gold, predicted, **arguments))}")
for words in list(given)[1:3]:
    report = classification_report(gold, predicted, output_dict=True, **given[words])
    print(f"classification_report{words}: {float(report['micro avg']['f1-score'])}")
P
seen=$(venv/bin/python strict.py)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
