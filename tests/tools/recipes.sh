# The shell recipes that make data for train, on a language in which each word has a translation: distillation, back-translation, filtering.
source "$(dirname "$0")/../shell.sh"
build=$(cd "$here" && realpath "${BUILD:-build}")
mkdir -p root/build
ln -s "$build/bin" root/build/bin
cp -r "$here/scripts" root
recipe() { "$work/root/scripts/$1" "${@:2}" >recipe.out 2>&1 || { cat recipe.out; return 1; }; }

reversed_language 500
awk -F'\t' '{ t = $1; gsub("a", "b", t); print $1 "\t" t }' train.tsv >same && mv same train.tsv # read forwards, which is learned sooner
head -n 400 train.tsv >pairs.tsv
sed -n '401,440p' train.tsv >valid.tsv
sed -n '441,500p' train.tsv | cut -f2 >mono.tgt
sed -n '441,500p' train.tsv | cut -f1 >mono.src
small=(-- --device cpu --preset tiny --layers 1 --d-model 48 --d-ff 96 --heads 2 --dropout 0 --max-tokens 400 --warmup 60 --lr 0.008 --steps 400 --label-smoothing 0 --validate-every 100)
matches() { cut -f1 valid.tsv | tokenize -q -m "$1" | decode -q -m "$1" | tokenize -q -d | paste - <(cut -f2 valid.tsv) | awk -F'\t' '$1 == $2 { ++n } END { print n + 0, "of", NR; exit n < NR * 0.7 }'; }

distils() {
  recipe distil --data pairs.tsv --valid valid.tsv --teachers 2 --vocab-size 285 --dir d "${small[@]}" && [ -s d/teacher2.st ] &&
    [ "$(wc -l <d/distilled.tsv)" = 400 ] && [ "$(cut -f1 d/distilled.tsv)" = "$(cut -f1 pairs.tsv)" ] &&
    paste d/distilled.tsv pairs.tsv | awk -F'\t' '$2 == $4 { ++n } END { exit n < NR * 0.7 }' && matches d/student.st
}
ok "two teachers translate the training set, and a student learns it" distils
for by in beam sampling; do
  back() {
    recipe back-translate --data pairs.tsv --valid valid.tsv --mono mono.tgt --by $by --vocab-size 286 --dir b "${small[@]}" &&
      [ "$(cut -f2 b/made.tsv)" = "$(cat mono.tgt)" ] && [ "$(grep -c '^<BT> ' b/made.tsv)" = 60 ] && matches b/model.st &&
      head -n 1 b/made.tsv | cut -f1 | tokenize -q -m b/spm.model --output pieces | grep -q '<BT>'
  }
  ok "text of the target language comes back, by $by, under a tag that is one piece" back
done
forward() {
  recipe back-translate --forward --data pairs.tsv --valid valid.tsv --mono mono.src --vocab-size 286 --dir f "${small[@]}" &&
    [ "$(cut -f1 f/made.tsv)" = "$(cat mono.src)" ] && ! grep -q '<BT>' f/made.tsv && matches f/model.st
}
ok "text of the source language goes forward" forward

filters() { # MODEL...: every tenth pair is broken, and a tenth is left out
  awk -F'\t' 'NR == FNR { t[FNR] = $2; n = FNR; next } FNR % 10 == 0 { print $1 "\t" t[(FNR + 137) % n + 1]; next } { print }' pairs.tsv pairs.tsv >noisy.tsv
  "$work/root/scripts/filter-pairs" "$@" --keep 0.9 <noisy.tsv >kept.tsv && [ "$(wc -l <kept.tsv)" = 360 ] &&
    comm -13 <(sort -u kept.tsv) <(sort -u noisy.tsv) >out && grep -vxFf pairs.tsv out | wc -l | awk '{ print; exit $1 < 30 }' &&
    cmp kept.tsv <(grep -xFf kept.tsv noisy.tsv | head -n 360)
}
ok "the pairs that a model finds least likely are left out" filters -m d/student.st
two_vocabularies() { # a token is one of its own column's
  tokenize -q --learn --type list -o src.list <(cut -f1 pairs.tsv) && tokenize -q --learn --vocab-size 274 -o tgt.model <(cut -f2 pairs.tsv) &&
    tokenize -q -m src=src.list,tgt=tgt.model <pairs.tsv >two.st && train -q --data two.st --preset tiny --share-embeddings target --layers 1 --d-model 16 --d-ff 16 --heads 2 --steps 2 --device cpu -o two-model.st &&
    "$work/root/scripts/filter-pairs" -m two-model.st --keep 0.5 <pairs.tsv >kept.tsv &&
    paste <(tokenize -q -m two-model.st --columns src,tgt <pairs.tsv | decode -q -m two-model.st --score) <(cut -f2 pairs.tsv | tokenize -q -m tgt.model --output ids | awk '{ print NF + 1 }') pairs.tsv |
      awk -F'\t' '{ printf "%.9g\t%s\t%s\n", $1 / $2, $3, $4 }' | sort -s -k1,1gr | head -n 200 | cut -f 2- | sort | cmp - <(sort kept.tsv)
}
ok "of two vocabularies, a pair's tokens are those of its target's" two_vocabularies
unended() { head -n 4 pairs.tsv | head -c -1 | "$work/root/scripts/filter-pairs" -m d/student.st --keep 1 | cmp - <(head -n 4 pairs.tsv); }
ok "a last line without its end is a pair" unended
untabbed() { printf 'a1\tb1\na2 b2\n' | "$work/root/scripts/filter-pairs" -m d/student.st; }
refuses "a line that is no pair" 1 'filter-pairs: line 2 of standard input is not source TAB target' untabbed
tagged() {
  recipe back-translate --data pairs.tsv --valid valid.tsv --mono mono.tgt --tag '<a&b,\c>' --vocab-size 286 --dir g "${small[@]}" --steps 2 &&
    [ "$(grep -cF '<a&b,\c> ' g/made.tsv)" = 60 ] && head -n 1 g/made.tsv | cut -f1 | tokenize -q -m g/spm.model --output pieces | grep -qF '<a&b,\c>'
}
ok "a tag is taken as it is" tagged
refuses "a share that is none" 2 'filter-pairs: --keep is a share' "$work/root/scripts/filter-pairs" -m d/student.st --keep 2
refuses "no pairs" 1 'filter-pairs: standard input holds no pairs' "$work/root/scripts/filter-pairs" -m d/student.st
refuses "no data" 1 "distil: '': cannot read it" "$work/root/scripts/distil"
refuses "a search that there is not" 2 'back-translate: --by is beam or sampling' "$work/root/scripts/back-translate" --by luck
done_testing
